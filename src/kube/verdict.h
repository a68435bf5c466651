// SPDX-License-Identifier: Apache-2.0
// The words of a verdict: what records and evidence say about a failure or a time-out. Internal to the mirror. Pure.
#pragma once

#include <cstdint>
#include <vector>

#include "kube/explain.h"
#include "kube/judge.h"

namespace fairlead::kube {

// Lists the applied objects that are not ready. `stale_since_us` (wall clock): since when nothing was observed; 0:
// current.
Verdict timed_out_verdict(const Expectation& expectation, const Judgement& judgement, std::int64_t stale_since_us);

// Fills in what the records say and what to ask for; true when the cause is a pod that no node takes.
bool describe_failure(const Suspect& suspect, const Records& records, const std::vector<ObjectState>& states,
                      FailureCause& cause, EvidenceQuery& query);

// How long a scale-up that is under way still holds the verdict back, in microseconds. `now_us` is the wall clock.
std::int64_t scale_up_hold_us(const FailFast& limits, const Evidence& evidence, std::int64_t now_us);

}  // namespace fairlead::kube
