// SPDX-License-Identifier: Apache-2.0
// The packages that the steps of a process refer to, and the versions of them that a release froze. There is no feed
// yet that could be asked for the newest version, so each version is said by whoever creates the release.
#pragma once

#include <string>
#include <vector>

#include "features/processes/model.h"
#include "features/releases/model.h"

namespace fairlead::features::releases {

struct ProcessPackage {
  std::string step, action, reference;  // names; the reference of an action's first package is ""
  std::string package_id, feed_id;
  std::string fixed_version;  // of the reference itself; empty: chosen with the release
  bool is_resolvable = true;  // false: the id or the feed has variables in it
};
// Of the actions that are not disabled and that run for releases of the channel.
std::vector<ProcessPackage> packages_of(const std::vector<processes::Step>& steps, const std::string& channel);

// What a request says about versions.
struct PackageChoice {
  std::vector<std::string> overrides;  // "Step or action or package:Version", "...:Reference:Version", "*:Version"
  std::string default_version;         // of all that no override names
};

// One selection for each package: from `given`, else from the overrides, else the fixed or default version. Throws
// Error(invalid) naming every package without a version, and overrides that name no package.
std::vector<SelectedPackage> select_packages(const std::vector<ProcessPackage>& packages,
                                             const std::vector<SelectedPackage>& given, const PackageChoice& choice);

}  // namespace fairlead::features::releases
