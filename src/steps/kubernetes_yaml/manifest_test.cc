// SPDX-License-Identifier: Apache-2.0
#include "steps/kubernetes_yaml/manifest.h"

#include <gtest/gtest.h>

#include "base/error.h"

namespace fairlead::steps::kubernetes_yaml {
namespace {

constexpr const char* kYaml =
    "# for #{Nobody}\n"
    "apiVersion: v1\n"
    "kind: ConfigMap\n"
    "metadata:\n"
    "  name: web\n"
    "data:\n"
    "  colour: '#{Colour}'\n"
    "  url: \"#{Missing.Url}\"\n";

TEST(Manifest, SubstitutesAndReportsSensitiveVariables) {
  domain::octostache::VariableSet variables;
  variables.set_sensitive("Colour", "blue");
  variables.set("Missing.Url", "http://x");
  const Manifest manifest = substitute(kYaml, "inline", variables, Unresolved::fail);
  EXPECT_NE(manifest.text.find("colour: 'blue'"), std::string::npos);
  EXPECT_NE(manifest.text.find("# for #{Nobody}"), std::string::npos) << "a comment is kept as it is";
  EXPECT_EQ(manifest.sensitive_variables, std::vector<std::string>{"Colour"});
}

TEST(Manifest, UnresolvedTokensInValuesFailWithFileAndLine) {
  domain::octostache::VariableSet variables;
  variables.set("Colour", "blue");
  try {
    substitute(kYaml, "inline", variables, Unresolved::fail);
    FAIL();
  } catch (const Error& error) {
    ASSERT_EQ(error.details().size(), 1u) << error.text();
    EXPECT_EQ(error.details()[0].where, "inline:8");
    EXPECT_NE(error.details()[0].text.find("#{Missing.Url}"), std::string::npos);
  }
  EXPECT_NE(substitute(kYaml, "inline", variables, Unresolved::keep).text.find("#{Missing.Url}"), std::string::npos);
}

TEST(Manifest, CyclicVariablesAreNamed) {
  domain::octostache::VariableSet variables;
  variables.set("Colour", "#{Missing.Url}");
  variables.set("Missing.Url", "#{Colour}");
  try {
    substitute(kYaml, "inline", variables, Unresolved::fail);
    FAIL();
  } catch (const Error& error) {
    EXPECT_TRUE(error.message().starts_with("inline:7: ")) << error.text();
    EXPECT_NE(error.message().find("Colour"), std::string::npos) << error.text();
  }
}

}  // namespace
}  // namespace fairlead::steps::kubernetes_yaml
