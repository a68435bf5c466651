// SPDX-License-Identifier: Apache-2.0
// The engine's tables in words. All functions run inside the caller's transaction.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "engine/journal_cache.h"
#include "engine/wake.h"
#include "store/store.h"

namespace fairlead::engine::rows {

// The run with its journal and waits; nullopt when there is none or it has ended. The journal is taken out of `recent`
// where it has it.
std::optional<LoadedRun> load(const store::Tx& tx, const RunId& run, JournalCache* recent = nullptr);
std::string load_blob(const store::Tx& tx, const RunId& run, const std::string& digest);

// Writes one journal entry. `seq` as in the schema.
void insert_entry(store::Tx& tx, const RunId& run, std::string_view path, EntryOutcome outcome, std::string_view value,
                  std::int64_t seq, Time now);
// What may be recorded of a value from outside: itself, or the Error that says it is too large.
std::pair<EntryOutcome, std::string> recordable(std::string_view path, EntryOutcome outcome, std::string value);
// Something from outside: the entry, the wait removed, the run ready. False when the run has ended or the point has a
// result.
bool arrive(store::Tx& tx, const RunId& run, std::string_view path, EntryOutcome outcome, std::string_view value,
            Time now);
// The run ready without an entry: to look at a cancellation again.
void poke(store::Tx& tx, const RunId& run);

Activity activity_of(const store::Statement& row);
// Columns in the order that activity_of expects.
inline constexpr std::string_view kActivityColumns =
    "key, run, path, task, element, selector, command, payload, repeatable, long_lived, state, executor, incarnation, "
    "created, sent, "
    "deadline, cancel_requested";
std::vector<Activity> activities(const store::Tx& tx, std::string_view where, std::string_view value);
std::optional<Activity> activity(const store::Tx& tx, std::string_view key);

// Those that have not ended.
std::vector<RunId> children(const store::Tx& tx, const RunId& run);

// "08:15 UTC"
std::string clock_text(Time time);

}  // namespace fairlead::engine::rows
