// SPDX-License-Identifier: Apache-2.0
// What a channel demands of the versions of packages. It acts when a release is created, and never later.
#pragma once

#include <string>
#include <vector>

#include "domain/version_rule.h"
#include "features/channels/model.h"

namespace fairlead::features::channels {

struct PackageRule {
  std::string action, reference;  // names; the reference of an action's first package is ""
  domain::VersionRule rule;
};
// The rules of the channel, one for each package that they name. Throws Error(invalid) with one detail for each rule
// that is none, and for a package of which two rules speak.
std::vector<PackageRule> package_rules_of(const Channel& channel);

}  // namespace fairlead::features::channels
