// SPDX-License-Identifier: Apache-2.0
// One Kubernetes object as JSON with accessors for its metadata, and the key by which it is named everywhere.
// Plain values: copy, move, no threads.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "json/value.h"

namespace fairlead::kube {

struct ObjectKey {
  std::string group;    // "" for the core group
  std::string version;  // "v1"; not part of the identity
  std::string kind;
  std::string namespace_name;  // "" for cluster-scoped kinds
  std::string name;

  // "Deployment default/web", "ClusterRole reader": for people.
  std::string text() const;
  std::string api_version() const;  // "apps/v1", "v1"
  // The same object whatever version it is written in.
  bool operator==(const ObjectKey& other) const;
};

struct ObjectKeyHash {
  std::size_t operator()(const ObjectKey& key) const noexcept;
};

// "apps/v1" -> {"apps", "v1"}; "v1" -> {"", "v1"}.
struct GroupVersion {
  std::string group, version;
};
GroupVersion parse_api_version(std::string_view api_version);

class Object {
 public:
  Object() = default;
  explicit Object(json::Value value) : value_(std::move(value)) {}

  const json::Value& value() const { return value_; }
  json::Value& value() { return value_; }

  // All views refer into this object; "" or nullopt where absent or of another type.
  std::string_view api_version() const;
  std::string_view kind() const;
  std::string_view name() const;
  std::string_view namespace_name() const;
  std::string_view uid() const;
  std::string_view resource_version() const;
  std::optional<std::int64_t> generation() const;
  std::string_view label(std::string_view name) const;
  std::string_view annotation(std::string_view name) const;
  bool being_deleted() const;
  // The owner reference with controller: true, else "".
  std::string_view controller_uid() const;
  ObjectKey key() const;

  // These make the parents that are missing. An empty namespace removes the field.
  void set_namespace(std::string_view name);
  void set_label(std::string_view name, std::string_view value);
  void set_annotation(std::string_view name, std::string_view value);

 private:
  json::Value value_;
};

}  // namespace fairlead::kube
