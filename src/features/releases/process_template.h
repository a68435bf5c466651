// SPDX-License-Identifier: Apache-2.0
// What a new release of a project needs to be told: its next version, and the packages and Git resources of the
// process.
#pragma once

#include "features/services.h"

namespace fairlead::features::releases {

void add_template_rows(Services& services);

}  // namespace fairlead::features::releases
