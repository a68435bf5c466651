// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <string>
#include <vector>

#include "features/releases/model.h"
#include "features/releases/packages.h"
#include "features/services.h"

namespace fairlead::features::releases {

struct CreateCommand {
  std::string project_name, release_version, channel_name, release_notes, git_ref, git_commit, package_version;
  std::vector<std::string> packages, git_resources;
  bool ignore_if_already_exists = false, ignore_channel_rules = false;
  std::map<std::string, std::string> custom_fields;
};
const json::Type& type_of(json::Tag<CreateCommand>);

// Freezes process and variables of the project and numbers the release: by the package or the template of the project's
// versioning strategy where no version is given. Throws Error(invalid) when the version is taken or is no version, or a
// package has none.
Release create_release(Services& services, store::Tx& tx, const api::Context& context, const std::string& project,
                       Release wanted, const PackageChoice& choice = {});

// The version that the project's template gives next.
std::string next_version_of(Services& services, const store::Tx& tx, const std::string& project,
                            const std::string& channel);

}  // namespace fairlead::features::releases
