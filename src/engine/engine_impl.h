// SPDX-License-Identifier: Apache-2.0
// The inside of Engine, cut by subject: engine.cc (threads and queue of wakes), advance.cc (a wake and its commit),
// runs.cc (start, cancel, answer), activities.cc (the link's side, slots), timers.cc.
#pragma once

#include <atomic>
#include <condition_variable>
#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <thread>
#include <unordered_map>

#include "engine/engine.h"
#include "engine/rows.h"
#include "engine/wake.h"

namespace fairlead::engine {

// A result of an activity on its way into its run.
struct Delivery {
  std::string key;
  ActivityResult result;
  std::function<void(store::Tx&)> with;  // in the same transaction, where the result is accepted; may be empty
  std::function<void(bool accepted, std::exception_ptr)> done;
  bool expected = false;  // as the wake's load saw it: a point waits for this
  bool accepted = false;  // as the transaction found it
};

// One wake from its loading to its commit. Results that had come when it began are part of it: they are written in its
// commit, and the run has seen them by then.
struct WakeInProgress {
  RunId run;
  Time now;
  std::vector<Delivery> deliveries;
  LoadedRun loaded;
  const Definition* definition = nullptr;  // nullptr: this program does not know it
  WakeResult result;
  bool stale = false;  // set by the commit: the run had moved on; the wake is done again
};

class Engine::Impl {
 public:
  static constexpr std::size_t kMaxRecentJournalBytes = 8u << 20;

  Impl(store::Store& store, const Clock& clock, Options options);

  // engine.cc: the queue of wakes. One wake of a run at a time in this process.
  void enqueue(const RunId& run);
  // With the lock held. False: too many wait; the run is read from the database later.
  bool enqueue_locked(const RunId& run);
  std::optional<RunId> next_run(bool wait);
  void finished(const RunId& run, bool again);
  void enqueue_after_commit(store::Tx& tx, const RunId& run);
  void load_ready();
  bool try_load_ready();
  void work();
  void start_threads();
  void stop();
  void wait_until_idle();
  const Definition* find_definition(const std::string& kind, int version) const;

  // advance.cc
  void advance(const RunId& run);
  bool work_out(WakeInProgress& wake);
  void commit(store::Tx& tx, WakeInProgress& wake);
  void write_wake(store::Tx& tx, const LoadedRun& loaded, const WakeResult& result, Time at);
  void committed(WakeInProgress& wake, const std::exception_ptr& failure);
  void add_wait(store::Tx& tx, const LoadedRun& loaded, const NewWait& wait, Time now);
  void drop_wait(store::Tx& tx, const RunId& run, const std::string& path);
  void stop_run(const RunId& run, const Error& error);
  void end_run(store::Tx& tx, const LoadedRun& loaded, const RunEnd& end);

  // runs.cc
  RunId start(store::Tx& tx, const StartRun& start, const RunId& parent, const std::string& parent_path);
  bool cancel(store::Tx& tx, const RunId& run, Fault fault, const std::string& reason);

  // activities.cc
  void add_activity(store::Tx& tx, const LoadedRun& loaded, const NewWait& wait, Time due);
  // Takes an activity back; tells its executor where it has one.
  void withdraw(store::Tx& tx, const Activity& activity);
  // Hands a pending activity to the sink, inside the transaction and after it.
  void offer(store::Tx& tx, Activity activity);
  bool take_slot(store::Tx& tx, const std::string& task);
  void release_slot(store::Tx& tx, const std::string& task);
  void admit_tasks(store::Tx& tx);
  void lose(store::Tx& tx, const Activity& activity, const std::string& why);
  // Hands the result to the next wake of its run.
  void deliver(Delivery delivery);
  // The same in a transaction of its own; the wake follows.
  void deliver_alone(Delivery delivery);
  std::vector<Delivery> take_deliveries(const RunId& run);
  // What deliver_in will write, in memory.
  void take_in(LoadedRun& loaded, Delivery& delivery, Time now);
  // Its run where the result was accepted.
  std::optional<RunId> deliver_in(store::Tx& tx, const std::string& key, const ActivityResult& result, Time now);

  // runs.cc: locks
  void request_lock(store::Tx& tx, const RunId& run, const std::string& path, const std::string& key);
  // Held or only asked for.
  void release_lock(store::Tx& tx, const RunId& run, const std::string& path);
  void release_locks(store::Tx& tx, const RunId& run);
  void grant_lock(store::Tx& tx, const std::string& key);

  // timers.cc
  void run_timers();
  int fire_timers();
  void fire(store::Tx& tx, const RunId& run, const std::string& path, const std::string& kind);
  void note_due(store::Tx& tx, Time due);
  void shift_after_jump();
  Time read_next_due();
  void retry_later(const RunId& run);
  void requeue_retries();

  store::Store& store;
  const Clock& clock;
  const Options options;
  const Budgets budgets;
  ActivitySink* sink = nullptr;
  std::map<std::pair<std::string, int>, Definition> definitions;
  JournalCache recent_journals{kMaxRecentJournalBytes};

  // The queue.
  std::mutex mutex;
  std::condition_variable changed;
  std::deque<RunId> queue;
  std::unordered_map<RunId, bool> busy;  // run -> something arrived while it was queued or in progress
  std::unordered_map<RunId, std::vector<Delivery>> inbox;  // of runs that are queued or in progress
  bool overflowed = false;  // runs were left out of the queue: read them from the database when it is empty
  bool reload_later = false;
  std::size_t in_progress = 0;
  bool stopped = false;
  std::vector<std::thread> threads;

  // Timers.
  std::mutex timer_mutex;
  std::condition_variable timer_changed;
  Time next_due;  // 0: none
  std::vector<RunId> retries;
  bool timers_stopped = false;
  std::thread timer_thread;
  std::int64_t last_wall_us = 0;
  std::int64_t last_steady_us = 0;
  std::int64_t expectations_from_steady_us = 0;
};

}  // namespace fairlead::engine
