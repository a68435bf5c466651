// SPDX-License-Identifier: Apache-2.0
#include "domain/task_state.h"

#include <algorithm>
#include <iterator>

#include "base/error.h"
#include "base/text.h"

namespace fairlead::domain {

namespace {

// Wire names in the order of the enumeration.
constexpr std::string_view kTaskStates[] = {"Queued", "Executing", "Cancelling", "Canceled",
                                            "Failed", "Success",   "TimedOut"};

}  // namespace

std::string_view name_of(TaskState state) { return kTaskStates[static_cast<std::size_t>(state)]; }

std::optional<TaskState> parse_task_state(std::string_view text) {
  const auto* found = std::find_if(std::begin(kTaskStates), std::end(kTaskStates),
                                   [&](std::string_view name) { return text::equals_ignoring_case(text, name); });
  if (found == std::end(kTaskStates)) return std::nullopt;
  return static_cast<TaskState>(found - std::begin(kTaskStates));
}

bool is_finished(TaskState state) {
  return state == TaskState::canceled || state == TaskState::failed || state == TaskState::success ||
         state == TaskState::timed_out;
}

bool is_successful(TaskState state) { return state == TaskState::success; }

bool can_become(TaskState from, TaskState to) {
  using enum TaskState;
  if (from == to) return false;
  switch (from) {
    case queued: return to == executing || to == cancelling || to == canceled || to == failed || to == timed_out;
    case executing:
      // Back to the queue: the task gives its slot away, for example to a lock that another one holds.
      return to == cancelling || to == success || to == failed || to == timed_out || to == queued;
    case cancelling: return to == canceled || to == failed || to == success;
    case canceled:
    case failed:
    case success:
    case timed_out: return false;
  }
  return false;
}

void require_transition(TaskState from, TaskState to) {
  if (can_become(from, to)) return;
  throw Error(Fault::conflict, text::format("The task is {}, so it cannot become {}.", name_of(from), name_of(to)));
}

}  // namespace fairlead::domain
