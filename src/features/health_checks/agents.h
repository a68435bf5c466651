// SPDX-License-Identifier: Apache-2.0
// Agents connect again after a restart of the server. Those that do not within a while are no longer what the last
// process knew.
#pragma once

#include "features/services.h"

namespace fairlead::features::health_checks {

inline constexpr std::int64_t kReconnectUs = kMinute;

engine::Definition agents_definition(Services& services);

// At the start of the server: looks kReconnectUs later which agents are there. Nothing to do where none was.
void expect_agents(Services& services, store::Tx& tx);

}  // namespace fairlead::features::health_checks
