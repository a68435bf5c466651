// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "api/links.h"

namespace fairlead::features::server_status {

// Every link of the root documents, bound to a space. `default_space`: it is the one that paths without a space mean.
api::Links root_links(const std::string& space, bool default_space);

}  // namespace fairlead::features::server_status
