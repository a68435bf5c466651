// SPDX-License-Identifier: Apache-2.0
// How an executor reaches a cluster: from a command's ClusterAccess, from a kubeconfig file, or from inside a pod. The
// reading of kubeconfig and of service account files is kube/http_kube_client.h's.
#pragma once

#include <functional>
#include <string>

#include "base/secret.h"
#include "kube/http_kube_client.h"
#include "link/commands.h"

namespace fairlead::executor {

using OpenSecret = std::function<Secret(const link::Confidential&)>;

// Throws Error(invalid) for access that names no server.
kube::ClusterConfig config_of(const link::ClusterAccess& access, const OpenSecret& open);

// The executor's own cluster: the current context of `kubeconfig_file`, or, where that is empty, the pod's service
// account.
kube::ClusterConfig own_cluster_config(const std::string& kubeconfig_file);

// A kubeconfig for kubectl and its like inside a script (JSON, which is YAML).
std::string kubeconfig_text(const kube::ClusterConfig& config, const std::string& namespace_name);

// Names the connection: equal texts mean the same server, credentials and settings; secrets only as their hash.
std::string fingerprint(const kube::ClusterConfig& config);

}  // namespace fairlead::executor
