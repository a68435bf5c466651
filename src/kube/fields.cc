// SPDX-License-Identifier: Apache-2.0
#include "kube/fields.h"

namespace fairlead::kube {

const json::Value* find(const json::Value& value, Path path) {
  const json::Value* at = &value;
  for (const std::string_view part : path) {
    const json::Object* object = at->if_object();
    if (object == nullptr) return nullptr;
    const auto found = object->find(part);
    if (found == object->end()) return nullptr;
    at = &found->value();
  }
  return at;
}

std::optional<std::int64_t> find_int(const json::Value& value, Path path) {
  const json::Value* found = find(value, path);
  if (found == nullptr) return std::nullopt;
  if (const std::int64_t* number = found->if_int64()) return *number;
  return std::nullopt;
}

std::optional<bool> find_bool(const json::Value& value, Path path) {
  const json::Value* found = find(value, path);
  if (found == nullptr || !found->is_bool()) return std::nullopt;
  return found->get_bool();
}

std::int64_t int_at(const json::Value& value, Path path, std::int64_t otherwise) {
  return find_int(value, path).value_or(otherwise);
}

bool bool_at(const json::Value& value, Path path, bool otherwise) { return find_bool(value, path).value_or(otherwise); }

std::string_view text_at(const json::Value& value, Path path, std::string_view otherwise) {
  const json::Value* found = find(value, path);
  if (found == nullptr || !found->is_string()) return otherwise;
  return json::view(found->get_string());
}

const json::Array& array_at(const json::Value& value, Path path) {
  static const json::Array empty;
  const json::Value* found = find(value, path);
  if (found == nullptr || !found->is_array()) return empty;
  return found->get_array();
}

Condition condition_of(const json::Value& entry) {
  Condition condition;
  condition.type = text_at(entry, {"type"});
  condition.status = text_at(entry, {"status"});
  condition.reason = text_at(entry, {"reason"});
  condition.message = text_at(entry, {"message"});
  return condition;
}

std::optional<Condition> find_condition(const json::Value& object, std::string_view type) {
  for (const json::Value& entry : array_at(object, {"status", "conditions"})) {
    if (text_at(entry, {"type"}) == type) return condition_of(entry);
  }
  return std::nullopt;
}

}  // namespace fairlead::kube
