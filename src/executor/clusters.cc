// SPDX-License-Identifier: Apache-2.0
#include "executor/clusters.h"

#include <utility>

#include "base/error.h"
#include "base/text.h"
#include "kube/constants.h"

namespace fairlead::executor {

Cluster::Cluster(kube::ClusterConfig config, net::HttpClient& http, const Clock& clock)
    : config_(std::move(config)),
      clock_(clock),
      client_(kube::make_http_kube_client(config_, http)),
      discovery_(std::make_unique<kube::Discovery>(*client_, clock)),
      namespaces_(clock) {}

Cluster::~Cluster() = default;

kube::Mirror& Cluster::mirror() {
  const std::lock_guard lock(mutex_);
  if (!mirror_) {
    kube::MirrorOptions options;
    options.label_selector = kube::kAppLabel;
    mirror_ = std::make_unique<kube::Mirror>(*client_, *discovery_, clock_, std::move(options));
  }
  return *mirror_;
}

const kube::Mirror* Cluster::mirror_if_any() const {
  const std::lock_guard lock(mutex_);
  return mirror_.get();
}

Clusters::Clusters(net::HttpClient& http, const Clock& clock, std::optional<kube::ClusterConfig> own)
    : http_(http), clock_(clock), own_(std::move(own)) {}

std::shared_ptr<Cluster> Clusters::of(const link::ClusterAccess& access, const OpenSecret& open) {
  if (access.own && !own_) {
    throw invalid(text::format("{} asks for the executor's own cluster, but this executor has none", access.name))
        .with_help("start it inside a cluster or with --kubeconfig");
  }
  kube::ClusterConfig config = access.own ? *own_ : config_of(access, open);
  const std::string print = fingerprint(config);
  const std::string name = access.own ? std::string() : access.name;
  const std::lock_guard lock(mutex_);
  const auto found = entries_.find(name);
  if (found != entries_.end() && found->second.fingerprint == print) {
    found->second.used_us = clock_.steady_us();
    return found->second.cluster;
  }
  if (found == entries_.end() && entries_.size() >= kMaxClusters) {
    throw Error(Fault::unavailable, text::format("this executor already holds {} clusters", kMaxClusters))
        .with_help("add workers, or move targets to another pool");
  }
  auto cluster = std::make_shared<Cluster>(std::move(config), http_, clock_);
  Entry& entry = entries_[name];
  if (entry.cluster) replaced_.push_back(std::move(entry.cluster));
  entry = Entry{print, cluster, clock_.steady_us()};
  return cluster;
}

void Clusters::drop_idle() {
  std::vector<std::shared_ptr<Cluster>>
      dropped;  // declared first, so destroyed without the lock: a mirror joins its thread
  const std::lock_guard lock(mutex_);
  const std::int64_t now_us = clock_.steady_us();
  for (auto entry = entries_.begin(); entry != entries_.end();) {
    if (entry->second.cluster.use_count() > 1) entry->second.used_us = now_us;
    if (now_us - entry->second.used_us > kIdleClusterUs) {
      dropped.push_back(std::move(entry->second.cluster));
      entry = entries_.erase(entry);
    } else {
      ++entry;
    }
  }
  for (auto cluster = replaced_.begin(); cluster != replaced_.end();) {
    if (cluster->use_count() == 1) {
      dropped.push_back(std::move(*cluster));
      cluster = replaced_.erase(cluster);
    } else {
      ++cluster;
    }
  }
}

std::size_t Clusters::size() const {
  const std::lock_guard lock(mutex_);
  return entries_.size() + replaced_.size();
}

}  // namespace fairlead::executor
