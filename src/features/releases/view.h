// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "features/releases/model.h"

namespace fairlead::features::releases {

// A release as the API shows it, with its links.
std::string encode_release(const Release& release);

}  // namespace fairlead::features::releases
