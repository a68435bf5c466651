// SPDX-License-Identifier: Apache-2.0
// Checks by the schedule of machine policies. One run for each policy sleeps until its next check is due, starts one
// Health task for all its targets, and is followed by another run. What was missed while the server was down is made up
// for once; a check whose predecessor has not ended is left out. Nothing is kept in memory.
#pragma once

#include <string>

#include "features/services.h"

namespace fairlead::features::health_checks {

engine::Definition schedule_definition(Services& services);

// Follows what the policy says now. Keeps what has been planned where that is still right.
void plan_next(Services& services, store::Tx& tx, const std::string& policy);
// Of a policy that is deleted.
void forget(Services& services, store::Tx& tx, const std::string& policy);
// plan_next() for every policy: what is there before the first request.
void plan_all(Services& services, store::Tx& tx);

}  // namespace fairlead::features::health_checks
