// SPDX-License-Identifier: Apache-2.0
// What a deployment would do, before it is made: steps with their targets, the form of prompted variables, where a
// release may go.
#pragma once

#include "features/services.h"

namespace fairlead::features::deployments {

void add_preview_rows(Services& services);

}  // namespace fairlead::features::deployments
