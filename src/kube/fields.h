// SPDX-License-Identifier: Apache-2.0
// Typed reads of a Kubernetes JSON object by path. A field of another type reads as absent, as Kubernetes' own status
// libraries do: integers must be JSON integers (1.0 is none). Results refer into the value given.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <optional>
#include <string_view>

#include "json/value.h"

namespace fairlead::kube {

using Path = std::initializer_list<std::string_view>;

// nullptr where a part of the path is absent or not an object.
const json::Value* find(const json::Value& value, Path path);
std::optional<std::int64_t> find_int(const json::Value& value, Path path);
std::optional<bool> find_bool(const json::Value& value, Path path);
std::int64_t int_at(const json::Value& value, Path path, std::int64_t otherwise = 0);
bool bool_at(const json::Value& value, Path path, bool otherwise = false);
std::string_view text_at(const json::Value& value, Path path, std::string_view otherwise = {});
// An empty array where absent.
const json::Array& array_at(const json::Value& value, Path path);

// One entry of status.conditions.
struct Condition {
  std::string_view type, status, reason, message;
  bool is_true() const { return status == "True"; }
  bool is_false() const { return status == "False"; }
};
// The first condition of that type.
std::optional<Condition> find_condition(const json::Value& object, std::string_view type);
Condition condition_of(const json::Value& entry);

}  // namespace fairlead::kube
