// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "features/services.h"

namespace fairlead::features::processes {

void install(Services& services);

}  // namespace fairlead::features::processes
