// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "features/services.h"

namespace fairlead::features::tasks {

void install(Services& services);

}  // namespace fairlead::features::tasks
