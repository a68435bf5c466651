// SPDX-License-Identifier: Apache-2.0
// Names by https://kubernetes.io/docs/concepts/overview/working-with-objects/names/ and the API reference of each kind.
#include "kube/validate.h"

#include <algorithm>
#include <array>
#include <unordered_map>

#include "base/error.h"
#include "base/text.h"
#include "kube/fields.h"

namespace fairlead::kube {

namespace {

constexpr std::size_t kFindingsLimit = 50;
constexpr std::size_t kLabelLength = 63;
constexpr std::size_t kSubdomainLength = 253;

// Collects what is wrong, so that everything is reported at once.
class Findings {
 public:
  void add(const Document& document, std::string text) {
    if (++count_ <= kFindingsLimit) error_.at(document.place(), std::move(text));
  }
  void throw_if_any() {
    if (count_ == 0) return;
    if (count_ > kFindingsLimit) error_.at("", text::format("and {} more", count_ - kFindingsLimit));
    throw std::move(error_).with_help(
        "Nothing has been written to the cluster. Correct the places named and deploy again.");
  }

 private:
  Error error_{Fault::invalid, "The manifests cannot be applied as they are"};
  std::size_t count_ = 0;
};

bool is_lower_alphanumeric(char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'); }

bool is_dns_label(std::string_view name) {
  if (name.empty() || name.size() > kLabelLength) return false;
  if (!is_lower_alphanumeric(name.front()) || !is_lower_alphanumeric(name.back())) return false;
  return std::ranges::all_of(name, [](char c) { return is_lower_alphanumeric(c) || c == '-'; });
}

bool is_dns_subdomain(std::string_view name) {
  if (name.empty() || name.size() > kSubdomainLength) return false;
  if (!is_lower_alphanumeric(name.front()) || !is_lower_alphanumeric(name.back())) return false;
  char before = '.';
  for (const char c : name) {
    if (!is_lower_alphanumeric(c) && c != '-' && c != '.') return false;
    if ((c == '.' && (before == '.' || before == '-')) || (before == '.' && c == '-')) return false;
    before = c;
  }
  return true;
}

// What may stand in a path of the API at all: RBAC names and others are free otherwise.
bool is_path_segment(std::string_view name) {
  return !name.empty() && name.size() <= kSubdomainLength && name != "." && name != ".." &&
         name.find_first_of("/%") == std::string_view::npos &&
         std::ranges::none_of(name, [](unsigned char c) { return c < 0x20 || c == 0x7f; });
}

enum class NameRule { subdomain, label, label_from_letter, path_segment };

NameRule name_rule(const ObjectKey& key) {
  if (key.group == "rbac.authorization.k8s.io") return NameRule::path_segment;
  if (key.group.empty() && key.kind == "Namespace") return NameRule::label;
  if (key.group.empty() && key.kind == "Service") return NameRule::label_from_letter;
  return NameRule::subdomain;
}

// "" where the name is valid.
std::string name_problem(const ObjectKey& key) {
  switch (name_rule(key)) {
    case NameRule::path_segment:
      return is_path_segment(key.name) ? "" : "must be at most 253 characters without '/', '%' or control characters";
    case NameRule::label:
      return is_dns_label(key.name)
                 ? ""
                 : "must be at most 63 lower-case letters, digits and '-', with a letter or digit at both ends";
    case NameRule::label_from_letter:
      return is_dns_label(key.name) && key.name[0] >= 'a' ? ""
                                                          : "must be at most 63 lower-case letters, digits and '-', "
                                                            "with a letter first and a letter or digit last";
    case NameRule::subdomain:
      // Kinds unknown to us may allow more; the rule below is that of nearly all, custom resources included.
      return is_dns_subdomain(key.name)
                 ? ""
                 : "must be at most 253 lower-case letters, digits, '-' and '.', with a letter or digit at both ends";
  }
  return "";
}

void check_text_map(const Document& document, std::string_view name, Findings& findings) {
  const json::Value* map = find(document.object.value(), {"metadata", name});
  if (map == nullptr || map->is_null()) return;
  if (!map->is_object())
    return findings.add(document, text::format("metadata.{} must be a mapping of text to text", name));
  for (const auto& member : map->get_object()) {
    if (member.value().is_string() || member.value().is_null()) continue;
    findings.add(document,
                 text::format("metadata.{}.{} must be text: put quotes around {}", name, std::string_view(member.key()),
                              text::shorten(json::text_of(member.value()), 60)));
  }
}

// The kind for texts: "Deployment \"web\"".
std::string named(const Document& document) {
  return text::format("{} \"{}\"", document.object.kind().empty() ? "object" : document.object.kind(),
                      document.object.name());
}

void check_identity(const Document& document, Findings& findings) {
  const Object& object = document.object;
  const json::Value& o = object.value();
  const auto require_text = [&](std::string_view field, std::string_view advice) {
    const json::Value* value = find(o, {field});
    if (value != nullptr && value->is_string() && !value->get_string().empty()) return true;
    findings.add(document, text::format("{} is missing{}: {}", field,
                                        value == nullptr || value->is_null() ? "" : " or no text", advice));
    return false;
  };
  const bool versioned = require_text("apiVersion", "write for example `apiVersion: apps/v1`");
  const bool kinded = require_text("kind", "write for example `kind: Deployment`");
  if (versioned && std::ranges::count(object.api_version(), '/') > 1) {
    findings.add(document,
                 text::format("apiVersion \"{}\" must be \"version\" or \"group/version\"", object.api_version()));
  }
  const json::Value* metadata = find(o, {"metadata"});
  if (metadata == nullptr || !metadata->is_object())
    return findings.add(document, "metadata is missing: write `metadata: {name: ...}`");
  if (object.name().empty()) {
    if (!text_at(o, {"metadata", "generateName"}).empty()) {
      return findings.add(
          document, "metadata.generateName is used: such an object cannot be applied twice, give it a metadata.name");
    }
    const json::Value* name = find(o, {"metadata", "name"});
    const bool other_type = name != nullptr && !name->is_string() && !name->is_null();
    return findings.add(document, other_type ? "metadata.name is no text: put quotes around it"
                                             : "metadata.name is missing: give the object a name");
  }
  if (!versioned || !kinded) return;
  const std::string problem = name_problem(object.key());
  if (!problem.empty()) findings.add(document, text::format("the name of {} {}", named(document), problem));
}

void check_metadata(const Document& document, Findings& findings) {
  const json::Value& o = document.object.value();
  const json::Value* space = find(o, {"metadata", "namespace"});
  if (space != nullptr && !space->is_null()) {
    if (!space->is_string()) {
      findings.add(document, "metadata.namespace is no text: put quotes around it");
    } else if (!space->get_string().empty() && !is_dns_label(json::view(space->get_string()))) {
      findings.add(
          document,
          text::format("metadata.namespace \"{}\" is no namespace name: lower-case letters, digits and '-' only",
                       json::view(space->get_string())));
    }
  }
  check_text_map(document, "labels", findings);
  check_text_map(document, "annotations", findings);
  for (const std::string_view field : {"managedFields", "resourceVersion", "uid"}) {
    const json::Value* value = find(o, {"metadata", field});
    if (value == nullptr || value->is_null()) continue;
    findings.add(
        document,
        text::format("metadata.{} is set by the cluster: remove it (it comes from `kubectl get -o yaml`)", field));
  }
}

void check_all(const std::vector<Document>& documents, Findings& findings) {
  for (const Document& document : documents) {
    check_identity(document, findings);
    check_metadata(document, findings);
  }
}

// The resources that CustomResourceDefinitions among the documents will add.
std::vector<Resource> defined_resources(const std::vector<Document>& documents) {
  std::vector<Resource> result;
  for (const Document& document : documents) {
    const json::Value& o = document.object.value();
    if (document.object.kind() != "CustomResourceDefinition") continue;
    for (const json::Value& version : array_at(o, {"spec", "versions"})) {
      if (!bool_at(version, {"served"}, true)) continue;
      Resource resource;
      resource.group = text_at(o, {"spec", "group"});
      resource.version = text_at(version, {"name"});
      resource.kind = text_at(o, {"spec", "names", "kind"});
      resource.plural = text_at(o, {"spec", "names", "plural"});
      resource.namespaced = text_at(o, {"spec", "scope"}) != "Cluster";
      result.push_back(std::move(resource));
    }
  }
  return result;
}

void settle_namespace(Prepared& prepared, const Resource& resource, const std::string& default_namespace,
                      std::vector<std::string>& notices) {
  Object& object = prepared.object;
  if (resource.namespaced) {
    if (object.namespace_name().empty()) object.set_namespace(default_namespace);
    return;
  }
  if (!object.namespace_name().empty()) {
    notices.push_back(text::format("{}: {} is cluster-scoped, its namespace \"{}\" is left out", prepared.place,
                                   object.key().kind + " " + object.key().name, object.namespace_name()));
  }
  object.set_namespace("");
}

class Resolver {
 public:
  Resolver(const ResourceLookup& lookup, std::vector<Resource> defined)
      : lookup_(lookup), defined_(std::move(defined)) {}

  // The resource and whether it comes from a definition among the documents.
  std::optional<std::pair<Resource, bool>> resolve(const Object& object) {
    const GroupVersion version = parse_api_version(object.api_version());
    const std::string key = std::string(object.api_version()) + " " + std::string(object.kind());
    const auto known = cache_.find(key);
    if (known != cache_.end()) return known->second;
    std::optional<std::pair<Resource, bool>> result;
    for (const Resource& resource : defined_) {
      if (resource.group == version.group && resource.version == version.version && resource.kind == object.kind()) {
        result = std::pair(resource, true);
      }
    }
    if (!result) {
      if (auto found = lookup_(version.group, version.version, object.kind()))
        result = std::pair(*std::move(found), false);
    }
    cache_.emplace(key, result);
    return result;
  }

 private:
  const ResourceLookup& lookup_;
  const std::vector<Resource> defined_;
  std::unordered_map<std::string, std::optional<std::pair<Resource, bool>>> cache_;
};

}  // namespace

void check_documents(const std::vector<Document>& documents) {
  Findings findings;
  check_all(documents, findings);
  findings.throw_if_any();
}

PrepareResult prepare(std::vector<Document> documents, const ResourceLookup& lookup,
                      const std::string& default_namespace) {
  check_documents(documents);
  Findings findings;
  PrepareResult result;
  Resolver resolver(lookup, defined_resources(documents));
  std::unordered_map<ObjectKey, std::string, ObjectKeyHash> places;
  for (Document& document : documents) {
    const auto resolved = resolver.resolve(document.object);
    if (!resolved) {
      findings.add(document,
                   text::format("the cluster knows no kind {} in {}: check spelling and apiVersion, or deploy its "
                                "CustomResourceDefinition with or before it",
                                document.object.kind(), document.object.api_version()));
      continue;
    }
    Prepared prepared;
    prepared.place = document.place();
    prepared.resource = resolved->first;
    prepared.of_new_kind = resolved->second;
    if (!prepared.resource.patchable) {
      findings.add(document, text::format("objects of kind {} cannot be applied: the cluster does not offer it",
                                          document.object.kind()));
      continue;
    }
    prepared.object = std::move(document.object);
    settle_namespace(prepared, prepared.resource, default_namespace, result.notices);
    const ObjectKey key = prepared.object.key();
    const auto [earlier, fresh] = places.emplace(key, prepared.place);
    if (!fresh) {
      findings.add(document,
                   text::format("{} is written twice, first at {}: keep one of them", key.text(), earlier->second));
      continue;
    }
    result.objects.push_back(std::move(prepared));
  }
  findings.throw_if_any();
  return result;
}

PrepareResult prepare(std::vector<Document> documents, Discovery& discovery, const std::string& default_namespace,
                      const CancelToken& cancel) {
  bool refreshed = false;
  const ResourceLookup lookup = [&](std::string_view group, std::string_view version, std::string_view kind) {
    auto found = discovery.find(group, version, kind, cancel);
    if (found || refreshed) return found;
    discovery.refresh(cancel);  // the kind may have come since
    refreshed = true;
    return discovery.find(group, version, kind, cancel);
  };
  return prepare(std::move(documents), lookup, default_namespace);
}

}  // namespace fairlead::kube
