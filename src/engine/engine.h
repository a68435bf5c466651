// SPDX-License-Identifier: Apache-2.0
// The engine: advances runs by replay. A wake loads the run's journal, calls the definition's coroutine from the top,
// and commits new facts, waits, activities, events, log lines and the end in one transaction; recovery after a crash is
// the same thing. A wake has no effect outside its commit and the commit is fenced by the run's epoch, so two wakes of
// one run cannot both count.
//
// Functions that take a Tx& belong to the caller's transaction; what they wake moves after its commit. All are
// thread-safe.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "engine/activity.h"
#include "engine/run.h"
#include "engine/task_log.h"
#include "store/store.h"

namespace fairlead::engine {

enum class RunState { ready, waiting, ended };
// stopped: the code does not fit the journal, or a limit was met.
enum class RunOutcome { none, success, failed, canceled, stopped };

struct RunEnd {
  RunId run;
  std::string kind;
  std::string task;
  RunOutcome outcome = RunOutcome::none;
  json::Raw result;
  std::optional<Error> error;
};

// One version of the code of a kind of run. Old versions stay registered while runs of theirs may be alive.
struct Definition {
  std::string kind;
  int version = 1;
  std::function<Durable<json::Raw>(Run&, const json::Raw& input)> body;
  // In the transaction of the end: the place to set the final state of the feature's documents. May be empty.
  std::function<void(store::Tx&, const RunEnd&)> on_end;
};

namespace detail {
template <class In, class F>
Durable<json::Raw> typed_body(Run& run, const json::Raw& input, const F& f) {
  const In in = decode_record<In>(input.text, "the input of the run");
  using Out = typename std::invoke_result_t<const F&, Run&, const In&>::value_type;
  if constexpr (std::is_void_v<Out>) {
    co_await f(run, in);
    co_return json::Raw{"{}"};
  } else {
    const Out out = co_await f(run, in);
    co_return json::Raw{encode_record(out, json::Mode::wire)};
  }
}
}  // namespace detail

// `f`: Durable<Out>(Run&, const In&), with In and Out as in engine/record.h.
template <class In, class F>
Definition definition(std::string kind, int version, F f) {
  Definition made;
  made.kind = std::move(kind);
  made.version = version;
  made.body = [f = std::move(f)](Run& run, const json::Raw& input) { return detail::typed_body<In, F>(run, input, f); };
  return made;
}

struct StartRun {
  std::string kind;
  int version = 0;  // 0: the newest registered
  json::Raw input;
  std::string key;               // a second start with the same key gives the first run; empty: none
  std::string task;              // groups runs for the log, the slot and the queue; empty: the run's own id
  std::int64_t rank = 0;         // of the task in the queue for slots: higher first, then first come
  std::int64_t deadline_us = 0;  // from now; when it passes the run is cancelled with Fault::timeout; 0: none
};

struct WaitInfo {
  std::string path;
  std::string kind;  // "activity", "expectation", "answer", "timer", "lock", "child"
  std::string subject;
  Time due;  // 0: none
  Time since;
};

struct RunInfo {
  RunId id;
  std::string kind;
  int version = 0;
  std::string task;
  RunState state = RunState::ready;
  RunOutcome outcome = RunOutcome::none;
  bool cancel_requested = false;
  json::Raw result;
  std::optional<Error> error;
  Time created;
  Time ended;
};

class Engine {
 public:
  struct Options {
    std::string incarnation = "1";  // of the database: changes when a backup is restored, so that old keys mean nothing
    int workers = 2;
    std::int64_t task_cap = 50;                    // tasks that execute at the same time; waiting costs nothing
    std::int64_t cancel_grace_us = 30 * kSecond;   // for activities that an executor has when their run is cancelled
    std::int64_t cleanup_budget_us = 2 * kMinute;  // for all on_cancel handlers of a run together
    std::int64_t deadline_grace_us =
        30 * kSecond;  // expectations are judged by fresh sight before their deadline counts
    TaskLog* log = nullptr;
    std::function<std::string()> new_run_id;  // for simulations; default: as at RunId
    // Whether an activity makes its task "executing"; default: its options say so.
    std::function<bool(const Activity&)> counts;
    // In the transaction in which a task gets (true) or gives back (false) its slot.
    std::function<void(store::Tx&, const std::string& task, bool executing)> on_slot;
  };
  Engine(store::Store& store, const Clock& clock, Options options);
  ~Engine();  // stop()

