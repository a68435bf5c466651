// SPDX-License-Identifier: Apache-2.0
// What a health check finds, and how one is started. What a finding means for a target is in features/targets/rules.h.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "features/health_checks/model.h"
#include "features/services.h"
#include "features/targets/rules.h"
#include "link/commands.h"

namespace fairlead::features::health_checks {

inline constexpr const char* kRunKind = "health";
inline constexpr const char* kTaskName = "Health";
inline constexpr std::size_t kMaxTargets = 2'000;  // of one task
inline constexpr std::int64_t kDefaultTimeoutUs = 5 * kMinute;
inline constexpr std::int64_t kMostTimeoutUs = kHour;

// What the answer of an executor says about the target, with what to do about it.
targets::Finding finding_of(const CheckedTarget& target, const link::HealthResult& result);
// The same where no answer came. `executor_connected`: whether there was anybody to ask at the end.
targets::Finding finding_of(const CheckedTarget& target, const Error& error, bool executor_connected);
// An agent that is not there.
targets::Finding away();

// Why the task fails, in one sentence; empty: it does not. Targets that may be offline are no reason.
std::string failure_of(const std::vector<CheckedTarget>& targets, const std::vector<targets::Finding>& findings);

// Inserts the task and starts its run. `description` empty: said by what is checked.
tasks::Task start(Services& services, store::Tx& tx, const HealthCheck& check, std::string description);
// POST /tasks with the name Health: Timeout, MachineTimeout, MachineIds, EnvironmentId. Throws Error(invalid) naming
// the argument.
HealthCheck check_of(const Services& services, const store::Tx& tx, const tasks::TaskRequest& request);

// The enabled targets that a check is about, as they are now.
std::vector<CheckedTarget> targets_of(const Services& services, const store::Tx& tx, const HealthCheck& check);
// Takes a finding over, unless the target has changed meanwhile so that it is about something else. Audits what became
// different.
void record(const Services& services, store::Tx& tx, const CheckedTarget& target, const targets::Finding& finding);

}  // namespace fairlead::features::health_checks
