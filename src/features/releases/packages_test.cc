// SPDX-License-Identifier: Apache-2.0
#include "features/releases/packages.h"

#include <gtest/gtest.h>

#include "base/error.h"

namespace fairlead::features::releases {
namespace {

std::vector<processes::Step> sample() {
  processes::Action web;
  web.name = "Web";
  web.packages.resize(2);
  web.packages[0].package_id = "shop/web";
  web.packages[1].name = "tools";
  web.packages[1].package_id = "shop/#{Tool}";
  web.packages[1].version = "7.1";
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
  ASSERT_EQ(packages.size(), 2u);
  EXPECT_TRUE(packages[0].is_resolvable);
  EXPECT_FALSE(packages[1].is_resolvable);
  EXPECT_EQ(packages_of(sample(), "Channels-2").size(), 4u);
}

TEST(Packages, VersionsByNameReferenceAndDefault) {
  EXPECT_EQ(versions({}, {{}, "1.0"}), "Deploy/Web/=1.0 Deploy/Web/tools=7.1 ");
  EXPECT_EQ(versions({}, {{"web:2.0", "*:3.0"}, "1.0"}), "Deploy/Web/=2.0 Deploy/Web/tools=2.0 ");
  EXPECT_EQ(versions({}, {{"Deploy:tools:2.0", "shop/web:4.0"}, ""}), "Deploy/Web/=4.0 Deploy/Web/tools=2.0 ");
  EXPECT_EQ(versions({{"Web", "", "", "5.0"}}, {{"*:3.0"}, ""}), "Deploy/Web/=5.0 Deploy/Web/tools=3.0 ");
}

TEST(Packages, MissingAndUnknownAreNamed) {
  for (const auto& [choice, place] :
       std::vector<std::pair<PackageChoice, std::string>>{{{}, "SelectedPackages"},
                                                          {{{"*:1", "Nothing:1"}, ""}, "Packages[1]"},
                                                          {{{"one"}, ""}, "Packages[0]"},
                                                          {{{"a:"}, ""}, "Packages[0]"}}) {
    try {
      versions({}, choice);
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
