// SPDX-License-Identifier: Apache-2.0
// The deployment settings of a project: a view of the project's own document under a name and id of its own.
#pragma once

#include "features/services.h"

namespace fairlead::features::projects {

void add_deployment_settings_rows(Services& services);

}  // namespace fairlead::features::projects
