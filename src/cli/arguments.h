// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace fairlead::cli {

// What follows a verb: "--name value", "--name=value" and switches ("--name"). Switches get an empty value.
// Throws Error(invalid) naming an unknown option, one without its value, or anything that is no option.
std::map<std::string, std::string> parse_options(const std::vector<std::string>& arguments,
                                                 const std::vector<std::string>& with_value,
                                                 const std::vector<std::string>& switches);

// FAIRLEAD_* of the process environment.
std::map<std::string, std::string> fairlead_environment();

}  // namespace fairlead::cli
