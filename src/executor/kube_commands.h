// SPDX-License-Identifier: Apache-2.0
// The commands that talk to a cluster and end by themselves: apply, delete, check_health. Each blocks its thread,
// throws Error only for what happens before the first object, and says in the log one line per object.
#pragma once

#include "executor/command_context.h"
#include "link/commands.h"

namespace fairlead::executor {

// Parses and checks everything before the first write, applies in stages; stops between objects when cancelled. The
// value says what has been done in every case, and so does `result`.
CommandEnd run_apply(const link::Apply& apply, const CommandContext& context, link::ApplyResult& result);
CommandEnd run_delete(const link::Delete& command, const CommandContext& context);
// Unreachable clusters and missing permissions are results, not errors.
CommandEnd run_check_health(const link::CheckHealth& check, const CommandContext& context);

}  // namespace fairlead::executor
