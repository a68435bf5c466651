// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "json/type.h"

namespace fairlead::features::project_groups {

struct ProjectGroup {
  Id<ProjectGroup> id;
  std::string space_id, name, slug, description, retention_policy_id;
  std::vector<std::string> environment_ids;
  json::Extra extra;
};
const json::Type& type_of(json::Tag<ProjectGroup>);

}  // namespace fairlead::features::project_groups
