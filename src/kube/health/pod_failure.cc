// SPDX-License-Identifier: Apache-2.0
#include "kube/health/pod_failure.h"

#include "base/text.h"
#include "kube/fields.h"

namespace fairlead::kube {

namespace {

PodTrouble trouble_of_waiting(std::string_view reason) {
  if (reason == "InvalidImageName" || reason == "ErrImageNeverPull") return PodTrouble::invalid_image;
  if (reason == "ErrImagePull" || reason == "ImagePullBackOff" || reason == "RegistryUnavailable" ||
      reason == "ImageInspectError" || reason == "SignatureValidationFailed") {
    return PodTrouble::image_pull;
  }
  if (reason == "CreateContainerConfigError" || reason == "CreateContainerError" || reason == "RunContainerError" ||
      reason == "PreStartHookError" || reason == "PostStartHookError") {
    return PodTrouble::config;
  }
  if (reason == "CrashLoopBackOff") return PodTrouble::crash_loop;
  return PodTrouble::none;
}

// The kubelet's `secret "x" not found` and `configmap "x" not found`.
void find_missing_reference(PodFailure& failure) {
  if (!failure.message.ends_with("not found")) return;
  for (const auto& [word, kind] : {std::pair{"secret \"", "Secret"}, std::pair{"configmap \"", "ConfigMap"}}) {
    const std::size_t at = failure.message.find(word);
    if (at == std::string::npos) continue;
    const std::size_t begin = at + std::string_view(word).size();
    const std::size_t end = failure.message.find('"', begin);
    if (end == std::string::npos) continue;
    failure.missing_kind = kind;
    failure.missing_name = failure.message.substr(begin, end - begin);
    return;
  }
}

std::optional<PodFailure> container_failure(const json::Value& status, bool init, bool restarts_count,
                                            const FailFast& limits) {
  PodFailure failure;
  failure.container = text_at(status, {"name"});
  failure.init_container = init;
  failure.image = text_at(status, {"image"});
  failure.restarts = int_at(status, {"restartCount"});
  const json::Value* ended_before = find(status, {"lastState", "terminated"});
  const json::Value* ended_now = find(status, {"state", "terminated"});
  const json::Value* waiting = find(status, {"state", "waiting"});
  const json::Value* ended = ended_now != nullptr ? ended_now : ended_before;
  if (ended != nullptr) failure.exit_code = find_int(*ended, {"exitCode"});
  failure.container_ran = ended != nullptr || find(status, {"state", "running"}) != nullptr;
  failure.previous_logs = ended_before != nullptr && ended_now == nullptr;
  if (waiting != nullptr) {
    failure.reason = text_at(*waiting, {"reason"});
    failure.message = text_at(*waiting, {"message"});
    failure.trouble = trouble_of_waiting(failure.reason);
    // Waiting for its next start, a container keeps the state of its last end.
    if (failure.trouble != PodTrouble::crash_loop && failure.trouble != PodTrouble::none) {
      if (failure.trouble == PodTrouble::config) find_missing_reference(failure);
      return failure;
    }
  }
  const bool well =
      bool_at(status, {"ready"}) || (init && ended_now != nullptr && int_at(*ended_now, {"exitCode"}) == 0);
  if (well || !restarts_count || failure.restarts < limits.crash_restarts || ended == nullptr) return std::nullopt;
  failure.trouble = PodTrouble::crash_loop;
  if (failure.reason.empty()) failure.reason = "CrashLoop";
  const std::string_view why = text_at(*ended, {"reason"});
  const std::string_view text = text_at(*ended, {"message"});
  failure.message = text.empty() ? std::string(why) : text::format("{}: {}", why, text);
  return failure;
}

// A Job counts the failures of its pods itself.
bool owned_by_job(const json::Value& pod) {
  for (const json::Value& owner : array_at(pod, {"metadata", "ownerReferences"})) {
    if (text_at(owner, {"kind"}) == "Job") return true;
  }
  return false;
}

std::optional<PodFailure> unschedulable(const json::Value& pod) {
  if (text_at(pod, {"status", "phase"}) != "Pending") return std::nullopt;
  const auto scheduled = find_condition(pod, "PodScheduled");
  if (!scheduled || !scheduled->is_false() || scheduled->reason != "Unschedulable") return std::nullopt;
  PodFailure failure;
  failure.trouble = PodTrouble::unschedulable;
  failure.reason = "Unschedulable";
  failure.message = scheduled->message;
  return failure;
}

PodFailure failed_pod(const json::Value& pod) {
  PodFailure failure;
  failure.trouble = PodTrouble::failed;
  failure.reason = text_at(pod, {"status", "reason"}, "Failed");
  failure.message = text_at(pod, {"status", "message"});
  for (const std::string_view list : {"initContainerStatuses", "containerStatuses"}) {
    for (const json::Value& status : array_at(pod, {"status", list})) {
      const json::Value* ended = find(status, {"state", "terminated"});
      if (ended == nullptr || int_at(*ended, {"exitCode"}) == 0) continue;
      failure.container = text_at(status, {"name"});
      failure.init_container = list == "initContainerStatuses";
      failure.image = text_at(status, {"image"});
      failure.exit_code = find_int(*ended, {"exitCode"});
      failure.restarts = int_at(status, {"restartCount"});
      failure.container_ran = true;
      if (failure.message.empty()) failure.message = text_at(*ended, {"message"}, text_at(*ended, {"reason"}));
      return failure;
    }
  }
  return failure;
}

}  // namespace

PodFailure pod_failure(const Object& pod, const FailFast& limits) {
  const json::Value& o = pod.value();
  const std::string_view phase = text_at(o, {"status", "phase"});
  if (pod.being_deleted() || phase == "Succeeded") return {};
  if (phase == "Failed") return failed_pod(o);
  const bool restarts_count = !owned_by_job(o);
  std::optional<PodFailure> gravest;
  for (const std::string_view list : {"initContainerStatuses", "containerStatuses"}) {
    for (const json::Value& status : array_at(o, {"status", list})) {
      auto failure = container_failure(status, list == "initContainerStatuses", restarts_count, limits);
      if (failure && (!gravest || failure->trouble < gravest->trouble)) gravest = std::move(failure);
    }
  }
  if (!gravest) gravest = unschedulable(o);
  return gravest ? *std::move(gravest) : PodFailure{};
}

std::optional<std::int64_t> grace_ms(PodTrouble trouble, const FailFast& limits) {
  switch (trouble) {
    case PodTrouble::invalid_image:
    case PodTrouble::crash_loop: return 0;
    case PodTrouble::image_pull: return limits.image_pull_ms;
    case PodTrouble::config: return limits.container_config_ms;
    case PodTrouble::unschedulable: return limits.unschedulable_ms;
    case PodTrouble::none:
    case PodTrouble::failed: break;
  }
  return std::nullopt;
}

std::string sentence_of(const PodFailure& failure) {
  const std::string which =
      failure.container.empty()
          ? std::string("the pod")
          : text::format("{} \"{}\"", failure.init_container ? "init container" : "container", failure.container);
  const std::string because = failure.message.empty() ? "" : ": " + text::shorten(failure.message, 1000);
  switch (failure.trouble) {
    case PodTrouble::none: return "";
    case PodTrouble::invalid_image:
    case PodTrouble::image_pull:
      return text::format("{} cannot pull its image {} ({}){}", which, failure.image, failure.reason, because);
    case PodTrouble::crash_loop:
      return text::format("{} was restarted {}{} ({}){}", which, text::counted(failure.restarts, "time"),
                          failure.exit_code ? text::format(", last exit code {}", *failure.exit_code) : "",
                          failure.reason, because);
    case PodTrouble::config: return text::format("{} cannot be started ({}){}", which, failure.reason, because);
    case PodTrouble::unschedulable: return text::format("no node takes the pod ({}){}", failure.reason, because);
    case PodTrouble::failed:
      return text::format("{} failed{} ({}){}", which,
                          failure.exit_code ? text::format(" with exit code {}", *failure.exit_code) : "",
                          failure.reason, because);
  }
  return "";
}

}  // namespace fairlead::kube
