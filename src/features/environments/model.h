// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "json/type.h"

namespace fairlead::features::environments {

struct Environment {
  Id<Environment> id;
  std::string space_id, name, slug, description;
  int sort_order = 0;
  bool use_guided_failure = false;
  bool allow_dynamic_infrastructure = false;
  std::vector<json::Raw> extension_settings;
  std::vector<std::string> tags;
  json::Extra extra;
};
const json::Type& type_of(json::Tag<Environment>);

}  // namespace fairlead::features::environments
