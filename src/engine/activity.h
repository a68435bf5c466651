// SPDX-License-Identifier: Apache-2.0
// Activities: external effects that a run asked for. The row is committed with the wake that asked; an executor
// performs it outside of any transaction; its result becomes a journal entry and a wake. At least once, with a key; an
// activity that is not repeatable is never handed to an executor that may already have begun it and has forgotten.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/error.h"
#include "base/id.h"
#include "json/type.h"

namespace fairlead::engine {

class Run;
using RunId = Id<Run>;  // 32 hexadecimal characters: the time of the start in milliseconds (12), random (20)

// What an executor shall do. `kind` is the name of the command's type table, `payload` its JSON in wire mode.
struct Command {
  std::string kind;
  json::Raw payload;
};

template <class C>
Command command_of(const C& command) {
  return {std::string(type_of(json::Tag<C>{}).name()), {json::encode(command)}};
}
inline Command command_of(const Command& command) { return command; }

struct ActivityOptions {
  // Doing it twice has the effect of doing it once (apply, delete with uid, render, health): it may be sent again.
  bool is_repeatable = false;
  // Counted from the commit that asks for it; 0 = none. When it passes, the point throws Error(timeout).
  std::int64_t deadline_us = 0;
  // Holds one of the node's task slots while it is outstanding (Options::task_cap).
  bool costs_slot = true;
};
inline ActivityOptions repeatable(std::int64_t deadline_us = 0) { return {true, deadline_us, true}; }
inline ActivityOptions not_repeatable(std::int64_t deadline_us = 0) { return {false, deadline_us, true}; }

enum class ActivityState { queued, pending, sent, done };  // queued: waits for a task slot

struct Activity {
  std::string key;  // "<run>-<16 hex of incarnation and path>": safe as a file name and in a Kubernetes label
  RunId run;
  std::string path;      // the point's name with its scopes: "step:Web/target:t3/apply"
  std::string task;      // whose log its lines belong to; may be empty
  std::string element;   // the element of the task log that is its parent; may be empty
  std::string selector;  // which executor, in the feature's words ("target:Machines-1"); the engine does not read it
  Command command;
  bool is_repeatable = false;
  bool long_lived = false;  // an expectation: one verdict, no slot
  ActivityState state = ActivityState::pending;
  std::string executor;     // who got it (state sent)
  std::string incarnation;  // of that executor's memory
  Time created;
  Time sent;
  Time deadline;  // 0: none
  bool cancel_requested = false;
};

struct Assignment {
  std::string executor;
  std::string incarnation;
};

// The link's side. Methods are called on the store's or an engine thread, must not block and must not call the engine
// back.
class ActivitySink {
 public:
  virtual ~ActivitySink() = default;
  // Inside the transaction that makes the activity ready: which connected executor will take it? With an answer the row
  // is born `sent`, which saves the commit of mark_sent; without one it stays `pending` until someone calls mark_sent.
  virtual std::optional<Assignment> assign(const Activity& activity) = 0;
  // After that commit, and again after a repeatable activity's executor lost its memory.
  virtual void offered(const Activity& activity) = 0;
  // The run no longer wants it. The executor stops as soon as it can and still reports what it did.
  virtual void cancelled(const Activity& activity) = 0;
};

// The message of the Error at a point begins with this where an activity that is not repeatable may or may not have had
// its effect: its executor had begun and is gone.
inline constexpr std::string_view kOutcomeUnknown = "outcome unknown";
bool is_outcome_unknown(const Error& error);

// What an executor reports: a value in wire mode, or a failure.
struct ActivityResult {
  json::Raw value;
  std::optional<Error> failure;

  static ActivityResult success(json::Raw value) { return {std::move(value), std::nullopt}; }
  static ActivityResult failed(Error error) { return {{}, std::move(error)}; }
};

}  // namespace fairlead::engine