  // --- before run()

  // Error(bug) when the kind and version are registered already.
  void register_definition(Definition definition);
  void set_sink(ActivitySink& sink);

  // Claims what was ready when the last process ended, and starts workers and the timer thread.
  void run();
  // Finishes the wakes in progress and joins the threads. Idempotent.
  void stop();
  // Returns when no wake is queued or in progress. For tests and orderly shutdown.
  void wait_until_idle();

  // --- runs
  RunId start(store::Tx& tx, const StartRun& start);
  // False when it has ended or was cancelled before. Children are cancelled with it.
  bool cancel(store::Tx& tx, const RunId& run, const std::string& reason);
  // Gives the point `path` of a waiting ask() its answer (JSON, wire mode). False when nothing waits there (any more).
  bool answer(store::Tx& tx, const RunId& run, const std::string& path, const json::Raw& answer);
  std::optional<RunInfo> find(const store::Tx& tx, const RunId& run) const;
  std::vector<WaitInfo> waits(const store::Tx& tx, const RunId& run) const;
  // The place of a task in the queue for slots.
  void set_rank(store::Tx& tx, const std::string& task, std::int64_t rank);
  // Deletes runs that ended before `before`, whole trees at a time; at most `limit` runs. Returns how many.
  std::int64_t prune(store::Tx& tx, Time before, int limit = 1000);

  // --- activities: for the link

  // Records a result in the commit of the wake that goes on with it; not accepted: a duplicate, or nobody waits for it.
  // `with` (may be empty) runs in the same transaction, once, where the result is accepted: for what came along. `done`
  // runs once it is durable (an executor may forget it then), or with the exception; on the store's thread, or on an
  // engine's where nothing was to be written.
  void deliver(std::string key, ActivityResult result, std::function<void(store::Tx&)> with,
               std::function<void(bool accepted, std::exception_ptr)> done);
  // In a transaction of its own, before the wake.
  bool deliver(const std::string& key, ActivityResult result);  // blocks until durable
  // What `executor` has to be told on (re)connect: what it was sent and has not answered, and what is pending for any
  // of the selectors that it serves. Oldest first. What an executor still works on and is not among these was
  // withdrawn: cancel it.
  std::vector<Activity> pending_for(const std::string& executor, const std::vector<std::string>& selectors);
  std::optional<Activity> find_activity(const std::string& key);
  // Must be durable before the command leaves. False: no longer wanted, or somebody else has it; do not send.
  bool mark_sent(const std::string& key, const std::string& executor, const std::string& incarnation);
  // An executor has connected: what it was sent in another incarnation is offered again where repeatable, and ends as
  // lost ("outcome unknown") where not. `why` is the start of that text, as in "worker w1 died at 14:02"; empty: a text
  // of ours. Expectations of these selectors get deadline_grace_us before their deadline counts.
  void executor_connected(const std::string& executor, const std::string& incarnation,
                          const std::vector<std::string>& selectors, const std::string& why = {});
  // An executor will not come back: the same for everything that it was sent. `why` as in "worker w1 died at 14:02".
  void executor_lost(const std::string& executor, const std::string& why);

  // --- by hand: for simulations, with Options::workers = 0

  // Runs one queued wake on this thread. False: none was queued.
  bool wake_one();
  // Fires what is due by the clock. Returns how many waits were fired.
  int fire_timers();
  // The due time of the next timer; nullopt: none.
  std::optional<Time> next_due();

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

std::string_view name_of(RunOutcome outcome);

}  // namespace fairlead::engine
