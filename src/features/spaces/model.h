// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "json/type.h"

namespace fairlead::features::spaces {

inline constexpr const char* kDefaultSpace = "Spaces-1";

struct Space {
  Id<Space> id;
  std::string name, slug, description;
  bool is_default = false;
  bool task_queue_stopped = false;
  std::vector<std::string> manager_teams, manager_members;
  json::Extra extra;
};
const json::Type& type_of(json::Tag<Space>);

}  // namespace fairlead::features::spaces
