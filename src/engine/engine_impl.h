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

// The commit of a wake found the run moved on; the wake is done again.
struct Stale {};

class Engine::Impl {
 public:
  Impl(store::Store& store, const Clock& clock, Options options);

  // engine.cc: the queue of wakes. One wake of a run at a time in this process.
  void enqueue(const RunId& run);
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
  void commit(store::Tx& tx, const LoadedRun& loaded, const WakeResult& result);
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
  bool deliver_in(store::Tx& tx, const std::string& key, const ActivityResult& result);

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

  // The queue.
  std::mutex mutex;
  std::condition_variable changed;
  std::deque<RunId> queue;
  std::unordered_map<RunId, bool> busy;  // run -> something arrived while it was queued or in progress
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
