// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "json/type.h"

namespace fairlead::features::health_checks {

// Which targets a Health task checks: those named, or all enabled ones of the space, an environment or a machine
// policy. What is the input of its run.
struct HealthCheck {
  std::string space_id, environment_id, policy_id;
  std::vector<std::string> machine_ids;
  std::int64_t timeout_us = 0;  // for each target
  Time queue_time;              // 0: at once
};
const json::Type& type_of(json::Tag<HealthCheck>);

// One target as the run found it when it started.
struct CheckedTarget {
  std::string id, name;
  bool is_agent = false, is_connected = false;  // of agents: whether there was a session
  bool only_connectivity = false, may_be_offline = false;
  int endpoint_revision = 0;
  std::int64_t deleted_after_us = 0;  // of Unavailable ones, by their policy; 0: not by this check
};
const json::Type& type_of(json::Tag<CheckedTarget>);

// When the targets of a machine policy are checked next: id "HealthSchedules-<policy>". A run sleeps until then.
struct HealthSchedule {
  Id<HealthSchedule> id;
  std::string policy_id, run_id, task_id;  // task_id: the last check
  Time last, due;                          // `last`: when a check was last started, or the schedule made
};
const json::Type& type_of(json::Tag<HealthSchedule>);

// The input of such a run.
struct ScheduledWake {
  std::string policy_id;
  Time due;
};
const json::Type& type_of(json::Tag<ScheduledWake>);

}  // namespace fairlead::features::health_checks
