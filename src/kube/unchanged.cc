// SPDX-License-Identifier: Apache-2.0
// Why metadata is enough to know that our last apply is still in force.
//
// Let M be our field manager and B the body to apply. The live object carries, in an annotation that is part of every
// body we apply, a keyed hash of that body; and managedFields carries, for M and operation Apply, the set of fields
// that the server attributes to our last apply. Both are in the metadata.
//   1. The annotation is itself a field of our entry. While it is in the entry and equals hash(B), the last body that M
//      applied was B: every apply by M sets the annotation to the hash of its own body.
//   2. Whoever gives an owned field another value, or removes it, takes it out of our entry (structured-merge-diff
//   moves
//      ownership with every change of value; measured on a live server for edit, patch, scale, forced apply and
//      client-side apply). So while our entry owns every field of B, all of them have the value that we applied.
//   3. An entry of another apiVersion, entries of managers that an apply has to absorb, a deletion under way: not sure.
// What this cannot see is a mutating webhook that rewrites an owned value while somebody else updates the object: it
// runs after ownership is accounted for. An apply would send the object through the same webhook again, so skipping it
// is no loss; drift detection looks at values and reports it.
#include "kube/unchanged.h"

#include <algorithm>
#include <array>

#include "base/bytes.h"
#include "base/text.h"
#include "kube/constants.h"
#include "kube/fields.h"

namespace fairlead::kube {

namespace {

constexpr std::size_t kHashCharacters = 32;
// Managers whose fields an apply of ours takes over: Fairlead's predecessors on the object.
constexpr std::array kFormerManagers = {"octopus", "fairlead", "kubectl-client-side-apply", "before-first-apply"};

bool is_trivial(const json::Value& value) {
  if (value.is_null()) return true;
  if (value.is_object())
    return std::ranges::all_of(value.get_object(), [](const auto& member) { return is_trivial(member.value()); });
  return value.is_array() && value.get_array().empty();
}

// Members of an object that no entry ever lists: the server strips them.
bool is_stripped_root(std::string_view name) { return name == "apiVersion" || name == "kind"; }
bool is_stripped_metadata(std::string_view name) {
  return name == "name" || name == "namespace" || name == "creationTimestamp" || name == "selfLink" || name == "uid" ||
         name == "clusterName" || name == "generation" || name == "managedFields" || name == "resourceVersion";
}

bool owns(const json::Value& fields, const json::Value& value);

bool owns_members(const json::Object& fields, const json::Object& members) {
  for (const auto& member : members) {
    if (member.value().is_null()) continue;  // the same as absent for the API
    const auto found = fields.find("f:" + std::string(member.key()));
    if (found == fields.end() || !owns(found->value(), member.value())) return false;
  }
  return true;
}

// The element of an associative list that `k:{...}` names. Keys that the element leaves out have defaults in the schema
// (protocol TCP), so their absence is no contradiction.
bool key_matches(const json::Value& key, const json::Value& element) {
  if (!key.is_object() || !element.is_object()) return false;
  bool any = false;
  for (const auto& part : key.get_object()) {
    const auto found = element.get_object().find(part.key());
    if (found == element.get_object().end()) continue;
    if (found->value() != part.value()) return false;
    any = true;
  }
  return any;
}

json::Value parse_or_null(std::string_view text) {
  boost::system::error_code error;
  json::Value value = boost::json::parse(text, error);
  return error ? json::Value(nullptr) : value;
}

bool owns_elements(const json::Object& fields, const json::Array& elements) {
  for (const json::Value& element : elements) {
    bool owned = false;
    for (const auto& field : fields) {
      const std::string_view name = field.key();
      if (name.starts_with("k:"))
        owned = key_matches(parse_or_null(name.substr(2)), element) && owns(field.value(), element);
      if (name.starts_with("v:")) owned = parse_or_null(name.substr(2)) == element;
      if (owned) break;
    }
    if (!owned) return false;
  }
  return true;
}

bool owns(const json::Value& fields, const json::Value& value) {
  if (!fields.is_object()) return false;
  const json::Object& members = fields.get_object();
  // {} stands for the whole value: a leaf, an atomic list or map.
  if (members.empty()) return true;
  if (value.is_object()) return owns_members(members, value.get_object());
  if (value.is_array()) return owns_elements(members, value.get_array());
  return false;
}

}  // namespace

std::string applied_hash(const Object& body, const Secret& key) {
  if (key.empty() && body.kind() == "Secret") return {};
  Object bare(body.value());
  if (json::Value* annotations = const_cast<json::Value*>(find(bare.value(), {"metadata", "annotations"}));
      annotations != nullptr && annotations->is_object()) {
    annotations->get_object().erase(kAppliedHashAnnotation);
    if (annotations->get_object().empty()) bare.value().get_object()["metadata"].get_object().erase("annotations");
  }
  return hex(hmac_sha256(key.reveal(), json::canonical_text(bare.value()))).substr(0, kHashCharacters);
}

bool is_former_manager(std::string_view manager, std::string_view ours) {
  if (manager == ours) return false;
  return std::ranges::any_of(kFormerManagers, [&](std::string_view former) { return manager == former; });
}

LiveMetadata live_metadata(const Object& live, std::string_view field_manager) {
  LiveMetadata result;
  result.key = live.key();
  result.uid = live.uid();
  result.resource_version = live.resource_version();
  result.generation = live.generation().value_or(0);
  result.applied_hash = live.annotation(kAppliedHashAnnotation);
  result.being_deleted = live.being_deleted();
  for (const json::Value& entry : array_at(live.value(), {"metadata", "managedFields"})) {
    const std::string_view manager = text_at(entry, {"manager"});
    if (!text_at(entry, {"subresource"}).empty()) continue;
    if (manager == field_manager && text_at(entry, {"operation"}) == "Apply") {
      result.entry_api_version = text_at(entry, {"apiVersion"});
      if (const json::Value* fields = find(entry, {"fieldsV1"})) result.entry_fields = json::text_of(*fields);
    } else if (is_former_manager(manager, field_manager)) {
      result.former_managers = true;
    }
  }
  return result;
}

bool owns_all(const json::Value& fields, const json::Value& body) {
  if (!fields.is_object() || !body.is_object()) return false;
  const json::Object& owned = fields.get_object();
  for (const auto& member : body.get_object()) {
    const std::string_view name = member.key();
    if (is_stripped_root(name) || member.value().is_null()) continue;
    if (name == "status" && is_trivial(member.value())) continue;  // generators write `status: {}`
    const json::Value* below = json::find(fields, "f:" + std::string(name));
    if (name != "metadata") {
      if (below == nullptr || !owns(*below, member.value())) return false;
      continue;
    }
    if (!member.value().is_object()) return false;
    for (const auto& entry : member.value().get_object()) {
      if (is_stripped_metadata(entry.key()) || is_trivial(entry.value())) continue;
      const json::Value* field = below == nullptr ? nullptr : json::find(*below, "f:" + std::string(entry.key()));
      if (field == nullptr || !owns(*field, entry.value())) return false;
    }
  }
  return !owned.empty();
}

bool still_applied(const Object& body, std::string_view hash, const LiveMetadata& live) {
  if (hash.empty() || live.applied_hash != hash) return false;
  if (live.being_deleted || live.former_managers || live.entry_fields.empty()) return false;
  if (live.entry_api_version != body.api_version()) return false;
  return owns_all(parse_or_null(live.entry_fields), body.value());
}

}  // namespace fairlead::kube
