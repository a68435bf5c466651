// SPDX-License-Identifier: Apache-2.0
// When the targets of a policy are checked, and what the policy says about targets that are away.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "base/clock.h"
#include "features/machine_policies/model.h"

namespace fairlead::features::machine_policies {

inline constexpr std::int64_t kLeastCheckInterval = kMinute;
inline constexpr std::int64_t kMostCheckInterval = kHour * 24 * 365;

// The .NET TimeSpan text of the API, "HH:MM:SS" or "d.HH:MM:SS" with an optional fraction, in microseconds; nullopt:
// anything else.
std::optional<std::int64_t> parse_timespan(std::string_view text);

// Throws Error(invalid) naming the member that cannot be followed as it is.
void check(const MachinePolicy& policy);

// When the next scheduled check is due, given when the last one was started (0: never) and what time it is: the cron
// expression where there is one, else the interval. What was missed is made up for once. nullopt: no schedule.
std::optional<Time> next_check(const HealthCheckPolicy& policy, Time last, Time now);

// Checks ask whether the cluster answers, not what the account may do there.
bool only_connectivity(const MachinePolicy& policy);
// A target that is away is no failure of a health check.
bool may_be_offline(const MachinePolicy& policy);
// How long a target may be Unavailable until a scheduled check deletes it; 0: for ever.
std::int64_t deleted_after_us(const MachinePolicy& policy);

}  // namespace fairlead::features::machine_policies
