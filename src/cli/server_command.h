// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

namespace fairlead::cli {

// `fairlead server ...`: runs until SIGINT or SIGTERM. Returns the exit code.
int run_server(const std::vector<std::string>& arguments);

}  // namespace fairlead::cli
