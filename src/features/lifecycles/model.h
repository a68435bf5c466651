// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "json/type.h"

namespace fairlead::features::lifecycles {

// How many releases (or for how long) are kept. Older clients send no Strategy; what they mean follows from the other
// members.
struct RetentionPeriod {
  std::string strategy;  // Default, Forever, Count
  std::string unit = "Items";
  int quantity_to_keep = 0;
  bool should_keep_forever = true;
};
const json::Type& type_of(json::Tag<RetentionPeriod>);

struct Phase {
  std::string id, name;
  std::vector<std::string> automatic_deployment_targets, optional_deployment_targets;
  int minimum_environments_before_promotion = 0;
  bool is_optional = false, is_priority = false;
  std::optional<RetentionPeriod> release_retention_policy, tentacle_retention_policy;  // null: inherited
  json::Extra extra;
};
const json::Type& type_of(json::Tag<Phase>);

struct Lifecycle {
  Id<Lifecycle> id;
  std::string space_id, name, slug, description;
  std::vector<Phase> phases;
  std::optional<RetentionPeriod> release_retention_policy, tentacle_retention_policy;
  json::Extra extra;
};
const json::Type& type_of(json::Tag<Lifecycle>);

}  // namespace fairlead::features::lifecycles
