// SPDX-License-Identifier: Apache-2.0
// The run of a deployment: the most important function of the product. Reads from top to bottom as what happens.
#pragma once

#include <string>

#include "features/services.h"

namespace fairlead::features::deployments {

inline constexpr const char* kRunKind = "deployment";

struct DeployInput {
  std::string deployment;
  Time not_before, not_after;  // where it was scheduled; 0: at once, at any time
};
const json::Type& type_of(json::Tag<DeployInput>);

// The definition to register with the engine; `on_end` sets the task's state and what follows from it.
engine::Definition deployment_definition(Services& services);

}  // namespace fairlead::features::deployments
