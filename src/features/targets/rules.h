// SPDX-License-Identifier: Apache-2.0
// What other slices need of targets: how to reach the cluster, who does the work, what a plan reads.
#pragma once

#include <string>

#include "domain/plan.h"
#include "domain/system_variables.h"
#include "features/targets/model.h"
#include "link/commands.h"
#include "store/documents.h"

namespace fairlead::features::targets {

inline constexpr const char* kBuiltInWorker = "Workers-1";

// Connection and credentials; secrets stay sealed. Throws Error(invalid) naming the target and what its endpoint lacks.
link::ClusterAccess access_of(const store::Documents& documents, const store::Tx& tx, const Machine& machine);
// The engine's selector of the executor that works for the target: the agent itself, or the worker that owns the API target.
std::string selector_of(const Machine& machine);
// The namespace for objects that name none.
std::string default_namespace_of(const Machine& machine);

domain::Target to_domain(const Machine& machine);
domain::TargetFacts facts_of(const Machine& machine);

}  // namespace fairlead::features::targets
