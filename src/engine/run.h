// SPDX-License-Identifier: Apache-2.0
// What the author of a step, or of any definition, sees. A Run is one wake of a durable coroutine: it replays what the
// journal knows and stops at the first point without a result. Time passes only at `co_await`; there is no other
// memory.
//
//   Durable<Outcome> apply_yaml(Run& run, const StepInput& in) {
//     auto objects = run.once("prepare", [&] { return prepare(in); });
//     Apply apply{objects.digest};
//     auto applied = co_await run.execute<Applied>(in.target, "apply", apply, repeatable());
//     auto verdict = co_await run.until<Health>(in.target, "healthy", health_of(applied), in.timeout_us);
//     if (!verdict) throw Error(Fault::timeout, "not healthy in time");
//     co_return Outcome::success();
//   }
//
// Points have names, which together with their scopes are unique in a run; the same name twice in one wake is
// Error(bug). Between points a body must be deterministic: it depends on its input, on results of points, on now() and
// uuid(), nothing else. A failure of an activity, child or `once` is thrown as Error at the point, and is journalled:
// every replay throws it again. Cancelling makes each later point throw Error(cancelled); activities that an executor
// already has are given Options::cancel_grace_us to report what they did.
//
// log(), publish() and in_commit() act only where the wake moves on; replayed parts are silent. They happen in the
// commit of the wake or not at all. Not thread-safe; a Run lives as long as its wake and is cheap to copy.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "base/error.h"
#include "base/recent.h"
#include "engine/activity.h"
#include "engine/durable.h"
#include "engine/record.h"
#include "engine/task_log.h"

namespace fairlead::engine {

class Wake;
class Run;

// Limits of one run; beyond them the run ends with an Error that says so.
inline constexpr std::size_t kMaxJournalEntries = 10'000;
inline constexpr std::size_t kMaxEntryBytes = 4u << 20;
inline constexpr std::size_t kMaxCommandBytes = 16u << 20;  // of an activity; it is not part of the journal
inline constexpr std::size_t kMaxRunBytes = 16u << 20;
inline constexpr std::size_t kMaxPathBytes = 500;
inline constexpr std::size_t kMaxBranches = 500;   // of one all(); more work than that goes to child runs
inline constexpr std::size_t kInlineBytes = 4096;  // larger values become blobs, loaded when a point asks for them

// A value or the Error in its place.
template <class T>
struct Settled {
  std::optional<RecordOf<T>> value;
  std::optional<Error> error;
  bool ok() const { return !error; }
};

struct ChildRun {
  std::string kind;
  json::Raw input;
  std::string task;  // empty: the parent's task
  std::int64_t deadline_us = 0;
};

namespace detail {

enum class WaitKind { activity, expectation, answer, timer, lock, child };

// What must happen before a point has a result.
struct Wish {
  WaitKind kind = WaitKind::timer;
  std::string subject;          // selector, question, lock key
  std::int64_t timeout_us = 0;  // relative deadline; 0: none
  std::optional<Time> due;      // absolute deadline
  Command command;
  std::function<Command()> make;  // instead of `command`: asked once, when the activity is made
  ActivityOptions options;
  ChildRun child;
};

// One stretch of control flow: the body of a run, or a branch of all(). `fresh` once it is past what earlier wakes had
// seen.
struct Flow {
  bool fresh = false;
  Time now;
};

// A place in the code that may have to wait.
class Point {
 public:
  Point(const Run& run, std::string_view name, Wish wish);
  bool await_ready();
  void await_suspend(std::coroutine_handle<>);

 protected:
  // The journalled text; nullopt when the deadline came first. Throws the journalled Error.
  std::optional<std::string> take();
  // As take(), but the deadline is Error(timeout).
  std::string take_or_throw();
  const std::string& path() const { return path_; }

 private:
  // False: the command could not be made, and its Error is the point's result.
  bool make_command();
  Wake* wake_;
  Flow* flow_;
  bool exempt_;
  std::string element_;
  std::string path_;
  Wish wish_;
};

// Which branches of all() may start, and which of them an earlier wake had already started.
class Branches {
 public:
  Branches(const Run& run, std::string_view name, std::size_t count, int window);
  ~Branches();
  bool may_start() const { return parked_ < window_; }
  Run& open(std::size_t index);
  void started(bool done);
  // Joins: true when every branch has ended.
  bool finish();

