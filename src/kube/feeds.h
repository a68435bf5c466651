// SPDX-License-Identifier: Apache-2.0
// Which watches a mirror needs and what they bring: one watch per kind for the whole cluster, or one per namespace
// where the account may only see namespaces, or where all pods of a large cluster would come for a few. Changes happen
// on the loop's thread only; the const members may be called from any thread.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "kube/watch.h"

namespace fairlead::kube {

// Workloads whose ReplicaSets or pods tell why they fail.
bool has_descendants(std::string_view group, std::string_view kind);

class Feeds {
 public:
  struct Callbacks {
    std::function<void(Object&& object, bool metadata_only, std::uint32_t feed, std::uint32_t epoch)> changed;
    std::function<void(const std::string& uid)> removed;
    std::function<void(std::uint32_t feed, std::uint32_t epoch)> list_ended;
    std::function<void()> staleness_changed;
  };
  Feeds(KubeClient& client, Loop& loop, std::string label_selector, Callbacks callbacks);
  ~Feeds();

  // Sees to it that the resource is watched in that namespace ("" for cluster-scoped ones).
  void need(const Resource& resource, const std::string& namespace_name);
  // The same, and the pods and ReplicaSets that its objects bring about.
  void need_with_descendants(const Resource& resource, const std::string& namespace_name);
  // Current and covering the namespace.
  bool is_sure(const std::string& group, const std::string& kind, const std::string& namespace_name) const;
  // Why a kind cannot be watched there, where the cluster refuses it.
  std::optional<std::string> refusal(const std::string& group, const std::string& kind,
                                     const std::string& namespace_name) const;
  // What an object and its descendants need is still in use.
  void touch(const ObjectKey& key);
  // Closes what was last needed or touched before `steady_us`; the ids of the feeds that are closed.
  std::vector<std::uint32_t> close_unused(std::int64_t steady_us);
  std::size_t size() const;
  bool stale() const;
  std::string stale_reason() const;

 private:
  class Feed;
  struct Kind {
    Resource resource;
    bool descendants = false;  // pods and ReplicaSets: without label selector
    bool cluster_refused = false;
    std::map<std::string, std::int64_t> namespaces;      // with the time when each was needed last
    std::map<std::string, std::unique_ptr<Feed>> feeds;  // by namespace; "" for the cluster
  };
  void touch(const std::string& kind_key, const std::string& namespace_name);
  void open(Kind& kind, const std::string& namespace_name);
  void refused(const std::string& kind_key, const std::string& namespace_name);
  static std::string key_of(const std::string& group, const std::string& kind) { return group + "/" + kind; }
  const Feed* feed_for(const std::string& group, const std::string& kind, const std::string& namespace_name) const;

  KubeClient& client_;
  Loop& loop_;
  const std::string label_selector_;
  const Callbacks callbacks_;
  mutable std::mutex mutex_;  // held for every change of what the const members read
  std::map<std::string, Kind> kinds_;
  std::uint32_t next_feed_ = 1;
  const std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace fairlead::kube
