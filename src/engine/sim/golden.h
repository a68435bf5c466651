// SPDX-License-Identifier: Apache-2.0
// Golden journals: what a run of an earlier build had recorded, kept as a file, must be consumed by the definition as
// it is now. Every definition that may have runs alive over an upgrade has such a test.
#pragma once

#include <string>
#include <string_view>

#include "engine/engine.h"
#include "engine/wake.h"
#include "store/store.h"

namespace fairlead::engine::sim {

// The run as JSON text, ready to be kept; times are relative to the start of the run.
std::string write_golden(const store::Tx& tx, const RunId& run);
// One wake of the definition on the recorded state, without a database. Where the record was made between two events
// the result has neither facts nor new waits nor an end; a definition that has changed too much ends as `stopped`.
WakeResult replay_golden(const Definition& definition, std::string_view golden);

}  // namespace fairlead::engine::sim
