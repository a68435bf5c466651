// SPDX-License-Identifier: Apache-2.0
#include "features/releases/packages.h"

#include <gtest/gtest.h>

#include "base/error.h"

namespace fairlead::features::releases {
namespace {

std::vector<processes::Step> sample() {
  processes::Action web;
  web.name = "Web";
  web.packages.resize(3);
  web.packages[0].package_id = "shop/web";
  web.packages[1].name = "extras";
  web.packages[1].package_id = "shop/#{Extra}";
  web.packages[2].name = "tools";
  web.packages[2].package_id = "tools";
  web.packages[2].version = "7.1";
  processes::Action off = web;
  off.name = "Off";
  off.is_disabled = true;
  processes::Action beta = web;
  beta.name = "Beta";
  beta.channels = {"Channels-2"};
  processes::Step step;
  step.name = "Deploy";
  step.actions = {web, off, beta};
  return {step};
}

std::string versions(const std::vector<SelectedPackage>& given, const PackageChoice& choice) {
  std::string out;
  for (const SelectedPackage& one : select_packages(packages_of(sample(), "Channels-1"), given, choice)) {
    out += one.step_name + "/" + one.action_name + "/" + one.package_reference_name + "=" + one.version + " ";
  }
  return out;
}

TEST(Packages, OfActionsThatRun) {
  const auto packages = packages_of(sample(), "Channels-1");
  ASSERT_EQ(packages.size(), 3u);
  EXPECT_TRUE(packages[0].is_resolvable);
  EXPECT_FALSE(packages[1].is_resolvable);
  EXPECT_EQ(packages_of(sample(), "Channels-2").size(), 6u);
}

TEST(Packages, VersionsByNameReferenceAndDefault) {
  EXPECT_EQ(versions({}, {{}, "1.0"}), "Deploy/Web/=1.0 Deploy/Web/extras=1.0 Deploy/Web/tools=7.1 ");
  EXPECT_EQ(versions({}, {{"web:2.0"}, "1.0"}), "Deploy/Web/=2.0 Deploy/Web/extras=2.0 Deploy/Web/tools=7.1 ");
  EXPECT_EQ(versions({}, {{"*:2.0", "Deploy:extras:3.0-beta"}, ""}),
            "Deploy/Web/=2.0 Deploy/Web/extras=3.0-beta Deploy/Web/tools=7.1 ");
  // Later ones win, whatever they name.
  EXPECT_EQ(versions({}, {{"web:2.0", ":3.0"}, ""}), "Deploy/Web/=3.0 Deploy/Web/extras=3.0 Deploy/Web/tools=7.1 ");
  // Any separator; one that belongs to the name is escaped.
  EXPECT_EQ(versions({}, {{"shop\\/web = 4.0", "*/extras=5"}, ""}),
            "Deploy/Web/=4.0 Deploy/Web/extras=5 Deploy/Web/tools=7.1 ");
  EXPECT_EQ(versions({{"Web", "", "", "5.0"}, {"", "extras", "Web", "6.0"}}, {{"*:3.0"}, ""}),
            "Deploy/Web/=5.0 Deploy/Web/extras=6.0 Deploy/Web/tools=7.1 ");
}

TEST(Packages, MissingAndUnknownAreNamed) {
  const std::vector<std::pair<std::vector<std::string>, std::string>> rows{
      {{}, "SelectedPackages"},        {{"*:1", "Nothing:1"}, "Packages[1]"}, {{"5"}, "Packages[0]"},
      {{"web:"}, "Packages[0]"},       {{"web:latest"}, "Packages[0]"},       {{"a:b:c:1"}, "Packages[0]"},
      {{"shop/web:1"}, "Packages[0]"},
  };
  for (const auto& [overrides, place] : rows) {
    try {
      versions({}, {overrides, ""});
      FAIL() << place;
    } catch (const Error& error) {
      EXPECT_EQ(error.fault(), Fault::invalid);
      ASSERT_FALSE(error.details().empty());
      EXPECT_EQ(error.details()[0].where, place);
    }
  }
}

}  // namespace
}  // namespace fairlead::features::releases
