// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "json/type.h"

namespace fairlead::features::channels {

struct Channel {
  Id<Channel> id;
  std::string space_id, project_id, name, slug, description;
  std::string lifecycle_id;  // empty: the project's
  bool is_default = false;
  std::string type = "Lifecycle";
  std::vector<json::Raw> rules, git_resource_rules, custom_field_definitions;
  std::vector<std::string> tenant_tags, git_reference_rules;
  json::Extra extra;
};
const json::Type& type_of(json::Tag<Channel>);

}  // namespace fairlead::features::channels