 private:
  const Run& parent_;
  std::string name_;
  std::size_t count_;
  int window_;
  int parked_ = 0;
  int parked_before_ = 0;  // as an earlier wake left it
  std::size_t opened_ = 0;
  bool started_before_ = false;
  std::deque<Flow> flows_;
  std::vector<std::unique_ptr<Run>> runs_;
  std::vector<bool> was_started_;
};

struct ParkUnless {
  bool ready;
  bool await_ready() const { return ready; }
  void await_suspend(std::coroutine_handle<>) {}
  void await_resume() {}
};

// The body of `once` with its type erased: gives the JSON text to record.
using Compute = std::function<std::string()>;
std::string recorded(const Run& run, std::string_view name, const Compute& compute);

}  // namespace detail

// Waits for a T.
template <class T>
class [[nodiscard]] Result : public detail::Point {
 public:
  using Point::Point;
  T await_resume() {
    const std::string text = take_or_throw();
    if constexpr (!std::is_void_v<T>) return decode_record<T>(text, path(), json::Mode::wire);
  }
};

// Waits for a T or a deadline (nullopt).
template <class T>
class [[nodiscard]] Verdict : public detail::Point {
 public:
  using Point::Point;
  std::optional<RecordOf<T>> await_resume() {
    const std::optional<std::string> text = take();
    if (!text) return std::nullopt;
    return decode_record<RecordOf<T>>(*text, path(), json::Mode::wire);
  }
};

// Lines and progress of one element of the task log.
class RunLog {
 public:
  void write(Category category, std::string text, std::string detail = {}) const;
  void verbose(std::string text, std::string detail = {}) const {
    write(Category::verbose, std::move(text), std::move(detail));
  }
  void info(std::string text, std::string detail = {}) const {
    write(Category::info, std::move(text), std::move(detail));
  }
  void highlight(std::string text, std::string detail = {}) const {
    write(Category::highlight, std::move(text), std::move(detail));
  }
  void warning(std::string text, std::string detail = {}) const {
    write(Category::warning, std::move(text), std::move(detail));
  }
  void error(std::string text, std::string detail = {}) const {
    write(Category::error, std::move(text), std::move(detail));
  }
  // The error's message as the line; places, texts and help as its detail.
  void error(const Error& error) const;
  void progress(int percent, std::string message = {}) const;
  void status(ElementStatus status) const;

 private:
  friend class Run;
  RunLog(Wake* wake, detail::Flow* flow, const std::string& element) : wake_(wake), flow_(flow), element_(element) {}
  Wake* wake_;
  detail::Flow* flow_;
  std::string element_;
};

class Run {
 public:
  const RunId& id() const;
  const std::string& task() const;
  // The name of a point here, with its scopes: what answer() and activities are addressed by.
  std::string path(std::string_view name) const;

  // --- points that never wait

  // Runs `f` and records what it returns (or the Error it throws); later replays return the record. `f` may be run
  // again if the server dies before the commit: pure work and reading the database only.
  template <class F>
  auto once(std::string_view name, F&& f) {
    using T = std::decay_t<std::invoke_result_t<F>>;
    if constexpr (std::is_void_v<std::invoke_result_t<F>>) {
      detail::recorded(*this, name, [&] { return f(), std::string("{}"); });
    } else {
      const std::string text = detail::recorded(*this, name, [&] { return encode_record<T>(f()); });
      return decode_record<T>(text, path(name));
    }
  }
  // As once, for a large record that every replay needs: `recent` keeps decoded records by their text.
  template <class T, class F>
  std::shared_ptr<const T> once(std::string_view name, Recent<T>& recent, F&& f) {
    const std::string text = detail::recorded(*this, name, [&] { return encode_record<T>(f()); });
    return recent.get(text, [&] { return decode_record<T>(text, path(name)); });
  }
  // The time at which the last point passed here got its result; the same in every replay.
  Time now() const { return flow_->now; }
  // The same for the same name in this run, in every replay; no two runs get the same.
  std::string uuid(std::string_view name) const;
  // An event for the outbox, in the commit of this wake.
  void publish(std::string topic, std::string key, std::string payload) const;
  // Work in the transaction of this wake, after the coroutine has been destroyed: capture by value. `f` may be called
  // more than once if the commit is tried again; an Error that it throws stops the run.
  void in_commit(std::function<void(store::Tx&)> f) const;
  // Gives back what lock(key) of the same scope got.
  void unlock(std::string_view key) const;

  // --- points that may wait

  // An activity (engine/activity.h). With a deadline: Error(timeout) when it passes first. `command` is a struct with a
  // type table, a Command, or a function that makes one: it is asked once, when the activity is made, and replays do
  // not pay for it. What it throws is the result of the point. As with `once`: pure work and reading the database only.
  template <class T = void, class C>
  Result<T> execute(std::string_view selector, std::string_view name, const C& command, ActivityOptions options) const {
    detail::Wish wish;
    wish.kind = detail::WaitKind::activity;
    wish.subject = selector;
    set_command(wish, command);
    wish.options = options;
    wish.timeout_us = options.deadline_us;
    return {*this, name, std::move(wish)};
  }
  // A long-lived, repeatable activity without a slot: an executor watches and reports one verdict. timeout_us 0: no
  // limit.
  template <class T = void, class C>
  Verdict<T> until(std::string_view selector, std::string_view name, const C& command, std::int64_t timeout_us) const {
    detail::Wish wish;
    wish.kind = detail::WaitKind::expectation;
    wish.subject = selector;
    set_command(wish, command);
    wish.options = ActivityOptions{true, timeout_us, false};
    wish.timeout_us = timeout_us;
    return {*this, name, std::move(wish)};
  }
  // Another run, started with this wake's commit and cancelled with this run.
  template <class T = void>
  Result<T> child(std::string_view name, ChildRun child) const {
    detail::Wish wish;
    wish.kind = detail::WaitKind::child;
    wish.child = std::move(child);
    return {*this, name, std::move(wish)};
  }
  // Waits for Engine::answer(id(), path(name), ...). `question` is kept with the wait for whoever lists it.
  template <class T = void>
  Verdict<T> ask(std::string_view name, std::string question, std::int64_t timeout_us = 0) const {
    detail::Wish wish;
    wish.kind = detail::WaitKind::answer;
    wish.subject = std::move(question);
    wish.timeout_us = timeout_us;
    return {*this, name, std::move(wish)};
  }
  // A date: not moved when the wall clock is set.
  Verdict<void> sleep_until(std::string_view name, Time time) const;
  // A duration: measured by the steady clock, whatever happens to the wall clock.
  Verdict<void> sleep(std::string_view name, std::int64_t us) const;
  // First come, first served, over all runs and branches; held until unlock() or the end of the run. The point's name
  // is "lock:<key>". Whoever asks for a key that it holds already waits for itself.
  Result<void> lock(std::string_view key) const;

