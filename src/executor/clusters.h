// SPDX-License-Identifier: Apache-2.0
// The clusters of an executor: per cluster one client, one discovery and one mirror, made at first use and given up
// when idle. A command that comes with other credentials for the same name gets a new connection; commands at work keep
// the old one.
//
// Thread-safe. A Cluster's parts are as thread-safe as their own headers say.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "executor/cluster_config.h"
#include "executor/seen_namespaces.h"
#include "kube/client.h"
#include "kube/discovery.h"
#include "kube/mirror.h"
#include "link/commands.h"

namespace fairlead::net {
class HttpClient;
}

namespace fairlead::executor {

inline constexpr std::int64_t kIdleClusterUs = 10 * kMinute;
inline constexpr std::size_t kMaxClusters = 1'000;

class Cluster {
 public:
  Cluster(kube::ClusterConfig config, net::HttpClient& http, const Clock& clock);
  ~Cluster();
  const kube::ClusterConfig& config() const { return config_; }
  kube::KubeClient& client() { return *client_; }
  kube::Discovery& discovery() { return *discovery_; }
  // Made at the first call: a cluster that is only asked for its health needs none.
  kube::Mirror& mirror();
  // nullptr before the first call of mirror().
  const kube::Mirror* mirror_if_any() const;

  SeenNamespaces& namespaces() { return namespaces_; }

 private:
  const kube::ClusterConfig config_;
  const Clock& clock_;
  const std::unique_ptr<kube::KubeClient> client_;
  const std::unique_ptr<kube::Discovery> discovery_;
  mutable std::mutex mutex_;
  std::unique_ptr<kube::Mirror> mirror_;
  SeenNamespaces namespaces_;
};

class Clusters {
 public:
  // `own`: what ClusterAccess::own means here; nullopt: such commands are refused. `http` must outlive this.
  Clusters(net::HttpClient& http, const Clock& clock, std::optional<kube::ClusterConfig> own);

  // Throws Error(invalid) for access that cannot work, Error(unavailable) beyond kMaxClusters.
  std::shared_ptr<Cluster> of(const link::ClusterAccess& access, const OpenSecret& open);
  // Drops connections that nobody has used for a while. Never from a mirror's thread.
  void drop_idle();
  std::size_t size() const;

 private:
  struct Entry {
    std::string fingerprint;
    std::shared_ptr<Cluster> cluster;
    std::int64_t used_us = 0;
  };
  net::HttpClient& http_;
  const Clock& clock_;
  const std::optional<kube::ClusterConfig> own_;
  mutable std::mutex mutex_;
  std::map<std::string, Entry> entries_;
  std::vector<std::shared_ptr<Cluster>>
      replaced_;  // kept until their last command has let go, which may be on their own thread
};

}  // namespace fairlead::executor
