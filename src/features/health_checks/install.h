// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "features/services.h"

namespace fairlead::features::health_checks {

void install(Services& services);

}  // namespace fairlead::features::health_checks