  // --- structure

  // The same run with a longer prefix for names. Keep the result alive while its points are awaited.
  Run scope(std::string_view name) const;
  // scope() with an element of the task log of its own, called `title`, status running.
  Run section(std::string_view name, std::string title) const;
  RunLog log() const { return {wake_, flow_, element_}; }
  // Runs when this run is cancelled, after the body has ended, latest first; its points do not throw for the
  // cancellation but share Options::cleanup_budget_us.
  void on_cancel(std::string name, std::function<Durable<>(Run&)> f) const;

  // f(Run& branch, const Item&) -> Durable<T> for every item, at most `window` of them waiting at a time, each in the
  // scope "name[index]". All are run to their end, also when one fails. At most kMaxBranches; a replay passes every
  // finished branch again, so where branches have many points let each be a child run.
  template <class Items, class F>
  auto settle_all(std::string name, const Items& items, int window, F f) -> Durable<
      std::vector<Settled<typename std::invoke_result_t<F&, Run&, decltype(*std::begin(items))>::value_type>>> {
    using T = typename std::invoke_result_t<F&, Run&, decltype(*std::begin(items))>::value_type;
    detail::Branches branches(*this, name, std::size(items), window);
    std::vector<Durable<T>> frames;
    std::size_t index = 0;
    for (const auto& item : items) {
      if (!branches.may_start()) break;
      frames.push_back(f(branches.open(index++), item));
      frames.back().start();
      branches.started(frames.back().done());
    }
    const bool finished = branches.finish();
    detail::ParkUnless all_ended{finished};
    co_await all_ended;
    std::vector<Settled<T>> results;
    for (Durable<T>& frame : frames) {
      Settled<T>& settled = results.emplace_back();
      try {
        if constexpr (std::is_void_v<T>) {
          frame.take();
          settled.value.emplace();
        } else {
          settled.value.emplace(frame.take());
        }
      } catch (...) {
        settled.error = error_of(std::current_exception());
      }
    }
    co_return results;
  }
  // As settle_all; throws the first failure, in the order of the items, once all have ended.
  template <class Items, class F>
  auto all(std::string name, const Items& items, int window, F f) -> Durable<
      std::vector<RecordOf<typename std::invoke_result_t<F&, Run&, decltype(*std::begin(items))>::value_type>>> {
    auto settled = co_await settle_all(std::move(name), items, window, std::move(f));
    std::vector<RecordOf<typename std::invoke_result_t<F&, Run&, decltype(*std::begin(items))>::value_type>> values;
    for (auto& one : settled) {
      if (one.error) throw *one.error;
      values.push_back(std::move(*one.value));
    }
    co_return values;
  }
  // Turns a thrown failure into a value, so that more work can follow it. Takes a Durable or a point.
  template <class A>
  static auto settle(A awaitable) -> Durable<Settled<decltype(awaitable.await_resume())>> {
    using T = decltype(awaitable.await_resume());
    Settled<T> settled;
    try {
      if constexpr (std::is_void_v<T>) {
        co_await awaitable;
        settled.value.emplace();
      } else {
        settled.value.emplace(co_await awaitable);
      }
    } catch (...) {
      settled.error = error_of(std::current_exception());
    }
    co_return settled;
  }

  // For the engine: a scope whose points cancellation does not concern.
  Run exempt(std::string_view name) const;
  Run(Wake& wake, detail::Flow& flow, std::string prefix, std::string element, bool exempt)
      : wake_(&wake), flow_(&flow), prefix_(std::move(prefix)), element_(std::move(element)), exempt_(exempt) {}

 private:
  template <class C>
  static void set_command(detail::Wish& wish, const C& command) {
    if constexpr (std::is_invocable_v<const C&>) {
      wish.make = command;
    } else {
      wish.command = command_of(command);
    }
  }

  friend class detail::Point;
  friend class detail::Branches;
  friend std::string detail::recorded(const Run&, std::string_view, const detail::Compute&);
  Wake* wake_;
  detail::Flow* flow_;
  std::string prefix_;
  std::string element_;
  bool exempt_;  // a clean-up: cancellation does not concern it
};

}  // namespace fairlead::engine
