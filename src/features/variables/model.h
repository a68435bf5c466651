// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "json/type.h"

namespace fairlead::features::variables {

struct VariableScope {
  std::vector<std::string> environment, machine, role, action, channel, tenant_tag, process_owner;
};
const json::Type& type_of(json::Tag<VariableScope>);

struct Variable {
  std::string id, name;
  std::optional<std::string> value;  // null for sensitive ones, whose value is in `secret`
  std::string description, type = "String";
  VariableScope scope;
  bool is_editable = true, is_sensitive = false;
  json::Raw prompt;
  json::SensitiveValue secret;
};
const json::Type& type_of(json::Tag<Variable>);

// The variables of one owner: id "variableset-Projects-N", changed under optimistic concurrency by Version.
struct VariableSet {
  Id<VariableSet> id;
  std::string space_id, owner_id;
  int version = 0;
  std::vector<Variable> variables;
};
const json::Type& type_of(json::Tag<VariableSet>);

// As releases froze it: id "variableset-Projects-N-s-<Version>-<5 characters>", named by its content.
struct VariableSnapshot {
  Id<VariableSnapshot> id;
  std::string space_id, owner_id, digest;
  int version_taken = 0;
  std::vector<Variable> variables;
};
const json::Type& type_of(json::Tag<VariableSnapshot>);

}  // namespace fairlead::features::variables
