// SPDX-License-Identifier: Apache-2.0
#include "kube/object.h"

#include "kube/fields.h"

namespace fairlead::kube {

namespace {

// The member as an object, made where it is missing or null.
json::Object& child_object(json::Object& parent, std::string_view name) {
  json::Value& child = parent[name];
  if (!child.is_object()) child = json::Object();
  return child.get_object();
}

json::Object& metadata_of(json::Value& value) {
  if (!value.is_object()) value = json::Object();
  return child_object(value.get_object(), "metadata");
}

}  // namespace

std::string ObjectKey::text() const {
  std::string result = kind + " ";
  if (!namespace_name.empty()) result += namespace_name + "/";
  return result + name;
}

std::string ObjectKey::api_version() const { return group.empty() ? version : group + "/" + version; }

bool ObjectKey::operator==(const ObjectKey& other) const {
  return name == other.name && kind == other.kind && namespace_name == other.namespace_name && group == other.group;
}

std::size_t ObjectKeyHash::operator()(const ObjectKey& key) const noexcept {
  const std::hash<std::string> hash;
  std::size_t result = hash(key.name);
  for (const std::string* part : {&key.namespace_name, &key.kind, &key.group})
    result = result * 1'000'003 ^ hash(*part);
  return result;
}

GroupVersion parse_api_version(std::string_view api_version) {
  const std::size_t slash = api_version.find('/');
  if (slash == std::string_view::npos) return {"", std::string(api_version)};
  return {std::string(api_version.substr(0, slash)), std::string(api_version.substr(slash + 1))};
}

std::string_view Object::api_version() const { return text_at(value_, {"apiVersion"}); }
std::string_view Object::kind() const { return text_at(value_, {"kind"}); }
std::string_view Object::name() const { return text_at(value_, {"metadata", "name"}); }
std::string_view Object::namespace_name() const { return text_at(value_, {"metadata", "namespace"}); }
std::string_view Object::uid() const { return text_at(value_, {"metadata", "uid"}); }
std::string_view Object::resource_version() const { return text_at(value_, {"metadata", "resourceVersion"}); }
std::optional<std::int64_t> Object::generation() const { return find_int(value_, {"metadata", "generation"}); }

std::string_view Object::label(std::string_view name) const { return text_at(value_, {"metadata", "labels", name}); }

std::string_view Object::annotation(std::string_view name) const {
  return text_at(value_, {"metadata", "annotations", name});
}

bool Object::being_deleted() const { return !text_at(value_, {"metadata", "deletionTimestamp"}).empty(); }

std::string_view Object::controller_uid() const {
  for (const json::Value& owner : array_at(value_, {"metadata", "ownerReferences"})) {
    if (bool_at(owner, {"controller"})) return text_at(owner, {"uid"});
  }
  return {};
}

ObjectKey Object::key() const {
  GroupVersion version = parse_api_version(api_version());
  ObjectKey key;
  key.group = std::move(version.group);
  key.version = std::move(version.version);
  key.kind = kind();
  key.namespace_name = namespace_name();
  key.name = name();
  return key;
}

void Object::set_namespace(std::string_view name) {
  json::Object& metadata = metadata_of(value_);
  if (name.empty()) {
    metadata.erase("namespace");
  } else {
    metadata["namespace"] = name;
  }
}

void Object::set_label(std::string_view name, std::string_view value) {
  child_object(metadata_of(value_), "labels")[name] = value;
}

void Object::set_annotation(std::string_view name, std::string_view value) {
  child_object(metadata_of(value_), "annotations")[name] = value;
}

}  // namespace fairlead::kube
