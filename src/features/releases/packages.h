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
  // "(step, action or package id):version" or "...:reference:version"; "*" or nothing for any; '/' and '=' separate
  // too, a backslash before a separator makes it a part of the name. Later ones win.
  std::vector<std::string> overrides;
  std::string default_version;  // of all that no override names
};

// One selection for each package: its fixed version, else that of `given`, of the last override that names it, or the
// default. Throws Error(invalid) naming every package without a version, and an override that is none or names no
// package.
std::vector<SelectedPackage> select_packages(const std::vector<ProcessPackage>& packages,
                                             const std::vector<SelectedPackage>& given, const PackageChoice& choice);

}  // namespace fairlead::features::releases
