// SPDX-License-Identifier: Apache-2.0
// The health of one object from its own JSON, in three vocabularies (spec: Kubernetes status). Pure, thread-safe.
//   assess     what people see (the words and rules of gitops-engine's GetResourceHealth)
//   readiness  what decides a step (Octopus' table of readiness rules; kstatus' generic rules for other kinds)
//   kstatus    kstatus' Compute, for `fairlead kube status` and the generic part of readiness
// Conditions are read in array order, the first match wins; fields of a wrong type count as absent.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "kube/object.h"

namespace fairlead::kube {

// Worst last: the roll-up of several objects is the greatest.
enum class HealthStatus { healthy, suspended, progressing, missing, degraded, unknown };
std::string_view name_of(HealthStatus status);  // "Healthy", ...

struct Health {
  HealthStatus status = HealthStatus::healthy;
  std::string message;
  bool has_rule = true;  // false: the kind has no health of its own; shown as healthy
};
Health assess(const Object& object);

enum class Progress { in_progress, successful, failed };
struct Readiness {
  Progress progress = Progress::in_progress;
  std::string reason;   // "ProgressDeadlineExceeded" or ""
  std::string message;  // one sentence: "2 of 3 replicas are available"
  std::string note;     // for the log once: "paused", "only its existence can be confirmed"
};
struct ReadinessOptions {
  bool wait_for_jobs = false;
};
Readiness readiness(const Object& object, const ReadinessOptions& options = {});
// Whether readiness() needs more than metadata for this kind.
bool needs_status(std::string_view group, std::string_view kind);

enum class KStatus { in_progress, failed, current, terminating, not_found, unknown };
std::string_view name_of(KStatus status);
struct KStatusResult {
  KStatus status = KStatus::current;
  std::string reason;
  std::string message;
};
// `now_us` (wall clock) serves the unschedulable rule of pods.
KStatusResult kstatus(const Object& object, std::int64_t now_us);

}  // namespace fairlead::kube
