// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "json/type.h"

namespace fairlead::features::feeds {

inline constexpr const char* kBuiltInType = "BuiltIn";

struct Feed {
  Id<Feed> id;
  std::string space_id, name, slug, feed_type;
  std::vector<std::string> package_acquisition_location_options;
  int delete_unreleased_packages_after_days = 0;
  bool is_built_in_repo_sync_enabled = false;
};
const json::Type& type_of(json::Tag<Feed>);

}  // namespace fairlead::features::feeds
