// SPDX-License-Identifier: Apache-2.0
#include "features/deployments/prompts.h"

#include <gtest/gtest.h>

#include "base/error.h"

namespace fairlead::features::deployments {
namespace {

std::vector<Prompt> sample() {
  Prompt reason;
  reason.id = "a1";
  reason.name = "Reason";
  reason.required = true;
  Prompt password;
  password.id = "b2";
  password.name = "Password";
  password.sensitive = true;
  password.label = "Pass word";
  return {reason, password};
}

TEST(Prompts, ValuesByNameOrId) {
  Deployment deployment;
  deployment.form_values = {{"reason", "because"}, {"b2", "hush"}};
  settle_form_values(sample(), deployment);
  EXPECT_EQ(deployment.form_values, (std::map<std::string, std::string>{{"Reason", "because"}}));
  ASSERT_EQ(deployment.secret_form_values.count("Password"), 1u);
  EXPECT_EQ(deployment.secret_form_values["Password"].sensitive->new_value->reveal(), "hush");
  // What clients see has no trace of the secret.
  EXPECT_EQ(json::encode(deployment).find("hush"), std::string::npos);
  EXPECT_EQ(json::encode(deployment).find("Password"), std::string::npos);
}

TEST(Prompts, ValuesByLabel) {
  Deployment deployment;
  deployment.form_values = {{"Reason", "because"}, {"pass WORD", "hush"}};
  settle_form_values(sample(), deployment);
  EXPECT_EQ(deployment.secret_form_values.count("Password"), 1u);
}

TEST(Prompts, MissingAndUnknown) {
  for (const auto& given : std::vector<std::map<std::string, std::string>>{
           {}, {{"Reason", ""}}, {{"Reason", "x"}, {"Octopus.Release.Number", "9"}}}) {
    Deployment deployment;
    deployment.form_values = given;
    try {
      settle_form_values(sample(), deployment);
      FAIL();
    } catch (const Error& error) {
      EXPECT_EQ(error.fault(), Fault::invalid);
      ASSERT_EQ(error.details().size(), 1u);
      EXPECT_EQ(error.details()[0].where, "Variables");
    }
  }
  std::vector<Prompt> with_default = sample();
  with_default[0].has_value = true;
  Deployment deployment;
  settle_form_values(with_default, deployment);
  EXPECT_TRUE(deployment.form_values.empty());
}

}  // namespace
}  // namespace fairlead::features::deployments
