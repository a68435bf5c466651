// SPDX-License-Identifier: Apache-2.0
#include "kube/feeds.h"

#include <algorithm>

#include "kube/health/health.h"

namespace fairlead::kube {

namespace {
// Up to so many namespaces, pods and ReplicaSets are watched one by one.
constexpr std::size_t kNamespacedFeeds = 16;

Resource core_pod() {
  Resource resource;
  resource.version = "v1";
  resource.kind = "Pod";
  resource.plural = "pods";
  return resource;
}

Resource replica_set() {
  Resource resource;
  resource.group = "apps";
  resource.version = "v1";
  resource.kind = "ReplicaSet";
  resource.plural = "replicasets";
  return resource;
}
}  // namespace

bool has_descendants(std::string_view group, std::string_view kind) {
  if (group == "batch") return kind == "Job";
  return group == "apps" &&
         (kind == "Deployment" || kind == "ReplicaSet" || kind == "StatefulSet" || kind == "DaemonSet");
}

class Feeds::Feed : public WatchSink {
 public:
  Feed(Feeds& owner, std::string kind_key, WatchSpec spec, std::uint32_t id)
      : owner_(owner), kind_key_(std::move(kind_key)), id_(id), metadata_only_(spec.metadata_only) {
    watch_ = std::make_unique<Watch>(owner.client_, owner.loop_, std::move(spec), *this);
  }

  void list_began() override { ++epoch_; }
  void changed(Object&& object) override { owner_.callbacks_.changed(std::move(object), metadata_only_, id_, epoch_); }
  void removed(Object&& object) override { owner_.callbacks_.removed(std::string(object.uid())); }
  void list_ended() override {
    {
      const std::lock_guard lock(owner_.mutex_);
      listed_ = true;
    }
    owner_.callbacks_.list_ended(id_, epoch_);
  }
  void stale(const Error& error) override {
    const bool is_refusal = watch_ != nullptr && watch_->refused();
    {
      const std::lock_guard lock(owner_.mutex_);
      stale_ = true;
      refused_ = is_refusal;
      reason_ = error.message();
    }
    if (is_refusal) {
      // Not from inside the watch's own call: the answer may be to close it.
      owner_.loop_.post([alive = std::weak_ptr(owner_.alive_), &owner = owner_, kind_key = kind_key_,
                         where = watch_->spec().namespace_name] {
        if (alive.lock() != nullptr) owner.refused(kind_key, where);
      });
    }
    owner_.callbacks_.staleness_changed();
  }
  void current() override {
    {
      const std::lock_guard lock(owner_.mutex_);
      stale_ = false;
      refused_ = false;
    }
    owner_.callbacks_.staleness_changed();
  }

  std::uint32_t id() const { return id_; }
  bool sure() const { return listed_ && !stale_; }
  bool is_stale() const { return stale_ && !refused_; }
  bool is_refused() const { return refused_; }
  const std::string& reason() const { return reason_; }

