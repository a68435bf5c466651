// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <string>
#include <vector>

#include "json/type.h"

namespace fairlead::features::releases {

// The version of one package of the process.
struct SelectedPackage {
  std::string action_name, package_reference_name, step_name, version;
};
const json::Type& type_of(json::Tag<SelectedPackage>);

struct Release {
  Id<Release> id;
  std::string space_id, project_id, channel_id, version, release_notes;
  bool ignore_channel_rules = false;
  Time assembled;
  std::string process_snapshot_id, variable_snapshot_id;
  std::vector<std::string> library_variable_snapshot_ids;
  std::vector<SelectedPackage> selected_packages;
  std::vector<json::Raw> selected_git_resources, build_information;
  std::map<std::string, std::string> custom_fields;
};
const json::Type& type_of(json::Tag<Release>);

// A reason to stop a release from going further.
struct Defect {
  Id<Defect> id;
  std::string release_id, description, status = "Unresolved";
  Time created;
};
const json::Type& type_of(json::Tag<Defect>);

}  // namespace fairlead::features::releases
