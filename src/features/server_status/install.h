// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "features/services.h"

namespace fairlead::features::server_status {

void install(Services& services);

}  // namespace fairlead::features::server_status
