// SPDX-License-Identifier: Apache-2.0
#include "engine/wake.h"

#include "base/text.h"

namespace fairlead::engine {

std::string_view name_of(EntryOutcome outcome) {
  switch (outcome) {
    case EntryOutcome::value: return "value";
    case EntryOutcome::error: return "error";
    case EntryOutcome::deadline: return "deadline";
    case EntryOutcome::cancelled: return "cancelled";
  }
  return "error";
}

EntryOutcome entry_outcome_of(std::string_view name) {
  for (const EntryOutcome outcome : {EntryOutcome::value, EntryOutcome::deadline, EntryOutcome::cancelled}) {
    if (name == name_of(outcome)) return outcome;
  }
  return EntryOutcome::error;
}

std::string_view name_of(RunOutcome outcome) {
  switch (outcome) {
    case RunOutcome::none: return "none";
    case RunOutcome::success: return "success";
    case RunOutcome::failed: return "failed";
    case RunOutcome::canceled: return "canceled";
    case RunOutcome::stopped: return "stopped";
  }
  return "none";
}

Wake::Wake(LoadedRun loaded, Time now, Budgets budgets, LoadBlob load_blob)
    : loaded_(std::move(loaded)), now_(now), budgets_(budgets), load_blob_(std::move(load_blob)) {}

WakeResult Wake::replay(const Definition& definition) {
  detail::Flow flow{loaded_.seen < 0, loaded_.created};
  Run run(*this, flow, "", "", false);
  Durable<json::Raw> body = root(run, definition);
  body.start();
  if (const std::optional<Error> reason = reason_to_stop(body.done())) {
    end(RunOutcome::stopped, {}, *reason);
  } else if (body.done()) {
    settle_end(body);
  }
  for (const auto& [path, wait] : loaded_.waits) {
    if (!wait.wanted) result_.dropped_waits.push_back(path);
  }
  return std::move(result_);
}

Durable<json::Raw> Wake::root(Run& run, const Definition& definition) {
  const json::Raw input{loaded_.input};
  Settled<json::Raw> settled = co_await Run::settle(definition.body(run, input));
  if (settled.error && is_cancelled()) co_await clean_up(run);
  if (settled.error) throw *settled.error;
  co_return std::move(*settled.value);
}

Durable<> Wake::clean_up(Run& run) {
  const auto cleanups = std::move(cleanups_);
  for (auto cleanup = cleanups.rbegin(); cleanup != cleanups.rend(); ++cleanup) {
    Run inner = run.exempt("on_cancel:" + cleanup->first);
    const Settled<void> settled = co_await Run::settle(cleanup->second(inner));
    if (settled.error) inner.log().error(*settled.error);
  }
}

void Wake::settle_end(Durable<json::Raw>& body) {
  try {
    end(RunOutcome::success, body.take(), std::nullopt);
  } catch (...) {
    Error error = error_of(std::current_exception());
    const bool by_cancel = is_cancelled() && error.fault() == Fault::cancelled;
    end(by_cancel ? RunOutcome::canceled : RunOutcome::failed, {}, std::move(error));
  }
}

std::optional<Error> Wake::reason_to_stop(bool done) const {
  if (limit_) return limit_;
  for (const auto& [path, entry] : loaded_.journal) {
    if (entry.consumed) continue;
    return Error(Fault::bug,
                 text::format("the code of {} version {} no longer fits what run {} has recorded: it did not come to "
                              "\"{}\"",
                              loaded_.kind, loaded_.version, loaded_.id.value, path))
        .with_help("Start it again; what it has done so far is in its log.");
  }
  if (!done && wanted_ == 0) {
    return Error(Fault::bug,
                 text::format("run {} of {} waits for nothing that the engine knows", loaded_.id.value, loaded_.kind));
  }
  return std::nullopt;
}

void Wake::end(RunOutcome outcome, json::Raw value, std::optional<Error> error) {
  if (value.text.size() > kMaxEntryBytes) {
    outcome = RunOutcome::stopped;
    error = Error(Fault::bug, text::format("the result of the run has {} bytes; at most {} can be kept",
                                           value.text.size(), kMaxEntryBytes));
    value.text.clear();
  }
  result_.new_waits.clear();
  result_.end = RunEnd{loaded_.id, loaded_.kind, loaded_.task, outcome, std::move(value), std::move(error)};
}

const JournalEntry* Wake::use(const std::string& path) {
  if (path.size() > kMaxPathBytes) {
    throw Error(Fault::bug, text::format("the name of a point has {} bytes; at most {}: {}", path.size(), kMaxPathBytes,
                                         text::shorten(path, 80)));
  }
  if (!used_.insert(path).second) {
    throw Error(Fault::bug, text::format("two points of the run are called \"{}\"", path))
        .with_help("Names are unique; use a scope for each round of a loop.");
  }
  const auto found = loaded_.journal.find(path);
  if (found == loaded_.journal.end()) return nullptr;
  found->second.consumed = true;
  return &found->second;
}

std::string Wake::value_of(const JournalEntry& entry) const {
  return entry.digest.empty() ? entry.value : load_blob_(entry.digest);
}

const JournalEntry& Wake::record(const std::string& path, EntryOutcome outcome, std::string value) {
  new_bytes_ += value.size();
  if (static_cast<std::size_t>(loaded_.entries) + result_.facts.size() >= kMaxJournalEntries) {
    limit_ = Error(Fault::bug,
                   text::format("the run has recorded {} results, which is the limit of one run", kMaxJournalEntries))
                 .with_help("Let parts of the work be child runs.");
  } else if (static_cast<std::size_t>(loaded_.bytes) + new_bytes_ > kMaxRunBytes) {
    limit_ =
        Error(Fault::bug, text::format("the results of the run have more than {} bytes, which is the limit of one run",
                                       kMaxRunBytes))
            .with_help("Keep large data as blobs and record their digests.");
  }
  if (limit_) throw *limit_;
  result_.facts.push_back({path, outcome, value});
  JournalEntry& entry = loaded_.journal[path];
  entry = {outcome, loaded_.arrivals, now_, std::move(value), "", true};
  return entry;
}

std::optional<EntryOutcome> Wake::must_give_up(const std::string& path, bool exempt) const {
  if (!is_cancelled()) return std::nullopt;
  if (exempt) {
    if (now_ < budgets_.cleanup_until(loaded_.cancelled)) return std::nullopt;
    return EntryOutcome::deadline;
  }
  const auto found = loaded_.waits.find(path);
  if (found != loaded_.waits.end()) {
    const KnownWait& wait = found->second;
    if (wait.kind == "activity" && wait.sent && now_ < budgets_.activities_until(loaded_.cancelled))
      return std::nullopt;
    if (wait.kind == "child" && now_ < budgets_.children_until(loaded_.cancelled)) return std::nullopt;
  }
  return EntryOutcome::cancelled;
}

void Wake::want(const std::string& path, const std::string& element, const detail::Wish& wish) {
  ++wanted_;
  const auto found = loaded_.waits.find(path);
  if (found != loaded_.waits.end()) {
    found->second.wanted = true;
  } else {
    result_.new_waits.push_back({path, element, wish});
  }
}

Error Wake::cancellation() const { return Error(loaded_.cancel_fault, loaded_.cancel_reason); }

}  // namespace fairlead::engine
