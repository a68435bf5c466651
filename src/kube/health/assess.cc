// SPDX-License-Identifier: Apache-2.0
// The rules of gitops-engine's GetResourceHealth by group and kind, in its order of evaluation; texts are our own.
#include <array>

#include "base/text.h"
#include "kube/fields.h"
#include "kube/health/health.h"

namespace fairlead::kube {

namespace {

using text::format;

Health is(HealthStatus status, std::string message = {}) { return {status, std::move(message), true}; }
Health healthy(std::string message = {}) { return is(HealthStatus::healthy, std::move(message)); }
Health progressing(std::string message) { return is(HealthStatus::progressing, std::move(message)); }
Health degraded(std::string message) { return is(HealthStatus::degraded, std::move(message)); }

bool behind(const json::Value& o) {
  return int_at(o, {"metadata", "generation"}) > int_at(o, {"status", "observedGeneration"});
}
Health waiting_for_controller() { return progressing("waiting for the controller to observe the new generation"); }

Health assess_deployment(const json::Value& o) {
  if (bool_at(o, {"spec", "paused"})) return is(HealthStatus::suspended, "Deployment is paused");
  if (behind(o)) return waiting_for_controller();
  const auto condition = find_condition(o, "Progressing");
  if (condition && condition->reason == "ProgressDeadlineExceeded") {
    return degraded(format("Deployment \"{}\" exceeded its progress deadline", text_at(o, {"metadata", "name"})));
  }
  const auto wanted = find_int(o, {"spec", "replicas"});
  const std::int64_t updated = int_at(o, {"status", "updatedReplicas"}), replicas = int_at(o, {"status", "replicas"});
  const std::int64_t available = int_at(o, {"status", "availableReplicas"});
  if (wanted && updated < *wanted) return progressing(format("{} of {} replicas are updated", updated, *wanted));
  if (replicas > updated) return progressing(format("{} old replicas are still terminating", replicas - updated));
  if (available < updated) return progressing(format("{} of {} updated replicas are available", available, updated));
  return healthy();
}

Health assess_stateful_set(const json::Value& o) {
  if (int_at(o, {"status", "observedGeneration"}) == 0 || behind(o)) return waiting_for_controller();
  const auto wanted = find_int(o, {"spec", "replicas"});
  const std::int64_t ready = int_at(o, {"status", "readyReplicas"}), updated = int_at(o, {"status", "updatedReplicas"});
  if (wanted && ready < *wanted) return progressing(format("{} of {} pods are ready", ready, *wanted));
  const std::string_view type = text_at(o, {"spec", "updateStrategy", "type"});
  if (type == "RollingUpdate" && find(o, {"spec", "updateStrategy", "rollingUpdate"}) != nullptr) {
    const auto partition = find_int(o, {"spec", "updateStrategy", "rollingUpdate", "partition"});
    if (wanted && partition && updated < *wanted - *partition) {
      return progressing(format("{} of {} pods of the partition are updated", updated, *wanted - *partition));
    }
    return healthy(format("{} pods are updated", updated));
  }
  if (type == "OnDelete") return healthy(format("{} pods are ready", ready));
  if (text_at(o, {"status", "updateRevision"}) != text_at(o, {"status", "currentRevision"})) {
    return progressing(format("{} pods are at the new revision", updated));
  }
  return healthy(format("{} pods are at the current revision", int_at(o, {"status", "currentReplicas"})));
}

Health assess_daemon_set(const json::Value& o) {
  if (behind(o)) return waiting_for_controller();
  if (text_at(o, {"spec", "updateStrategy", "type"}) == "OnDelete") return healthy();
  const std::int64_t wanted = int_at(o, {"status", "desiredNumberScheduled"});
  const std::int64_t updated = int_at(o, {"status", "updatedNumberScheduled"});
  const std::int64_t available = int_at(o, {"status", "numberAvailable"});
  if (updated < wanted) return progressing(format("{} of {} pods are updated", updated, wanted));
  if (available < wanted) return progressing(format("{} of {} pods are available", available, wanted));
  return healthy();
}

Health assess_replica_set(const json::Value& o) {
  if (behind(o)) return waiting_for_controller();
  const auto failure = find_condition(o, "ReplicaFailure");
  if (failure && failure->is_true()) return degraded(std::string(failure->message));
  const auto wanted = find_int(o, {"spec", "replicas"});
  const std::int64_t available = int_at(o, {"status", "availableReplicas"});
  if (wanted && available < *wanted) return progressing(format("{} of {} replicas are available", available, *wanted));
  return healthy();
}

std::string failed_pod_message(const json::Value& o) {
  const std::string_view own = text_at(o, {"status", "message"});
  if (!own.empty()) return std::string(own);
  for (const std::string_view list : {"initContainerStatuses", "containerStatuses"}) {
    for (const json::Value& container : array_at(o, {"status", list})) {
      const json::Value* ended = find(container, {"state", "terminated"});
      if (ended == nullptr) continue;
      const std::string_view message = text_at(*ended, {"message"});
      if (!message.empty()) return std::string(message);
      if (text_at(*ended, {"reason"}) == "OOMKilled") return "OOMKilled";
      const std::int64_t code = int_at(*ended, {"exitCode"});
      if (code != 0) return format("container \"{}\" failed with exit code {}", text_at(container, {"name"}), code);
    }
  }
  return {};
}

bool is_error_reason(std::string_view reason) {
  return reason.starts_with("Err") || reason.ends_with("Error") || reason.ends_with("BackOff");
}

Health assess_pod(const Object& object) {
  const json::Value& o = object.value();
  const bool hook = !object.annotation("argocd.argoproj.io/hook").empty();
  const bool continuous = text_at(o, {"spec", "restartPolicy"}, "Always") == "Always" ||
                          (object.annotation("argocd.argoproj.io/ignore-restart-policy") == "true" && !hook);
  if (continuous) {
    std::string messages;
    bool broken = false;
    for (const json::Value& container : array_at(o, {"status", "containerStatuses"})) {
      const json::Value* waiting = find(container, {"state", "waiting"});
      if (waiting == nullptr || !is_error_reason(text_at(*waiting, {"reason"}))) continue;
      broken = true;
      if (!messages.empty()) messages += ", ";
      messages += text_at(*waiting, {"message"});
    }
    if (broken) return degraded(std::move(messages));
  }
  const std::string_view phase = text_at(o, {"status", "phase"});
  std::string message(text_at(o, {"status", "message"}));
  if (phase == "Pending") return progressing(std::move(message));
  if (phase == "Succeeded") return healthy(std::move(message));
  if (phase == "Failed") return degraded(failed_pod_message(o));
  if (phase != "Running") return is(HealthStatus::unknown, std::move(message));
  if (!continuous) return progressing(std::move(message));
  const auto ready = find_condition(o, "Ready");
  if (ready && ready->is_true()) return healthy(std::move(message));
  for (const json::Value& container : array_at(o, {"status", "containerStatuses"})) {
    if (find(container, {"lastState", "terminated"}) != nullptr) return degraded(std::move(message));
  }
  return progressing(std::move(message));
}

Health assess_ingress_point(const json::Value& o, std::string_view what) {
  if (!array_at(o, {"status", "loadBalancer", "ingress"}).empty()) return healthy();
  return progressing(format("{} has no address yet", what));
}

Health assess_claim(const json::Value& o) {
  const std::string_view phase = text_at(o, {"status", "phase"});
  if (phase == "Lost") return degraded("the volume is lost");
  if (phase == "Pending") return progressing("not bound to a volume yet");
  if (phase == "Bound") return healthy();
  return is(HealthStatus::unknown);
}

Health assess_job(const json::Value& o) {
  bool failed = false, complete = false, suspended = false;
  std::string_view fail_message, suspend_message, message;
  for (const json::Value& entry : array_at(o, {"status", "conditions"})) {
    const Condition condition = condition_of(entry);
    if (condition.type == "Failed") {
      failed = complete = true;
      fail_message = condition.message;
    } else if (condition.type == "Complete") {
      complete = true;
      message = condition.message;
    } else if (condition.type == "Suspended") {
      complete = true;
      suspend_message = condition.message;
      if (condition.is_true()) suspended = true;
    }
  }
  if (!complete) return progressing(std::string(message));
  if (failed) return degraded(std::string(fail_message));
  if (suspended) return is(HealthStatus::suspended, std::string(suspend_message));
  return healthy(std::string(message));
}

constexpr std::array kScalerFailures = {std::pair{"AbleToScale", "FailedGetScale"},
                                        std::pair{"AbleToScale", "FailedUpdateScale"},
                                        std::pair{"ScalingActive", "FailedGetResourceMetric"},
                                        std::pair{"ScalingActive", "FailedGetObjectMetric"},
                                        std::pair{"ScalingActive", "FailedGetPodsMetric"},
                                        std::pair{"ScalingActive", "FailedGetExternalMetric"},
                                        std::pair{"ScalingActive", "FailedComputeMetricsReplicas"},
                                        std::pair{"ScalingActive", "InvalidSelector"}};

Health assess_scaler_conditions(const json::Array& conditions) {
  for (const json::Value& entry : conditions) {
    const Condition condition = condition_of(entry);
    for (const auto& [type, reason] : kScalerFailures) {
      if (condition.type == type && condition.reason == reason) return degraded(std::string(condition.message));
    }
    const bool counts = condition.type == "AbleToScale" || condition.type == "ScalingLimited";
    if (counts && condition.is_true()) return healthy(std::string(condition.message));
  }
  return progressing("Waiting to Autoscale");
}

// Version 1 keeps its conditions as JSON in an annotation, with keys in any case.
json::Array scaler_conditions_v1(const Object& object) {
  json::Array result;
  boost::system::error_code error;
  const std::string_view annotation = object.annotation("autoscaling.alpha.kubernetes.io/conditions");
  const json::Value parsed = boost::json::parse(annotation.empty() ? "[]" : annotation, error);
  if (error || !parsed.is_array()) return result;
  for (const json::Value& entry : parsed.get_array()) {
    json::Object lowered;
    if (!entry.is_object()) continue;
    for (const auto& member : entry.get_object()) lowered[text::lower(std::string_view(member.key()))] = member.value();
    result.push_back(std::move(lowered));
  }
  return result;
}

Health assess_scaler(const Object& object) {
  const bool first = object.api_version() == "autoscaling/v1";
  return assess_scaler_conditions(first ? scaler_conditions_v1(object)
                                        : array_at(object.value(), {"status", "conditions"}));
}

Health assess_api_service(const json::Value& o) {
  const auto available = find_condition(o, "Available");
  if (!available) return progressing("Waiting to be processed");
  std::string message = format("{}: {}", available->reason, available->message);
  return available->is_true() ? healthy(std::move(message)) : progressing(std::move(message));
}

Health assess_definition(const json::Value& o) {
  const auto names = find_condition(o, "NamesAccepted");
  if (names && names->is_false()) return degraded(std::string(names->message));
  const auto established = find_condition(o, "Established");
  if (established && established->is_true()) return healthy();
  if (established && established->is_false() && established->reason != "Installing")
    return degraded(std::string(established->message));
  return progressing("not established yet");
}

Health assess_workflow(const json::Value& o) {
  const std::string_view phase = text_at(o, {"status", "phase"});
  std::string message(text_at(o, {"status", "message"}));
  if (phase.empty() || phase == "Pending" || phase == "Running") return progressing(std::move(message));
  if (phase == "Succeeded") return healthy(std::move(message));
  if (phase == "Failed" || phase == "Error") return degraded(std::move(message));
  return is(HealthStatus::unknown, std::move(message));
}

// Conventions shared by most controllers: Stalled, Reconciling and Ready.
std::optional<Health> assess_conditions(const Object& object) {
  const json::Value& o = object.value();
  if (array_at(o, {"status", "conditions"}).empty()) return std::nullopt;
  const KStatusResult result = kstatus(object, 0);
  if (result.status == KStatus::failed) return degraded(result.message);
  if (result.status == KStatus::in_progress) {
    const auto ready = find_condition(o, "Ready");
    return ready && ready->is_false() ? degraded(result.message) : progressing(result.message);
  }
  if (find_condition(o, "Ready")) return healthy();
  return std::nullopt;
}

std::optional<Health> assess_kind(const ObjectKey& key, const Object& object) {
  const json::Value& o = object.value();
  const std::string_view kind = key.kind;
  if (key.group == "apps") {
    if (kind == "Deployment") return assess_deployment(o);
    if (kind == "StatefulSet") return assess_stateful_set(o);
    if (kind == "DaemonSet") return assess_daemon_set(o);
    if (kind == "ReplicaSet") return assess_replica_set(o);
  } else if (key.group.empty()) {
    if (kind == "Pod") return assess_pod(object);
    if (kind == "Service") {
      return text_at(o, {"spec", "type"}) == "LoadBalancer" ? assess_ingress_point(o, "the load balancer") : healthy();
    }
    if (kind == "PersistentVolumeClaim") return assess_claim(o);
  } else if (kind == "Ingress" && (key.group == "networking.k8s.io" || key.group == "extensions")) {
    return assess_ingress_point(o, "the ingress");
  } else if (key.group == "batch" && kind == "Job") {
    return assess_job(o);
  } else if (key.group == "autoscaling" && kind == "HorizontalPodAutoscaler") {
    return assess_scaler(object);
  } else if (key.group == "apiregistration.k8s.io" && kind == "APIService") {
    return assess_api_service(o);
  } else if (key.group == "apiextensions.k8s.io" && kind == "CustomResourceDefinition") {
    return assess_definition(o);
  } else if (key.group == "argoproj.io" && kind == "Workflow") {
    return assess_workflow(o);
  }
  return std::nullopt;
}

bool has_hook_finalizer(const json::Value& o) {
  for (const json::Value& finalizer : array_at(o, {"metadata", "finalizers"})) {
    if (finalizer.is_string() && json::view(finalizer.get_string()) == "argocd.argoproj.io/hook-finalizer") return true;
  }
  return false;
}

}  // namespace

std::string_view name_of(HealthStatus status) {
  switch (status) {
    case HealthStatus::healthy: return "Healthy";
    case HealthStatus::suspended: return "Suspended";
    case HealthStatus::progressing: return "Progressing";
    case HealthStatus::missing: return "Missing";
    case HealthStatus::degraded: return "Degraded";
    case HealthStatus::unknown: return "Unknown";
  }
  return "Unknown";
}

Health assess(const Object& object) {
  if (object.being_deleted() && !has_hook_finalizer(object.value())) return progressing("Pending deletion");
  const ObjectKey key = object.key();
  if (auto health = assess_kind(key, object)) return *std::move(health);
  const bool built_in = key.group.empty() || key.group.find('.') == std::string::npos || key.group.ends_with(".k8s.io");
  if (!built_in) {
    if (auto health = assess_conditions(object)) return *std::move(health);
  }
  return {HealthStatus::healthy, "", false};
}

}  // namespace fairlead::kube
