// SPDX-License-Identifier: Apache-2.0
// One fairlead-devcluster for the whole program, started with the first use and stopped at the end.
#pragma once

#include <memory>
#include <string>

#include "kube/apply.h"
#include "kube/discovery.h"
#include "kube/http_kube_client.h"
#include "net/http_client.h"

namespace fairlead::kube::integration {

class Cluster {
 public:
  static Cluster& instance();
  ~Cluster();

  KubeClient& client() { return *client_; }
  Discovery& discovery() { return *discovery_; }
  net::HttpClient& http() { return http_; }
  const ClusterConfig& config() const { return config_; }
  // A fresh namespace in which pods can be made.
  std::string make_namespace();
  ApplyReport apply_yaml(const std::string& yaml, const std::string& namespace_name, ApplyOptions options = {});
  Resource resource(const std::string& group, const std::string& version, const std::string& kind);
  // Waits until a read fulfils the condition; false after a minute.
  bool wait_for(const std::function<bool()>& condition);

 private:
  Cluster();
  std::string directory_;
  int stdin_ = -1;
  int pid_ = 0;
  net::HttpClient http_;
  ClusterConfig config_;
  std::unique_ptr<KubeClient> client_;
  std::unique_ptr<Discovery> discovery_;
};

}  // namespace fairlead::kube::integration