 private:
  Feeds& owner_;
  const std::string kind_key_;
  const std::uint32_t id_;
  const bool metadata_only_;
  std::uint32_t epoch_ = 0;
  bool listed_ = false;
  bool stale_ = false;
  bool refused_ = false;
  std::string reason_;
  std::unique_ptr<Watch> watch_;
};

Feeds::Feeds(KubeClient& client, Loop& loop, std::string label_selector, Callbacks callbacks)
    : client_(client), loop_(loop), label_selector_(std::move(label_selector)), callbacks_(std::move(callbacks)) {}

Feeds::~Feeds() = default;

void Feeds::need(const Resource& resource, const std::string& namespace_name) {
  const std::lock_guard lock(mutex_);
  Kind& kind = kinds_[key_of(resource.group, resource.kind)];
  if (kind.resource.kind.empty()) {
    kind.resource = resource;
    kind.descendants = (resource.group.empty() && resource.kind == "Pod") ||
                       (resource.group == "apps" && resource.kind == "ReplicaSet");
  }
  const std::string where = resource.namespaced ? namespace_name : "";
  if (!kind.namespaces.insert_or_assign(where, loop_.clock().steady_us()).second) return;
  const bool whole = !kind.cluster_refused && (!kind.descendants || kind.namespaces.size() > kNamespacedFeeds);
  if (!whole) return open(kind, where);
  if (kind.feeds.contains("")) return;
  open(kind, "");
}

void Feeds::need_with_descendants(const Resource& resource, const std::string& namespace_name) {
  need(resource, namespace_name);
  if (!has_descendants(resource.group, resource.kind)) return;
  need(core_pod(), namespace_name);
  if (resource.kind == "Deployment") need(replica_set(), namespace_name);
}

void Feeds::open(Kind& kind, const std::string& namespace_name) {
  WatchSpec spec;
  spec.resource = kind.resource;
  spec.namespace_name = namespace_name;
  if (!kind.descendants) spec.label_selector = label_selector_;
  spec.metadata_only = !needs_status(kind.resource.group, kind.resource.kind);
  kind.feeds[namespace_name] =
      std::make_unique<Feed>(*this, key_of(kind.resource.group, kind.resource.kind), std::move(spec), next_feed_++);
}

// The whole cluster is refused to accounts that may see some namespaces: those are asked for one by one.
void Feeds::refused(const std::string& kind_key, const std::string& namespace_name) {
  const std::lock_guard lock(mutex_);
  Kind& kind = kinds_[kind_key];
  if (!namespace_name.empty() || !kind.resource.namespaced || kind.cluster_refused) return;
  kind.cluster_refused = true;
  kind.feeds.erase("");
  for (const auto& [name, needed_us] : kind.namespaces) {
    if (!kind.feeds.contains(name)) open(kind, name);
  }
}

void Feeds::touch(const std::string& kind_key, const std::string& namespace_name) {
  const auto kind = kinds_.find(kind_key);
  if (kind == kinds_.end()) return;
  const auto found = kind->second.namespaces.find(kind->second.resource.namespaced ? namespace_name : "");
  if (found != kind->second.namespaces.end()) found->second = loop_.clock().steady_us();
}

void Feeds::touch(const ObjectKey& key) {
  const std::lock_guard lock(mutex_);
  touch(key_of(key.group, key.kind), key.namespace_name);
  if (!has_descendants(key.group, key.kind)) return;
  touch(key_of("", "Pod"), key.namespace_name);
  if (key.kind == "Deployment") touch(key_of("apps", "ReplicaSet"), key.namespace_name);
}

std::vector<std::uint32_t> Feeds::close_unused(std::int64_t steady_us) {
  const std::lock_guard lock(mutex_);
  std::vector<std::uint32_t> closed;
  const auto close = [&](Kind& kind, const std::string& name) {
    const auto feed = kind.feeds.find(name);
    if (feed == kind.feeds.end()) return;
    closed.push_back(feed->second->id());
    kind.feeds.erase(feed);
  };
  for (auto entry = kinds_.begin(); entry != kinds_.end();) {
    Kind& kind = entry->second;
    for (auto name = kind.namespaces.begin(); name != kind.namespaces.end();) {
      if (name->second >= steady_us) {
        ++name;
        continue;
      }
      if (!name->first.empty()) close(kind, name->first);
      name = kind.namespaces.erase(name);
    }
    const auto has_own_feed = [&](const auto& name) { return kind.feeds.contains(name.first); };
    if (!kind.namespaces.empty()) {
      if (std::ranges::all_of(kind.namespaces, has_own_feed) && !kind.namespaces.contains("")) close(kind, "");
      ++entry;
      continue;
    }
    close(kind, "");
    entry = kinds_.erase(entry);
  }
  return closed;
}

const Feeds::Feed* Feeds::feed_for(const std::string& group, const std::string& kind,
                                   const std::string& namespace_name) const {
  const auto found = kinds_.find(key_of(group, kind));
  if (found == kinds_.end()) return nullptr;
  const auto& feeds = found->second.feeds;
  auto feed = feeds.find("");
  if (feed == feeds.end()) feed = feeds.find(namespace_name);
  return feed == feeds.end() ? nullptr : feed->second.get();
}

bool Feeds::is_sure(const std::string& group, const std::string& kind, const std::string& namespace_name) const {
  const std::lock_guard lock(mutex_);
  const Feed* feed = feed_for(group, kind, namespace_name);
  return feed != nullptr && feed->sure();
}

std::optional<std::string> Feeds::refusal(const std::string& group, const std::string& kind,
                                          const std::string& namespace_name) const {
  const std::lock_guard lock(mutex_);
  const Feed* feed = feed_for(group, kind, namespace_name);
  if (feed == nullptr || !feed->is_refused()) return std::nullopt;
  return feed->reason();
}

std::size_t Feeds::size() const {
  const std::lock_guard lock(mutex_);
  std::size_t count = 0;
  for (const auto& [key, kind] : kinds_) count += kind.feeds.size();
  return count;
}

bool Feeds::stale() const { return !stale_reason().empty(); }

std::string Feeds::stale_reason() const {
  const std::lock_guard lock(mutex_);
  for (const auto& [key, kind] : kinds_) {
    for (const auto& [name, feed] : kind.feeds) {
      if (feed->is_stale()) return feed->reason();
    }
  }
  return {};
}

}  // namespace fairlead::kube
