// SPDX-License-Identifier: Apache-2.0
// KEP-3352: two requests give everything; servers older than 1.26 are asked group by group.
#include "kube/discovery.h"

#include <algorithm>
#include <map>
#include <mutex>

#include "base/error.h"
#include "base/text.h"
#include "kube/client.h"
#include "kube/fields.h"

namespace fairlead::kube {

namespace {

constexpr std::string_view kAccept =
    "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList,"
    "application/json;g=apidiscovery.k8s.io;v=v2beta1;as=APIGroupDiscoveryList,application/json";
constexpr std::size_t kResourceLimit = 50'000;
// Unknown kinds ask again at most this often.
constexpr std::int64_t kRefreshEveryUs = kSecond;

struct Table {
  std::vector<Resource> resources;                         // in the server's order of preference
  std::vector<std::pair<std::string, std::string>> stale;  // group and version whose server is down: keep the old
};

bool has_verb(const json::Array& verbs, std::string_view wanted) {
  return std::ranges::any_of(
      verbs, [&](const json::Value& verb) { return verb.is_string() && json::view(verb.get_string()) == wanted; });
}

void set_verbs(Resource& resource, const json::Array& verbs) {
  resource.listable = has_verb(verbs, "list") && has_verb(verbs, "watch");
  resource.patchable = has_verb(verbs, "patch");
}

void read_aggregated(const json::Value& list, Table& table) {
  for (const json::Value& group : array_at(list, {"items"})) {
    const std::string_view group_name = text_at(group, {"metadata", "name"});
    for (const json::Value& version : array_at(group, {"versions"})) {
      const std::string_view version_name = text_at(version, {"version"});
      if (text_at(version, {"freshness"}) == "Stale") table.stale.emplace_back(group_name, version_name);
      for (const json::Value& entry : array_at(version, {"resources"})) {
        Resource resource;
        resource.group = group_name;
        resource.version = version_name;
        resource.plural = text_at(entry, {"resource"});
        resource.kind = text_at(entry, {"responseKind", "kind"});
        resource.namespaced = text_at(entry, {"scope"}) == "Namespaced";
        set_verbs(resource, array_at(entry, {"verbs"}));
        if (!resource.kind.empty() && table.resources.size() < kResourceLimit)
          table.resources.push_back(std::move(resource));
      }
    }
  }
}

void read_plain(const json::Value& list, std::string_view group, std::string_view version, Table& table) {
  for (const json::Value& entry : array_at(list, {"resources"})) {
    Resource resource;
    resource.group = group;
    resource.version = version;
    resource.plural = text_at(entry, {"name"});
    resource.kind = text_at(entry, {"kind"});
    resource.namespaced = bool_at(entry, {"namespaced"});
    set_verbs(resource, array_at(entry, {"verbs"}));
    const bool subresource = resource.plural.find('/') != std::string::npos;
    if (!subresource && table.resources.size() < kResourceLimit) table.resources.push_back(std::move(resource));
  }
}

// Levenshtein distance, for "did you mean"; kinds are short.
std::size_t distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> row(b.size() + 1);
  for (std::size_t j = 0; j <= b.size(); ++j) row[j] = j;
  for (std::size_t i = 1; i <= a.size(); ++i) {
    std::size_t diagonal = row[0];
    row[0] = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const std::size_t replace = diagonal + (a[i - 1] == b[j - 1] ? 0 : 1);
      diagonal = row[j];
      row[j] = std::min({row[j] + 1, row[j - 1] + 1, replace});
    }
  }
  return row[b.size()];
}

}  // namespace

std::string Resource::path(std::string_view namespace_name, std::string_view name) const {
  std::string path = group.empty() ? "/api/" + version : "/apis/" + group + "/" + version;
  if (namespaced && !namespace_name.empty()) path += "/namespaces/" + text::percent_encode(namespace_name);
  path += "/" + plural;
  if (!name.empty()) path += "/" + text::percent_encode(name);
  return path;
}

struct Discovery::State {
  State(KubeClient& api, const Clock& the_clock) : client(api), clock(the_clock) {}

  KubeClient& client;
  const Clock& clock;
  std::mutex refreshing;  // one refresh at a time; taken before `mutex`
  std::mutex mutex;
  std::vector<Resource> resources;
  std::map<std::string, std::size_t> by_kind;  // "group/version/kind" -> index; the first of equals
  bool loaded = false;
  std::int64_t loaded_at_us = 0;
  std::map<std::string, std::pair<std::string, json::Value>> cached;  // path -> etag and answer, for 304

  json::Value fetch(const std::string& path, const CancelToken& cancel) {
    KubeRequest request;
    request.path = path;
    request.accept = kAccept;
    const auto known = cached.find(path);
    if (known != cached.end()) request.if_none_match = known->second.first;
    const KubeResponse response = perform(client, request, cancel);
    if (response.status == 304 && known != cached.end()) return known->second.second;
    if (response.status == 404) return nullptr;
    if (response.status != 200) throw kube::error_of(response, "discover", "what the cluster serves");
    json::ParseLimits limits;
    limits.max_bytes = 64u << 20;
    json::Value value;
    try {
      value = json::parse(response.body, "the answer", limits);
    } catch (const Error&) {
      throw Error(Fault::unavailable,
                  text::format("{}{} does not answer like a Kubernetes API server", client.server(), path))
          .with_help("Check the cluster's URL.");
    }
    if (!response.etag.empty()) cached[path] = {response.etag, value};
    return value;
  }

