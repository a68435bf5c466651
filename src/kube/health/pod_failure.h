// SPDX-License-Identifier: Apache-2.0
// Why a pod will not become ready, from its own status: the evidence for failing fast. Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "kube/object.h"

namespace fairlead::kube {

// Thresholds of the design; times in milliseconds from the first sight of the reason.
struct FailFast {
  bool enabled = true;
  std::int64_t image_pull_ms = 10'000;  // ErrImagePull, ImagePullBackOff, RegistryUnavailable
  int crash_restarts = 2;               // restarts of a container (of the new revision) that count as a crash loop
  std::int64_t unschedulable_ms = 120'000;
  std::int64_t scale_up_ms = 600'000;         // a TriggeredScaleUp event younger than this holds Unschedulable back
  std::int64_t container_config_ms = 10'000;  // CreateContainerConfigError and its like; at once for a reference that
                                              // is missing and no part of what was applied
};

enum class PodTrouble {
  none,
  invalid_image,  // at once: InvalidImageName, ErrImageNeverPull
  image_pull,     // after image_pull_ms
  crash_loop,     // at the restart given
  config,         // CreateContainerConfigError and its like: after container_config_ms
  unschedulable,  // after unschedulable_ms
  failed,         // phase Failed: explains its owner's failure, decides nothing by itself (owners replace pods)
};

struct PodFailure {
  PodTrouble trouble = PodTrouble::none;
  std::string container;  // "" for the pod itself
  bool init_container = false;
  std::string reason;  // "ImagePullBackOff"
  std::string message;
  std::string image;
  std::optional<std::int64_t> exit_code;
  std::int64_t restarts = 0;
  std::string missing_kind, missing_name;  // the Secret or ConfigMap that a container waits for
  bool container_ran = false;              // there are logs
  bool previous_logs = false;              // of the container before the current one
};
// The gravest trouble found, init containers first; none for a pod that is well or being deleted.
PodFailure pod_failure(const Object& pod, const FailFast& limits);
// How long the trouble must have been seen before it decides; nullopt: never.
std::optional<std::int64_t> grace_ms(PodTrouble trouble, const FailFast& limits);
// One sentence without its place: `container "web" cannot pull image "x:1" (ImagePullBackOff): ...`.
std::string sentence_of(const PodFailure& failure);

}  // namespace fairlead::kube
