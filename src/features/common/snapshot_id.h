// SPDX-License-Identifier: Apache-2.0
// Ids of what releases freeze: "deploymentprocess-Projects-1-s-4-ABCDE".
#pragma once

#include <string>

namespace fairlead::features {

// `owner`: the id of what is frozen; `version`: at which; `digest`: of its content in hexadecimal, whose beginning ends
// the id.
std::string snapshot_id(const std::string& owner, int version, const std::string& digest);

}  // namespace fairlead::features
