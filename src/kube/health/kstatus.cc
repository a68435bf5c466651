// SPDX-License-Identifier: Apache-2.0
// kstatus' Compute: general rules, then one function per kind, then the Ready condition.
#include "base/clock.h"
#include "base/text.h"
#include "kube/fields.h"
#include "kube/health/health.h"

namespace fairlead::kube {

namespace {

using text::format;

// Pods are given this long to be scheduled before kstatus calls them failed.
constexpr std::int64_t kScheduleWindowUs = 15 * kSecond;
constexpr std::int64_t kNoDeadline = 2'147'483'647;

KStatusResult current(std::string message) { return {KStatus::current, "", std::move(message)}; }
KStatusResult in_progress(std::string_view reason, std::string message) {
  return {KStatus::in_progress, std::string(reason), std::move(message)};
}
KStatusResult failed(std::string_view reason, std::string message) {
  return {KStatus::failed, std::string(reason), std::move(message)};
}

KStatusResult service(const json::Value& o) {
  if (text_at(o, {"spec", "type"}, "ClusterIP") == "LoadBalancer" && text_at(o, {"spec", "clusterIP"}).empty()) {
    return in_progress("NoIPAssigned", "ClusterIP is not set, the service type is LoadBalancer");
  }
  return current("Service is ready");
}

KStatusResult claim(const json::Value& o) {
  const std::string_view phase = text_at(o, {"status", "phase"}, "unknown");
  if (phase != "Bound") return in_progress("NotBound", format("PVC is not Bound. phase: {}", phase));
  return current("PVC is Bound");
}

KStatusResult running_pod(const json::Value& o) {
  const auto ready = find_condition(o, "Ready");
  if (ready && ready->is_true()) return current("Pod is Ready");
  std::string crashing;
  for (const json::Value& container : array_at(o, {"status", "containerStatuses"})) {
    if (text_at(container, {"state", "waiting", "reason"}) != "CrashLoopBackOff") continue;
    if (!crashing.empty()) crashing += ",";
    crashing += text_at(container, {"name"});
  }
  if (!crashing.empty()) return failed("ContainerCrashLooping", "Containers in CrashLoop state: " + crashing);
  return in_progress("PodRunningNotReady", "Pod is running but is not Ready");
}

KStatusResult pod(const json::Value& o, std::int64_t now_us) {
  const std::string_view phase = text_at(o, {"status", "phase"});
  if (phase == "Succeeded") return current("Pod has completed successfully");
  if (phase == "Failed") return current("Pod has completed, but not successfully");
  if (phase == "Running") return running_pod(o);
  if (phase == "Pending") {
    const auto scheduled = find_condition(o, "PodScheduled");
    if (scheduled && scheduled->is_false() && scheduled->reason == "Unschedulable") {
      const auto created = parse_iso8601(text_at(o, {"metadata", "creationTimestamp"}));
      if (created && now_us - created->us < kScheduleWindowUs)
        return in_progress("PodNotScheduled", "Pod has not been scheduled");
      return failed("PodUnschedulable", "Pod could not be scheduled");
    }
    return in_progress("PodPending", "Pod is in the Pending phase");
  }
  if (phase.empty()) return in_progress("PodNotObserved", "Pod phase not available");
  return {KStatus::unknown, "", format("unknown phase {}", phase)};
}

KStatusResult deployment(const json::Value& o) {
  const auto deadline = find_int(o, {"spec", "progressDeadlineSeconds"});
  bool progressing = !deadline || *deadline == kNoDeadline;
  bool available = false;
  for (const json::Value& entry : array_at(o, {"status", "conditions"})) {
    const Condition condition = condition_of(entry);
    if (condition.type == "Progressing") {
      if (condition.reason == "ProgressDeadlineExceeded") {
        return failed("ProgressDeadlineExceeded", "Progress deadline exceeded");
      }
      if (condition.is_true() && condition.reason == "NewReplicaSetAvailable") progressing = true;
    }
    if (condition.type == "Available" && condition.is_true()) available = true;
  }
  const std::int64_t wanted = int_at(o, {"spec", "replicas"}, 1), replicas = int_at(o, {"status", "replicas"});
  const std::int64_t updated = int_at(o, {"status", "updatedReplicas"}), ready = int_at(o, {"status", "readyReplicas"});
  const std::int64_t serving = int_at(o, {"status", "availableReplicas"});
  if (wanted > replicas) return in_progress("LessReplicas", format("Replicas: {}/{}", replicas, wanted));
  if (wanted > updated) return in_progress("LessUpdated", format("Updated: {}/{}", updated, wanted));
  if (replicas > wanted) return in_progress("ExtraPods", format("Pending termination: {}", replicas - wanted));
  if (updated > serving) return in_progress("LessAvailable", format("Available: {}/{}", serving, updated));
  if (wanted > ready) return in_progress("LessReady", format("Ready: {}/{}", ready, wanted));
  if (!progressing) return in_progress("ReplicaSetNotAvailable", "ReplicaSet not Available");
  if (!available) return in_progress("DeploymentNotAvailable", "Deployment not Available");
  return current(format("Deployment is available. Replicas: {}", replicas));
}

KStatusResult replica_set(const json::Value& o) {
  const auto failure = find_condition(o, "ReplicaFailure");
  if (failure && failure->is_true()) return in_progress("ReplicaFailure", "Replica Failure condition. Check Pods");
  const std::int64_t wanted = int_at(o, {"spec", "replicas"}, 1), replicas = int_at(o, {"status", "replicas"});
  const std::int64_t labelled = int_at(o, {"status", "fullyLabeledReplicas"});
  const std::int64_t available = int_at(o, {"status", "availableReplicas"}),
                     ready = int_at(o, {"status", "readyReplicas"});
  if (wanted > labelled) return in_progress("LessLabelled", format("Labelled: {}/{}", labelled, wanted));
  if (wanted > available) return in_progress("LessAvailable", format("Available: {}/{}", available, wanted));
  if (wanted > ready) return in_progress("LessReady", format("Ready: {}/{}", ready, wanted));
  if (replicas > wanted) return in_progress("ExtraPods", format("Pending termination: {}", replicas - wanted));
  return current(format("ReplicaSet is available. Replicas: {}", replicas));
}

KStatusResult stateful_set(const json::Value& o) {
  if (text_at(o, {"spec", "updateStrategy", "type"}) == "OnDelete")
    return current("StatefulSet is using the ondelete update strategy");
  const std::int64_t wanted = int_at(o, {"spec", "replicas"}, 1), replicas = int_at(o, {"status", "replicas"});
  const std::int64_t ready = int_at(o, {"status", "readyReplicas"}), now = int_at(o, {"status", "currentReplicas"});
  const std::int64_t updated = int_at(o, {"status", "updatedReplicas"});
  if (wanted > replicas) return in_progress("LessReplicas", format("Replicas: {}/{}", replicas, wanted));
  if (wanted > ready) return in_progress("LessReady", format("Ready: {}/{}", ready, wanted));
  if (replicas > wanted) return in_progress("ExtraPods", format("Pending termination: {}", replicas - wanted));
  if (const auto partition = find_int(o, {"spec", "updateStrategy", "rollingUpdate", "partition"})) {
    if (updated < wanted - *partition) {
      return in_progress("PartitionRollout", format("updated: {}/{}", updated, wanted - *partition));
    }
    return current(format("Partition rollout complete. updated: {}", updated));
  }
  if (wanted > now) return in_progress("LessCurrent", format("current: {}/{}", now, wanted));
  if (text_at(o, {"status", "currentRevision"}) != text_at(o, {"status", "updateRevision"})) {
    return in_progress("RevisionMismatch", "Waiting for updated revision to match current");
  }
  return current(format("All replicas scheduled as expected. Replicas: {}", replicas));
}

KStatusResult daemon_set(const json::Value& o) {
  if (!find_int(o, {"metadata", "generation"})) return in_progress("NoGeneration", "Missing .metadata.generation");
  if (!find_int(o, {"status", "observedGeneration"}))
    return in_progress("NoObservedGeneration", "Missing .status.observedGeneration");
  const auto wanted = find_int(o, {"status", "desiredNumberScheduled"});
  if (!wanted) return in_progress("NoDesiredNumber", "Missing .status.desiredNumberScheduled");
  const std::int64_t now = int_at(o, {"status", "currentNumberScheduled"});
  const std::int64_t updated = int_at(o, {"status", "updatedNumberScheduled"});
  const std::int64_t available = int_at(o, {"status", "numberAvailable"}), ready = int_at(o, {"status", "numberReady"});
  if (*wanted > now) return in_progress("LessCurrent", format("Current: {}/{}", now, *wanted));
  if (*wanted > updated) return in_progress("LessUpdated", format("Updated: {}/{}", updated, *wanted));
  if (*wanted > available) return in_progress("LessAvailable", format("Available: {}/{}", available, *wanted));
  if (*wanted > ready) return in_progress("LessReady", format("Ready: {}/{}", ready, *wanted));
  return current(format("All replicas scheduled as expected. Replicas: {}", *wanted));
}

KStatusResult job(const json::Value& o) {
  for (const json::Value& entry : array_at(o, {"status", "conditions"})) {
    const Condition condition = condition_of(entry);
    if (!condition.is_true()) continue;
    if (condition.type == "Complete")
      return current(format("Job Completed. succeeded: {}", int_at(o, {"status", "succeeded"})));
    if (condition.type == "Failed")
      return failed("JobFailed", format("Job Failed. failed: {}", int_at(o, {"status", "failed"})));
    if (condition.type == "Suspended" && bool_at(o, {"spec", "suspend"})) return current("Job is suspended");
  }
  if (text_at(o, {"status", "startTime"}).empty()) return in_progress("JobNotStarted", "Job not started");
  return current(format("Job in progress. active: {}", int_at(o, {"status", "active"})));
}

KStatusResult definition(const json::Value& o) {
  for (const json::Value& entry : array_at(o, {"status", "conditions"})) {
    const Condition condition = condition_of(entry);
    if (condition.type == "NamesAccepted" && condition.is_false())
      return failed(condition.reason, std::string(condition.message));
    if (condition.type != "Established") continue;
    if (condition.is_false() && condition.reason != "Installing")
      return failed(condition.reason, std::string(condition.message));
    if (condition.is_true()) return current("CRD is established");
  }
  return in_progress("Installing", "Install in progress");
}

// nullopt: the kind has no rule of its own, or none of the generic conditions decided.
std::optional<KStatusResult> by_kind(const ObjectKey& key, const json::Value& o, std::int64_t now_us) {
  const std::string_view kind = key.kind;
  if (key.group.empty()) {
    if (kind == "Secret" || kind == "ConfigMap") return current("Resource is always ready");
    if (kind == "Service") return service(o);
    if (kind == "PersistentVolumeClaim") return claim(o);
    if (kind == "Pod") return pod(o, now_us);
  }
  if (key.group == "apps" || key.group == "extensions") {
    if (kind == "Deployment") return deployment(o);
    if (kind == "ReplicaSet") return replica_set(o);
    if (kind == "DaemonSet") return daemon_set(o);
    if (kind == "StatefulSet" && key.group == "apps") return stateful_set(o);
  }
  if (key.group == "batch" && kind == "Job") return job(o);
  if (key.group == "batch" && kind == "CronJob") return current("Resource is always ready");
  if (key.group == "policy" && kind == "PodDisruptionBudget") return current("AllowedDisruptions has been computed.");
  if (key.group == "apiextensions.k8s.io" && kind == "CustomResourceDefinition") return definition(o);
  return std::nullopt;
}

std::optional<KStatusResult> general(const Object& object) {
  const json::Value& o = object.value();
  if (object.being_deleted()) return KStatusResult{KStatus::terminating, "", "Resource scheduled for deletion"};
  const auto generation = object.generation();
  const auto observed = find_int(o, {"status", "observedGeneration"});
  if (generation && observed && *generation != *observed) {
    return in_progress(
        "LatestGenerationNotObserved",
        format("{} generation is {}, but latest observed generation is {}", object.kind(), *generation, *observed));
  }
  for (const json::Value& entry : array_at(o, {"status", "conditions"})) {
    const Condition condition = condition_of(entry);
    if (!condition.is_true()) continue;
    if (condition.type == "Reconciling") return in_progress(condition.reason, std::string(condition.message));
    if (condition.type == "Stalled") return failed(condition.reason, std::string(condition.message));
  }
  return std::nullopt;
}

}  // namespace

std::string_view name_of(KStatus status) {
  switch (status) {
    case KStatus::in_progress: return "InProgress";
    case KStatus::failed: return "Failed";
    case KStatus::current: return "Current";
    case KStatus::terminating: return "Terminating";
    case KStatus::not_found: return "NotFound";
    case KStatus::unknown: return "Unknown";
  }
  return "Unknown";
}

KStatusResult kstatus(const Object& object, std::int64_t now_us) {
  if (auto result = general(object)) return *std::move(result);
  if (auto result = by_kind(object.key(), object.value(), now_us)) return *std::move(result);
  for (const json::Value& entry : array_at(object.value(), {"status", "conditions"})) {
    const Condition condition = condition_of(entry);
    if (condition.type != "Ready") continue;
    if (condition.is_true()) return current("Resource is Ready");
    if (condition.is_false() || condition.status == "Unknown")
      return in_progress(condition.reason, std::string(condition.message));
  }
  return current("Resource is current");
}

}  // namespace fairlead::kube
