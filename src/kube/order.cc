// SPDX-License-Identifier: Apache-2.0
#include "kube/order.h"

#include <algorithm>
#include <array>
#include <map>

namespace fairlead::kube {

namespace {

// The order of Helm's installer and Argo CD's sync, which agree; what stands before the first workload is
// configuration.
constexpr std::array kKindOrder = {"NetworkPolicy",
                                   "ResourceQuota",
                                   "LimitRange",
                                   "PodDisruptionBudget",
                                   "PriorityClass",
                                   "ServiceAccount",
                                   "Secret",
                                   "ConfigMap",
                                   "StorageClass",
                                   "PersistentVolume",
                                   "PersistentVolumeClaim",
                                   "ClusterRole",
                                   "ClusterRoleBinding",
                                   "Role",
                                   "RoleBinding",
                                   "Service",
                                   "DaemonSet",
                                   "Pod",
                                   "ReplicationController",
                                   "ReplicaSet",
                                   "Deployment",
                                   "HorizontalPodAutoscaler",
                                   "StatefulSet",
                                   "Job",
                                   "CronJob",
                                   "IngressClass",
                                   "Ingress"};
constexpr std::size_t kFirstWorkload = 16;
static_assert(std::string_view(kKindOrder[kFirstWorkload]) == "DaemonSet");

// A kind of another group that shares a name ("Service" of serving.knative.dev) is an unknown kind.
bool is_built_in_group(std::string_view group) {
  return group.empty() || group == "apps" || group == "batch" || group == "autoscaling" || group == "policy" ||
         group == "extensions" || group.ends_with(".k8s.io");
}

}  // namespace

int rank_of(const ObjectKey& key) {
  if (is_built_in_group(key.group)) {
    const auto found = std::ranges::find(kKindOrder, std::string_view(key.kind));
    if (found != kKindOrder.end()) return static_cast<int>(found - kKindOrder.begin());
  }
  return static_cast<int>(kKindOrder.size());
}

Stage stage_of(const ObjectKey& key) {
  if (key.kind == "Namespace" && key.group.empty()) return Stage::namespaces;
  if (key.kind == "CustomResourceDefinition" && key.group == "apiextensions.k8s.io") return Stage::definitions;
  if (key.group == "admissionregistration.k8s.io") return Stage::last;
  if (key.kind == "APIService" && key.group == "apiregistration.k8s.io") return Stage::last;
  return rank_of(key) < static_cast<int>(kFirstWorkload) ? Stage::configuration : Stage::workloads;
}

std::vector<std::vector<std::size_t>> order(const std::vector<ObjectKey>& keys) {
  std::map<Stage, std::vector<std::size_t>> stages;
  for (std::size_t i = 0; i < keys.size(); ++i) stages[stage_of(keys[i])].push_back(i);
  std::vector<std::vector<std::size_t>> result;
  for (auto& [stage, indexes] : stages) {
    std::ranges::sort(indexes, {}, [&](std::size_t i) { return std::pair(rank_of(keys[i]), i); });
    result.push_back(std::move(indexes));
  }
  return result;
}

}  // namespace fairlead::kube
