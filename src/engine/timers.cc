// SPDX-License-Identifier: Apache-2.0
// Deadlines. They are wall times in the database, so that they outlive the process; while it lives, a jump of the wall
// clock against the steady clock moves all of them except dates.
#include <algorithm>
#include <chrono>
#include <cstdlib>

#include "base/log.h"
#include "base/text.h"
#include "engine/engine_impl.h"

namespace fairlead::engine {

namespace {
constexpr std::int64_t kLeastJumpUs = 30 * kSecond;
constexpr std::int64_t kLookUs = 10 * kSecond;  // how often the clocks are compared
constexpr std::int64_t kRetryUs = kSecond;      // after a wake that the store refused
constexpr int kBatch = 500;                     // waits fired in one transaction
}  // namespace

void Engine::Impl::note_due(store::Tx& tx, Time due) {
  tx.after_commit([this, due] {
    {
      const std::lock_guard lock(timer_mutex);
      if (next_due.us != 0 && next_due <= due) return;
      next_due = due;
    }
    timer_changed.notify_all();
  });
}

Time Engine::Impl::read_next_due() {
  const bool expectations = clock.steady_us() >= expectations_from_steady_us;
  const Time due = store.read([&](const store::Tx& tx) {
    return Time{tx.integer("SELECT MIN(due) FROM wait WHERE due > 0 AND (kind <> 'expectation' OR ? = 1)", expectations)
                    .value_or(0)};
  });
  const std::lock_guard lock(timer_mutex);
  next_due = due;
  return due;
}

void Engine::Impl::shift_after_jump() {
  const std::int64_t wall = clock.now().us;
  const std::int64_t steady = clock.steady_us();
  const std::int64_t jump = (wall - last_wall_us) - (steady - last_steady_us);
  if (std::llabs(jump) >= kLeastJumpUs) {
    log::warning("the wall clock was set; deadlines move with it", {{"seconds", jump / kSecond}});
    store.write([&](store::Tx& tx) {
      tx.run("UPDATE wait SET due = due + ? WHERE due > 0 AND is_date = 0", jump);
      tx.run("UPDATE activity SET deadline = deadline + ? WHERE deadline > 0", jump);
      tx.run("UPDATE run SET cancelled = cancelled + ? WHERE cancelled > 0 AND state <> 'ended'", jump);
    });
  }
  last_wall_us = wall;
  last_steady_us = steady;
}

int Engine::Impl::fire_timers() {
  shift_after_jump();
  const bool expectations = clock.steady_us() >= expectations_from_steady_us;
  int total = 0;
  while (true) {
    const Time due = read_next_due();
    if (due.us == 0 || due > clock.now()) return total;
    total += store.write([&](store::Tx& tx) {
      struct Due {
        RunId run;
        std::string path, kind;
      };
      std::vector<Due> found;
      {
        store::Statement rows = tx.query(
            "SELECT run, path, kind FROM wait WHERE due > 0 AND due <= ? AND (kind <> 'expectation' OR ? = 1) ORDER BY "
            "due LIMIT ?",
            clock.now(), expectations, kBatch);
        while (rows.next()) found.push_back({RunId(rows.view(0)), rows.text(1), rows.text(2)});
      }
      for (const Due& one : found) fire(tx, one.run, one.path, one.kind);
      return static_cast<int>(found.size());
    });
  }
}

void Engine::Impl::fire(store::Tx& tx, const RunId& run, const std::string& path, const std::string& kind) {
  const Time now = clock.now();
  if (kind == "deadline") {
    cancel(tx, run, Fault::timeout, "the deadline of the run has passed");
    return;
  }
  if (kind == "poke") {
    const Time cancelled{tx.integer("SELECT cancelled FROM run WHERE id = ?", run).value_or(0)};
    Time next;
    for (const Time look :
         {budgets.activities_until(cancelled), budgets.cleanup_until(cancelled), budgets.children_until(cancelled)}) {
      if (look > now && next.us == 0) next = look;
    }
    tx.run("UPDATE wait SET due = ? WHERE run = ? AND path = ''", next, run);
    rows::poke(tx, run);
  } else {
    const EntryOutcome outcome = kind == "timer" ? EntryOutcome::value : EntryOutcome::deadline;
    const auto key = tx.text("SELECT key FROM activity WHERE run = ? AND path = ?", run, path);
    if (key) withdraw(tx, *rows::activity(tx, *key));
    release_lock(tx, run, path);
    if (!rows::arrive(tx, run, path, outcome, "{}", now)) return;
  }
  enqueue_after_commit(tx, run);
}

void Engine::Impl::retry_later(const RunId& run) {
  const std::lock_guard lock(timer_mutex);
  retries.push_back(run);
}

void Engine::Impl::requeue_retries() {
  std::vector<RunId> runs;
  {
    const std::lock_guard lock(timer_mutex);
    runs.swap(retries);
  }
  for (const RunId& run : runs) enqueue(run);
  {
    const std::lock_guard lock(mutex);
    if (!reload_later) return;
    reload_later = false;
    overflowed = true;
  }
  changed.notify_all();
}

void Engine::Impl::run_timers() {
  std::unique_lock lock(timer_mutex);
  while (!timers_stopped) {
    std::int64_t pause = kLookUs;
    if (next_due.us != 0) pause = std::clamp<std::int64_t>(next_due - clock.now(), 0, pause);
    if (!retries.empty() || clock.steady_us() < expectations_from_steady_us) pause = std::min(pause, kRetryUs);
    if (pause > 0) timer_changed.wait_for(lock, std::chrono::microseconds(pause));
    if (timers_stopped) return;
    lock.unlock();
    requeue_retries();
    try {
      fire_timers();
    } catch (...) {
      log::error("timers could not be read", {{"error", error_of(std::current_exception()).message()}});
      lock.lock();
      next_due = clock.now() + kRetryUs;
      continue;
    }
    lock.lock();
  }
}

}  // namespace fairlead::engine
