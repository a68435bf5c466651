// SPDX-License-Identifier: Apache-2.0
// The variables that an action of a deployment sees on a target: what the release froze, the system's Octopus.* and the
// outputs of earlier steps. Built from the database whenever asked; the result may hold secrets and stays in memory.
#pragma once

#include <string>
#include <vector>

#include "domain/octostache/variable_set.h"
#include "features/deployments/plan_record.h"
#include "features/services.h"

namespace fairlead::features::deployments {

// An output of a step that has ended; sensitive values sealed.
struct RecordedOutput {
  std::string action, machine, machine_name;
  StepOutput output;
};

struct StepState {
  std::string name, code;  // "Succeeded", "Failed", "Skipped"
  std::string error;
};

domain::octostache::VariableSet variables_of(const Services& services, Frozen& frozen, const PlanRecord& plan,
                                             const PlanStep& step, const PlanAction* action, const PlanTarget* target,
                                             const std::vector<RecordedOutput>& outputs,
                                             const std::vector<StepState>& states);

}  // namespace fairlead::features::deployments
