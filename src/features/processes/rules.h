// SPDX-License-Identifier: Apache-2.0
// What other slices need of processes: the snapshot of a release, and the process as the plan reads it.
#pragma once

#include <functional>
#include <string>

#include "domain/plan.h"
#include "features/processes/model.h"
#include "store/documents.h"

namespace fairlead::features::processes {

// The snapshot of the project's process as it is now; made where no release froze the same content before.
ProcessSnapshot take_snapshot(store::Documents& documents, store::Tx& tx, const std::string& project);

// Whether the project's process is still what the snapshot froze.
bool is_current(const store::Documents& documents, const store::Tx& tx, const ProcessSnapshot& snapshot);

// Where an action does its work; the step types decide (steps/).
using RunsOnFunction = std::function<domain::RunsOn(const Action& action, const Step& step)>;
domain::Process to_domain(const std::vector<Step>& steps, const RunsOnFunction& runs_on);
// Plain properties; sensitive ones are left out.
domain::Properties plain_properties(const json::Properties& properties);

// Fills ids (from the stored steps of the same name, else new ones), slugs and defaults, and checks the whole.
void complete_steps(std::vector<Step>& steps, const std::vector<Step>& stored);

}  // namespace fairlead::features::processes
