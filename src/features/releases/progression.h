// SPDX-License-Identifier: Apache-2.0
// How far releases have come: GET releases/{id}/progression and projects/{id}/progression.
#pragma once

#include "features/services.h"

namespace fairlead::features::releases {

void add_progression_rows(Services& services);

}  // namespace fairlead::features::releases
