// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "api/links.h"

namespace fairlead::features::server_status {

// Every link of the root documents, bound to a space.
api::Links root_links(const std::string& space);

}  // namespace fairlead::features::server_status