  Table load(const CancelToken& cancel) {
    Table table;
    for (const std::string path : {"/api", "/apis"}) {
      const json::Value value = fetch(path, cancel);
      const std::string_view kind = text_at(value, {"kind"});
      if (kind == "APIGroupDiscoveryList") {
        read_aggregated(value, table);
      } else if (kind == "APIVersions") {
        for (const json::Value& version : array_at(value, {"versions"})) {
          if (version.is_string()) load_plain("", json::view(version.get_string()), cancel, table);
        }
      } else {
        for (const json::Value& group : array_at(value, {"groups"})) load_group(group, cancel, table);
      }
    }
    if (table.resources.empty()) {
      throw Error(Fault::unavailable, text::format("{} does not answer like a Kubernetes API server", client.server()))
          .with_help("Check the cluster's URL.");
    }
    return table;
  }

  void load_group(const json::Value& group, const CancelToken& cancel, Table& table) {
    const std::string_view name = text_at(group, {"name"});
    const std::string_view preferred = text_at(group, {"preferredVersion", "version"});
    load_plain(name, preferred, cancel, table);
    for (const json::Value& version : array_at(group, {"versions"})) {
      if (text_at(version, {"version"}) != preferred) load_plain(name, text_at(version, {"version"}), cancel, table);
    }
  }

  void load_plain(std::string_view group, std::string_view version, const CancelToken& cancel, Table& table) {
    const std::string path =
        group.empty() ? text::format("/api/{}", version) : text::format("/apis/{}/{}", group, version);
    try {
      read_plain(fetch(path, cancel), group, version, table);
    } catch (const Error& error) {
      // One aggregated server that is down must not hide the others.
      if (error.fault() != Fault::unavailable) throw;
      table.stale.emplace_back(group, version);
    }
  }

  void install(Table table) {
    const std::lock_guard lock(mutex);
    for (const auto& [group, version] : table.stale) {
      for (const Resource& old : resources) {
        const bool same = old.group == group && old.version == version;
        if (same && std::ranges::find(table.resources, old) == table.resources.end()) table.resources.push_back(old);
      }
    }
    resources = std::move(table.resources);
    by_kind.clear();
    for (std::size_t i = 0; i < resources.size(); ++i) {
      by_kind.emplace(key_of(resources[i].group, resources[i].version, resources[i].kind), i);
    }
    loaded = true;
    loaded_at_us = clock.steady_us();
  }

  static std::string key_of(std::string_view group, std::string_view version, std::string_view kind) {
    return text::format("{}/{}/{}", group, version, kind);
  }

  void load_once(const CancelToken& cancel) {
    {
      const std::lock_guard lock(mutex);
      if (loaded) return;
    }
    const std::lock_guard only_one(refreshing);
    {
      const std::lock_guard lock(mutex);
      if (loaded) return;
    }
    install(load(cancel));
  }

  std::optional<Resource> lookup(std::string_view group, std::string_view version, std::string_view kind) {
    const std::lock_guard lock(mutex);
    const auto found = by_kind.find(key_of(group, version, kind));
    if (found == by_kind.end()) return std::nullopt;
    return resources[found->second];
  }

  std::string alternatives(std::string_view group, std::string_view kind) {
    const std::lock_guard lock(mutex);
    std::vector<std::string> same_kind;
    std::string nearest;
    std::size_t nearest_distance = 3;  // more changes than two are another word
    for (const Resource& resource : resources) {
      if (text::equals_ignoring_case(resource.kind, kind) && same_kind.size() < 5) {
        same_kind.push_back(text::format("{} {}", resource.api_version(), resource.kind));
      }
      const std::size_t far = distance(text::lower(resource.kind), text::lower(kind));
      if (resource.group == group && far < nearest_distance) {
        nearest_distance = far;
        nearest = text::format("{} {}", resource.api_version(), resource.kind);
      }
    }
    if (!same_kind.empty())
      return text::format("The cluster serves {}: use that apiVersion.", text::join(same_kind, ", "));
    if (!nearest.empty()) return text::format("Did you mean {}?", nearest);
    return "Check spelling and apiVersion, or deploy its CustomResourceDefinition first.";
  }
};

Discovery::Discovery(KubeClient& client, const Clock& clock) : state_(std::make_unique<State>(client, clock)) {}
Discovery::~Discovery() = default;

std::optional<Resource> Discovery::find(std::string_view group, std::string_view version, std::string_view kind,
                                        const CancelToken& cancel) {
  state_->load_once(cancel);
  return state_->lookup(group, version, kind);
}

std::optional<Resource> Discovery::find_preferred(std::string_view group, std::string_view kind,
                                                  const CancelToken& cancel) {
  state_->load_once(cancel);
  const std::lock_guard lock(state_->mutex);
  for (const Resource& resource : state_->resources) {
    if (resource.group == group && resource.kind == kind) return resource;
  }
  return std::nullopt;
}

Resource Discovery::resolve(std::string_view group, std::string_view version, std::string_view kind,
                            const CancelToken& cancel) {
  if (auto found = find(group, version, kind, cancel)) return *std::move(found);
  bool recent = false;
  {
    const std::lock_guard lock(state_->mutex);
    recent = state_->clock.steady_us() - state_->loaded_at_us < kRefreshEveryUs;
  }
  if (!recent) {
    refresh(cancel);
    if (auto found = state_->lookup(group, version, kind)) return *std::move(found);
  }
  const std::string api_version = group.empty() ? std::string(version) : text::format("{}/{}", group, version);
  throw invalid(text::format("the cluster knows no kind {} in {}", kind, api_version))
      .with_help(state_->alternatives(group, kind));
}

void Discovery::refresh(const CancelToken& cancel) {
  const std::lock_guard only_one(state_->refreshing);
  state_->install(state_->load(cancel));
}

std::vector<Resource> Discovery::all(const CancelToken& cancel) {
  state_->load_once(cancel);
  const std::lock_guard lock(state_->mutex);
  return state_->resources;
}

}  // namespace fairlead::kube
