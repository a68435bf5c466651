// SPDX-License-Identifier: Apache-2.0
// Octopus' table of readiness rules, which decides a step; kstatus for kinds outside the table.
#include "base/text.h"
#include "kube/fields.h"
#include "kube/health/health.h"

namespace fairlead::kube {

namespace {

using text::format;

Readiness done(std::string message = {}) { return {Progress::successful, "", std::move(message), ""}; }
Readiness busy(std::string message) { return {Progress::in_progress, "", std::move(message), ""}; }
Readiness broken(std::string_view reason, std::string message) {
  return {Progress::failed, std::string(reason), std::move(message), ""};
}

bool not_observed(const json::Value& o) {
  return int_at(o, {"metadata", "generation"}) > int_at(o, {"status", "observedGeneration"});
}
Readiness waiting() { return busy("the controller has not seen this version yet"); }

Readiness deployment_readiness(const json::Value& o) {
  if (bool_at(o, {"spec", "paused"})) {
    Readiness result = done("paused");
    result.note = "is paused: its rollout is not waited for";
    return result;
  }
  if (not_observed(o)) return waiting();
  const auto condition = find_condition(o, "Progressing");
  if (condition && condition->reason == "ProgressDeadlineExceeded") {
    return broken(condition->reason,
                  format("the rollout made no progress within its deadline: {}", condition->message));
  }
  const std::int64_t wanted = int_at(o, {"spec", "replicas"}, 1), updated = int_at(o, {"status", "updatedReplicas"});
  const std::int64_t replicas = int_at(o, {"status", "replicas"}),
                     available = int_at(o, {"status", "availableReplicas"});
  if (updated < wanted) return busy(format("{} of {} replicas are updated", updated, wanted));
  if (replicas > updated)
    return busy(format("{} of the old revision still running", text::counted(replicas - updated, "replica")));
  if (available < updated) return busy(format("{} of {} replicas are available", available, updated));
  return done(format("{} available", text::counted(available, "replica")));
}

Readiness replica_set_readiness(const json::Value& o) {
  if (not_observed(o)) return waiting();
  const auto failure = find_condition(o, "ReplicaFailure");
  if (failure && failure->is_true())
    return broken(failure->reason, format("pods cannot be created: {}", failure->message));
  const std::int64_t wanted = int_at(o, {"spec", "replicas"}, 1),
                     available = int_at(o, {"status", "availableReplicas"});
  if (available < wanted) return busy(format("{} of {} replicas are available", available, wanted));
  return done(format("{} available", text::counted(available, "replica")));
}

Readiness stateful_set_readiness(const json::Value& o) {
  if (int_at(o, {"status", "observedGeneration"}) == 0 || not_observed(o)) return waiting();
  const std::int64_t wanted = int_at(o, {"spec", "replicas"}, 1), ready = int_at(o, {"status", "readyReplicas"});
  const std::int64_t updated = int_at(o, {"status", "updatedReplicas"});
  if (ready < wanted) return busy(format("{} of {} pods are ready", ready, wanted));
  if (text_at(o, {"spec", "updateStrategy", "type"}) == "OnDelete")
    return done(format("{} ready", text::counted(ready, "pod")));
  if (const auto partition = find_int(o, {"spec", "updateStrategy", "rollingUpdate", "partition"})) {
    const std::int64_t goal = wanted - *partition;
    if (updated < goal) return busy(format("{} of {} pods are updated", updated, goal));
    return done(format("{} ready", text::counted(ready, "pod")));
  }
  if (text_at(o, {"status", "updateRevision"}) != text_at(o, {"status", "currentRevision"})) {
    return busy(format("{} of {} pods are updated", updated, wanted));
  }
  return done(format("{} ready", text::counted(ready, "pod")));
}

Readiness daemon_set_readiness(const json::Value& o) {
  if (not_observed(o)) return waiting();
  if (text_at(o, {"spec", "updateStrategy", "type"}) == "OnDelete") return done();
  const std::int64_t wanted = int_at(o, {"status", "desiredNumberScheduled"});
  const std::int64_t updated = int_at(o, {"status", "updatedNumberScheduled"});
  const std::int64_t available = int_at(o, {"status", "numberAvailable"});
  if (updated < wanted) return busy(format("{} of {} pods are updated", updated, wanted));
  if (available < wanted) return busy(format("{} of {} pods are available", available, wanted));
  return done(format("{} available", text::counted(available, "pod")));
}

// The display rules for pods are the step's rules, except that an unknown phase is no failure.
Readiness pod_readiness(const Object& object) {
  const Health health = assess(object);
  const std::string_view phase = text_at(object.value(), {"status", "phase"});
  switch (health.status) {
    case HealthStatus::healthy: return done(std::string(phase));
    case HealthStatus::degraded: {
      std::string_view reason = phase == "Failed" ? text_at(object.value(), {"status", "reason"}, "Failed") : "";
      for (const json::Value& container : array_at(object.value(), {"status", "containerStatuses"})) {
        if (reason.empty()) reason = text_at(container, {"state", "waiting", "reason"});
      }
      if (reason.empty()) reason = "ContainerTerminated";
      return broken(reason, health.message.empty() ? "a container ended and the pod is not ready" : health.message);
    }
    case HealthStatus::suspended:
    case HealthStatus::progressing:
    case HealthStatus::missing:
    case HealthStatus::unknown: break;
  }
  return busy(phase.empty() ? "not observed by a node yet" : format("phase {}", phase));
}

Readiness job_readiness(const json::Value& o, bool wait_for_jobs) {
  if (!wait_for_jobs) return done("created; its end is not waited for");
  const auto failed = find_condition(o, "Failed");
  if (failed && failed->is_true()) return broken(failed->reason, format("the job failed: {}", failed->message));
  const auto complete = find_condition(o, "Complete");
  if (complete && complete->is_true()) return done("complete");
  const auto suspended = find_condition(o, "Suspended");
  if (suspended && suspended->is_true()) return done("suspended");
  return busy(format("{} active, {} succeeded, {} failed", int_at(o, {"status", "active"}),
                     int_at(o, {"status", "succeeded"}), int_at(o, {"status", "failed"})));
}

// Kinds for which existing is enough, so that nothing needs to be said about it.
bool exists_is_enough(std::string_view group, std::string_view kind) {
  if (group == "apiextensions.k8s.io" || group == "apiregistration.k8s.io") return false;
  if (group == "apps" || group == "extensions") {
    return kind != "Deployment" && kind != "ReplicaSet" && kind != "StatefulSet" && kind != "DaemonSet";
  }
  if (group == "batch") return kind != "Job";
  if (group.empty()) return kind != "Pod" && kind != "ReplicationController";
  return group == "autoscaling" || group == "policy" || group == "events.k8s.io" ||
         group == "rbac.authorization.k8s.io" || group == "networking.k8s.io" || group == "storage.k8s.io" ||
         group == "scheduling.k8s.io" || group == "discovery.k8s.io" || group == "coordination.k8s.io" ||
         group == "node.k8s.io" || group == "admissionregistration.k8s.io" || group == "authorization.k8s.io" ||
         group == "certificates.k8s.io" || group == "flowcontrol.apiserver.k8s.io";
}

Readiness by_kstatus(const Object& object) {
  const json::Value& o = object.value();
  const bool speaks = !array_at(o, {"status", "conditions"}).empty() || find_int(o, {"status", "observedGeneration"});
  const KStatusResult result = kstatus(object, 0);
  switch (result.status) {
    case KStatus::failed: return broken(result.reason, result.message);
    case KStatus::in_progress: return busy(result.message);
    case KStatus::terminating: return busy("is being deleted");
    case KStatus::not_found:
    case KStatus::unknown: return busy(result.message);
    case KStatus::current: break;
  }
  Readiness ready = done(speaks ? result.message : "exists");
  if (!speaks) ready.note = "has no status that Fairlead understands: only its existence has been confirmed";
  return ready;
}

}  // namespace

bool needs_status(std::string_view group, std::string_view kind) { return !exists_is_enough(group, kind); }

Readiness readiness(const Object& object, const ReadinessOptions& options) {
  const ObjectKey key = object.key();
  const json::Value& o = object.value();
  if (object.being_deleted()) return busy("is being deleted");
  if (key.group == "apps" || key.group == "extensions") {
    if (key.kind == "Deployment") return deployment_readiness(o);
    if (key.kind == "ReplicaSet") return replica_set_readiness(o);
    if (key.kind == "StatefulSet") return stateful_set_readiness(o);
    if (key.kind == "DaemonSet") return daemon_set_readiness(o);
  }
  if (key.group.empty() && key.kind == "Pod") return pod_readiness(object);
  if (key.group == "batch" && key.kind == "Job") return job_readiness(o, options.wait_for_jobs);
  if (exists_is_enough(key.group, key.kind)) return done("exists");
  return by_kstatus(object);
}

}  // namespace fairlead::kube
