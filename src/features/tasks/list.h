// SPDX-License-Identifier: Apache-2.0
// GET /tasks: which tasks, and how many there are in each state.
#pragma once

#include "features/services.h"

namespace fairlead::features::tasks {

// Of the space of the path; of all spaces, or of those in "spaces", where the path names none.
net::Response list(Services& services, const api::Context& context);

}  // namespace fairlead::features::tasks
