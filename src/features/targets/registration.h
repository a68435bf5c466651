// SPDX-License-Identifier: Apache-2.0
// How an agent becomes a target: an administrator makes a one-time token, the agent sends it with its public key.
#pragma once

#include "features/services.h"

namespace fairlead::features::targets {

void add_registration_rows(Services& services);

}  // namespace fairlead::features::targets
