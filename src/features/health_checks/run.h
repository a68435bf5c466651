// SPDX-License-Identifier: Apache-2.0
// The run of a Health task: asks the executor of every target, some at a time, and keeps what they say.
#pragma once

#include "features/services.h"

namespace fairlead::features::health_checks {

engine::Definition health_definition(Services& services);

}  // namespace fairlead::features::health_checks
