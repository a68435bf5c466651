// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "features/services.h"

namespace fairlead::steps::script {

void install(features::Services& services);

}  // namespace fairlead::steps::script
