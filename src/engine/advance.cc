// SPDX-License-Identifier: Apache-2.0
// A wake and its commit.
#include <algorithm>

#include "base/log.h"
#include "base/metrics.h"
#include "base/text.h"
#include "engine/engine_impl.h"
#include "store/outbox.h"

namespace fairlead::engine {

namespace {

metrics::Counter& wakes() {
  static metrics::Counter& counter = metrics::counter("fairlead_engine_wakes_total", "Committed wakes of runs");
  return counter;
}

Error unknown_definition(const LoadedRun& run) {
  return Error(Fault::bug,
               text::format("this version of the program does not know {} version {}, which run {} was started with",
                            run.kind, run.version, run.id.value))
      .with_help("Start it again; what it has done so far is in its log.");
}

bool is_transient(const Error& error) { return error.fault() == Fault::unavailable; }

}  // namespace

void Engine::Impl::advance(const RunId& run) {
  const auto wake = std::make_shared<WakeInProgress>();
  wake->run = run;
  wake->now = clock.now();
  wake->deliveries = take_deliveries(run);
  const auto give_up_deliveries = [&] {
    for (Delivery& delivery : wake->deliveries) deliver_alone(std::move(delivery));
  };
  bool found = false;
  try {
    store.read_together([&] { found = work_out(*wake); });
  } catch (...) {
    const Error error = error_of(std::current_exception());
    log::warning("a wake could not begin", {{"run", run.value}, {"error", error.message()}});
    give_up_deliveries();
    retry_later(run);
    return finished(run, false);
  }
  if (!found) {
    for (Delivery& delivery : wake->deliveries) delivery.done(false, nullptr);
    return finished(run, false);
  }
  if (wake->definition == nullptr) {
    give_up_deliveries();
    return stop_run(run, unknown_definition(wake->loaded));
  }
  store.write_async([this, wake](store::Tx& tx) { commit(tx, *wake); },
                    [this, wake](std::exception_ptr failure) { committed(*wake, failure); });
}

// Loads the run and replays it, where its definition is known. False when there is no such run or it has ended.
bool Engine::Impl::work_out(WakeInProgress& wake) {
  std::optional<LoadedRun> found =
      store.read([&](const store::Tx& tx) { return rows::load(tx, wake.run, &recent_journals); });
  if (!found) return false;
  wake.definition = find_definition(found->kind, found->version);
  if (wake.definition == nullptr) {
    wake.loaded = *std::move(found);
    return true;
  }
  for (Delivery& delivery : wake.deliveries) take_in(*found, delivery, wake.now);
  Wake replayed(*std::move(found), wake.now, budgets, [&](const std::string& digest) {
    return store.read([&](const store::Tx& tx) { return rows::load_blob(tx, wake.run, digest); });
  });
  wake.result = replayed.replay(*wake.definition);
  wake.loaded = replayed.take_loaded();
  return true;
}

void Engine::Impl::committed(WakeInProgress& wake, const std::exception_ptr& failure) {
  if (failure == nullptr) {
    for (Delivery& delivery : wake.deliveries) delivery.done(delivery.accepted, nullptr);
    if (!wake.stale) wakes().add();
    if (!wake.stale && !wake.result.end) {
      recent_journals.keep(wake.run, wake.loaded.epoch + 1, wake.loaded.arrivals, std::move(wake.loaded.journal));
    }
    return finished(wake.run, wake.stale);
  }
  const Error error = error_of(failure);
  log::warning("a wake could not be committed", {{"run", wake.run.value}, {"error", error.text()}});
  // What has come must not be lost with the wake that was to take it.
  for (Delivery& delivery : wake.deliveries) deliver_alone(std::move(delivery));
  if (!is_transient(error)) return stop_run(wake.run, error);
  retry_later(wake.run);
  finished(wake.run, false);
}

// Ends a run whose code or commit cannot go on. Counts as the wake in progress.
void Engine::Impl::stop_run(const RunId& run, const Error& error) {
  store.write_async(
      [this, run, error](store::Tx& tx) {
        const std::optional<LoadedRun> loaded = rows::load(tx, run);
        if (!loaded) return;
        end_run(tx, *loaded, RunEnd{run, loaded->kind, loaded->task, RunOutcome::stopped, {}, error});
        admit_tasks(tx);
      },
      [this, run](std::exception_ptr failure) {
        if (failure != nullptr) {
          log::error("a run could not be stopped", {{"run", run.value}, {"error", error_of(failure).message()}});
          retry_later(run);
        }
        finished(run, false);
      });
}

namespace {

// Whether the wake may be written as it was worked out. `exactly`: nothing else may have arrived meanwhile.
bool is_still_the_same(const store::Tx& tx, const LoadedRun& loaded, const WakeResult& result, bool exactly) {
  store::Statement row = tx.query("SELECT epoch, arrivals, cancelled, state FROM run WHERE id = ?", loaded.id);
  if (!row.next() || row.view(3) == "ended" || row.integer(0) != loaded.epoch) return false;
  if ((row.integer(2) != 0) != (loaded.cancelled.us != 0)) return false;
  if (row.integer(1) == loaded.arrivals) return true;
  if (exactly || result.end) return false;
  for (const NewFact& fact : result.facts) {
    if (tx.integer("SELECT 1 FROM journal WHERE run = ? AND path = ?", loaded.id, fact.path)) return false;
  }
  return true;
}

std::string_view name_of(detail::WaitKind kind) {
  switch (kind) {
    case detail::WaitKind::activity: return "activity";
    case detail::WaitKind::expectation: return "expectation";
    case detail::WaitKind::answer: return "answer";
    case detail::WaitKind::timer: return "timer";
    case detail::WaitKind::lock: return "lock";
    case detail::WaitKind::child: return "child";
  }
  return "timer";
}

}  // namespace

void Engine::Impl::commit(store::Tx& tx, WakeInProgress& wake) {
  bool as_expected = true;
  for (Delivery& delivery : wake.deliveries) {
    delivery.accepted = deliver_in(tx, delivery.key, delivery.result, wake.now).has_value();
    if (delivery.accepted && delivery.with) delivery.with(tx);
    as_expected = as_expected && delivery.accepted == delivery.expected;
  }
  wake.stale = !as_expected || !is_still_the_same(tx, wake.loaded, wake.result, !wake.deliveries.empty());
  if (!wake.stale) write_wake(tx, wake.loaded, wake.result, wake.now);
}

// `at` is the time that the run's code saw in this wake, and sees in its replays.
void Engine::Impl::write_wake(store::Tx& tx, const LoadedRun& loaded, const WakeResult& result, Time at) {
  const Time now = clock.now();
  std::size_t bytes = 0;
  for (const NewFact& fact : result.facts) {
    rows::insert_entry(tx, loaded.id, fact.path, fact.outcome, fact.value, loaded.arrivals, at);
    bytes += fact.value.size();
  }
  for (const std::string& path : result.unlocks) release_lock(tx, loaded.id, path);
  if (!result.end) {
    for (const std::string& path : result.dropped_waits) drop_wait(tx, loaded.id, path);
  }
  for (const NewWait& wait : result.new_waits) add_wait(tx, loaded, wait, now);
  for (const OutgoingEvent& event : result.events) store::publish(tx, event.topic, event.key, event.payload);
  if (options.log != nullptr && !result.log.empty()) options.log->write(tx, loaded.task, result.log);
  for (const auto& f : result.in_commit) f(tx);
  tx.run(
      "UPDATE run SET epoch = epoch + 1, seen = ?, entries = entries + ?, bytes = bytes + ?, "
      "state = CASE WHEN arrivals > ? THEN 'ready' ELSE 'waiting' END WHERE id = ?",
      loaded.arrivals, result.facts.size(), bytes, loaded.arrivals, loaded.id);
  if (result.end) end_run(tx, loaded, *result.end);
  release_slot(tx, loaded.task);
  admit_tasks(tx);
}

void Engine::Impl::add_wait(store::Tx& tx, const LoadedRun& loaded, const NewWait& wait, Time now) {
  const detail::Wish& wish = wait.wish;
  Time due = wish.due.value_or(Time{});
  if (wish.timeout_us > 0) due = now + wish.timeout_us;
  const std::string_view subject =
      wish.kind == detail::WaitKind::child ? std::string_view(wish.child.kind) : std::string_view(wish.subject);
  tx.run("INSERT INTO wait (run, path, kind, subject, since, due, is_date) VALUES (?, ?, ?, ?, ?, ?, ?)", loaded.id,
         wait.path, name_of(wish.kind), subject, now, due, wish.due.has_value());
  if (due.us > 0) note_due(tx, due);
  switch (wish.kind) {
    case detail::WaitKind::activity:
    case detail::WaitKind::expectation: add_activity(tx, loaded, wait, due); break;
    case detail::WaitKind::lock: request_lock(tx, loaded.id, wait.path, wish.subject); break;
    case detail::WaitKind::child: {
      StartRun child;
      child.kind = wish.child.kind;
      child.input = wish.child.input;
      child.task = wish.child.task.empty() ? loaded.task : wish.child.task;
      child.deadline_us = wish.child.deadline_us;
      start(tx, child, loaded.id, wait.path);
      break;
    }
    case detail::WaitKind::answer:
    case detail::WaitKind::timer: break;
  }
}

void Engine::Impl::drop_wait(store::Tx& tx, const RunId& run, const std::string& path) {
  tx.run("DELETE FROM wait WHERE run = ? AND path = ?", run, path);
  std::string sql = "SELECT ";
  sql += rows::kActivityColumns;
  sql += " FROM activity WHERE run = ? AND path = ?";
  std::optional<Activity> activity;
  {
    store::Statement row = tx.query(sql, run, path);
    if (row.next()) activity = rows::activity_of(row);
  }
  if (activity) withdraw(tx, *activity);
  if (const auto child =
          tx.text("SELECT id FROM run WHERE parent = ? AND parent_path = ? AND state <> 'ended'", run, path)) {
    cancel(tx, RunId(*child), Fault::cancelled, "the run that started it no longer waits for it");
  }
  release_lock(tx, run, path);
}

void Engine::Impl::end_run(store::Tx& tx, const LoadedRun& loaded, const RunEnd& end) {
  const Time now = clock.now();
  const std::string error = end.error ? encode_error(*end.error) : "";
  tx.run("UPDATE run SET state = 'ended', outcome = ?, result = ?, error = ?, ended = ? WHERE id = ?",
         engine::name_of(end.outcome), end.result.text, error, now, loaded.id);
  for (const Activity& activity : rows::activities(tx, "run = ?", loaded.id.value)) withdraw(tx, activity);
  tx.run("DELETE FROM wait WHERE run = ?", loaded.id);
  release_locks(tx, loaded.id);
  const std::string reason = text::format("run {} has ended", loaded.id.value);
  for (const RunId& child : rows::children(tx, loaded.id)) cancel(tx, child, Fault::cancelled, reason);
  if (!loaded.parent.empty()) {
    const bool good = end.outcome == RunOutcome::success;
    if (rows::arrive(tx, loaded.parent, loaded.parent_path, good ? EntryOutcome::value : EntryOutcome::error,
                     good ? end.result.text : error, now)) {
      enqueue_after_commit(tx, loaded.parent);
    }
  }
  const Definition* definition = find_definition(loaded.kind, loaded.version);
  if (definition != nullptr && definition->on_end) definition->on_end(tx, end);
  release_slot(tx, loaded.task);
}

}  // namespace fairlead::engine
