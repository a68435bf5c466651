// SPDX-License-Identifier: Apache-2.0
// One wake of one run, in memory: what was loaded, what the code did with it, what has to be committed. Knows no
// database. One thread at a time.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "engine/engine.h"
#include "engine/run.h"

namespace fairlead::engine {

// How a point ended.
enum class EntryOutcome { value, error, deadline, cancelled };
std::string_view name_of(EntryOutcome outcome);
EntryOutcome entry_outcome_of(std::string_view name);

struct JournalEntry {
  EntryOutcome outcome = EntryOutcome::value;
  std::int64_t seq = 0;
  Time at;
  std::string value;
  std::string digest;  // not empty: the value is the blob of this name
  bool consumed = false;
};

using Journal = std::unordered_map<std::string, JournalEntry>;  // by path

struct KnownWait {
  std::string kind;
  bool sent = false;     // an executor has the activity
  std::string activity;  // its key; empty: the point waits for something else
  bool wanted = false;
};

struct LoadedRun {
  RunId id;
  std::string kind;
  int version = 0;
  std::string task;
  RunId parent;
  std::string parent_path;
  std::int64_t epoch = 0;
  std::int64_t arrivals = 0;
  std::int64_t seen = -1;
  std::int64_t entries = 0;
  std::int64_t bytes = 0;
  Time cancelled;  // 0: not
  Fault cancel_fault = Fault::cancelled;
  std::string cancel_reason;
  Time created;
  std::string input;
  Journal journal;
  std::unordered_map<std::string, KnownWait> waits;
};

struct NewFact {
  std::string path;
  EntryOutcome outcome;
  std::string value;
};

struct NewWait {
  std::string path;
  std::string element;
  detail::Wish wish;
};

struct OutgoingEvent {
  std::string topic, key, payload;
};

// What a wake leaves behind: the input of its commit. A value, so that the commit can be tried again.
struct WakeResult {
  std::vector<NewFact> facts;
  std::vector<NewWait> new_waits;
  std::vector<std::string> dropped_waits;
  std::vector<OutgoingEvent> events;
  std::vector<LogEntry> log;
  std::vector<std::function<void(store::Tx&)>> in_commit;
  std::vector<std::string> unlocks;
  std::optional<RunEnd> end;
};

// How long a cancelled run may take. The engine wakes it at each of these moments.
struct Budgets {
  std::int64_t cancel_grace_us;
  std::int64_t cleanup_us;

  Time activities_until(Time cancelled) const { return cancelled + cancel_grace_us; }
  Time cleanup_until(Time cancelled) const { return activities_until(cancelled) + cleanup_us; }
  // Children end by themselves within the same budgets, each generation after its own children.
  Time children_until(Time cancelled) const { return activities_until(cancelled) + kGenerations * cleanup_us; }
  static constexpr int kGenerations = 8;
};

class Wake {
 public:
  using LoadBlob = std::function<std::string(const std::string& digest)>;
  Wake(LoadedRun loaded, Time now, Budgets budgets, LoadBlob load_blob);

  // Replays `body` from the top and works out what to commit. Never throws for reasons of the body.
  WakeResult replay(const Definition& definition);

  const LoadedRun& loaded() const { return loaded_; }
  // The run, once replayed, its journal with the new facts; without waits.
  LoadedRun take_loaded() {
    loaded_.waits.clear();
    return std::move(loaded_);
  }

  // For points (engine/run.cc).
  const JournalEntry* use(const std::string& path);  // throws Error(bug) when the name was used before
  std::string value_of(const JournalEntry& entry) const;
  const JournalEntry& record(const std::string& path, EntryOutcome outcome, std::string value);
  // Whether a point without a result has to give up now: the outcome to record. `exempt` points belong to clean-up.
  std::optional<EntryOutcome> must_give_up(const std::string& path, bool exempt) const;
  // An earlier wake asked for this point already.
  bool waits_for(const std::string& path) const { return loaded_.waits.contains(path); }
  void want(const std::string& path, const std::string& element, const detail::Wish& wish);
  bool is_cancelled() const { return loaded_.cancelled.us != 0; }
  Error cancellation() const;
  Time now() const { return now_; }
  WakeResult& result() { return result_; }
  void add_cleanup(std::string name, std::function<Durable<>(Run&)> f) {
    cleanups_.emplace_back(std::move(name), std::move(f));
  }

 private:
  Durable<json::Raw> root(Run& run, const Definition& definition);
  Durable<> clean_up(Run& run);
  void settle_end(Durable<json::Raw>& body);
  std::optional<Error> reason_to_stop(bool done) const;
  void end(RunOutcome outcome, json::Raw value, std::optional<Error> error);

  LoadedRun loaded_;
  const Time now_;
  const Budgets budgets_;
  const LoadBlob load_blob_;
  WakeResult result_;
  std::unordered_set<std::string> used_;
  std::size_t wanted_ = 0;
  std::size_t new_bytes_ = 0;
  std::optional<Error> limit_;  // a limit that the body ran into
  std::vector<std::pair<std::string, std::function<Durable<>(Run&)>>> cleanups_;
};

}  // namespace fairlead::engine
