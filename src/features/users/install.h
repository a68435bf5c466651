// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "features/services.h"

namespace fairlead::features::users {

void install(Services& services);

}  // namespace fairlead::features::users
