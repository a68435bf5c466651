// SPDX-License-Identifier: Apache-2.0
#include "kube/absorb.h"

#include "base/text.h"
#include "kube/fields.h"
#include "kube/unchanged.h"

namespace fairlead::kube {

namespace {

// Somebody else may write between reading and patching.
constexpr int kPatchAttempts = 5;

bool is_ours(const json::Value& entry, std::string_view field_manager) {
  return text_at(entry, {"manager"}) == field_manager && text_at(entry, {"operation"}) == "Apply" &&
         text_at(entry, {"subresource"}).empty();
}

bool is_former(const json::Value& entry, std::string_view field_manager) {
  return text_at(entry, {"subresource"}).empty() && is_former_manager(text_at(entry, {"manager"}), field_manager);
}

json::Object operation(std::string_view name, std::string_view path, json::Value value) {
  json::Object result;
  result["op"] = name;
  result["path"] = path;
  result["value"] = std::move(value);
  return result;
}

}  // namespace

json::Value union_of_fields(const json::Value& a, const json::Value& b) {
  if (!a.is_object()) return b;
  if (!b.is_object()) return a;
  // {} is a leaf: it stands for the whole value, and the finer set adds nothing to it but must not narrow it either.
  if (a.get_object().empty() || b.get_object().empty()) return json::Object();
  json::Object result = a.get_object();
  for (const auto& member : b.get_object()) {
    const auto found = result.find(member.key());
    if (found == result.end()) {
      result.emplace(member.key(), member.value());
    } else {
      found->value() = union_of_fields(found->value(), member.value());
    }
  }
  return result;
}

std::optional<json::Value> absorb_patch(const Object& live, std::string_view field_manager) {
  const json::Array& entries = array_at(live.value(), {"metadata", "managedFields"});
  json::Value fields;
  bool ours_found = false, former_found = false;
  for (const json::Value& entry : entries) {
    const bool ours = is_ours(entry, field_manager);
    if (!ours && !is_former(entry, field_manager)) continue;
    (ours ? ours_found : former_found) = true;
    const json::Value* set = find(entry, {"fieldsV1"});
    if (set != nullptr) fields = fields.is_null() ? *set : union_of_fields(fields, *set);
  }
  if (!ours_found || !former_found) return std::nullopt;
  json::Array kept;
  for (const json::Value& entry : entries) {
    if (is_former(entry, field_manager)) continue;
    json::Value copy = entry;
    if (is_ours(entry, field_manager)) copy.get_object()["fieldsV1"] = fields;
    kept.push_back(std::move(copy));
  }
  json::Array patch;
  patch.push_back(operation("replace", "/metadata/managedFields", std::move(kept)));
  // A replace of the resourceVersion by itself makes the API server refuse the patch when the object has changed.
  patch.push_back(operation("replace", "/metadata/resourceVersion", json::Value(live.resource_version())));
  return patch;
}

Object absorb_former_managers(KubeClient& client, const Resource& resource, const Object& body, Object live,
                              std::string_view field_manager, const CancelToken& cancel) {
  for (int attempt = 1;; ++attempt) {
    const auto patch = absorb_patch(live, field_manager);
    if (!patch) return live;
    try {
      json_patch(client, resource, body.namespace_name(), body.name(), *patch, cancel);
      break;
    } catch (const Error& error) {
      if (error.fault() != Fault::conflict || attempt == kPatchAttempts) throw;
      auto newest = get(client, resource, body.namespace_name(), body.name(), cancel);
      if (!newest) throw;
      live = *std::move(newest);
    }
  }
  ApplyRequest how;
  how.field_manager = field_manager;
  how.force = true;
  return apply(client, resource, body, how, cancel).object;
}

}  // namespace fairlead::kube
