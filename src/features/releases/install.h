// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "features/services.h"

namespace fairlead::features::releases {

void install(Services& services);

}  // namespace fairlead::features::releases
