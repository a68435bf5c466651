// SPDX-License-Identifier: Apache-2.0
#include "features/variables/rules.h"

#include <gtest/gtest.h>

namespace fairlead::features::variables {
namespace {

Variable secret(std::string id, std::optional<std::string> value) {
  Variable variable;
  variable.id = std::move(id);
  variable.name = "Password";
  variable.type = "Sensitive";
  variable.is_sensitive = true;
  variable.value = std::move(value);
  return variable;
}

std::vector<Variable> stored() {
  Variable variable = secret("v1", std::nullopt);
  variable.secret.has_value = true;
  variable.secret.sealed = "sealed:old";
  return {variable};
}

// What becomes of the stored secret: "kept", "set to <text>", or "gone".
std::string after(Variable incoming) {
  std::vector<Variable> variables{std::move(incoming)};
  complete_variables(variables, stored());
  const json::SensitiveValue& value = variables.front().secret;
  EXPECT_FALSE(variables.front().value.has_value());
  if (value.new_value) return "set to " + std::string(value.new_value->reveal());
  return value.sealed == "sealed:old" ? "kept" : "gone";
}

TEST(Variables, SecretsThatAClientWasNotShownAreKept) {
  EXPECT_EQ(after(secret("v1", std::nullopt)), "kept");
  EXPECT_EQ(after(secret("v1", "")), "kept");
  EXPECT_EQ(after(secret("v1", "new")), "set to new");
  // A variable without an id is a new one, though it takes over the id of one with the same name and scope.
  EXPECT_EQ(after(secret("", std::nullopt)), "kept");
  EXPECT_EQ(after(secret("", "")), "set to ");
  EXPECT_EQ(after(secret("another", std::nullopt)), "gone");
}

TEST(Variables, IdsStayByNameAndScope) {
  Variable plain;
  plain.name = "password";
  plain.value = "x";
  std::vector<Variable> variables{plain};
  complete_variables(variables, stored());
  EXPECT_EQ(variables.front().id, "v1");
  variables.front().id.clear();
  variables.front().scope.environment = {"Environments-1"};
  complete_variables(variables, stored());
  EXPECT_NE(variables.front().id, "v1");
}

}  // namespace
}  // namespace fairlead::features::variables
