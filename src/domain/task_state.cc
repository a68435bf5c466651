// SPDX-License-Identifier: Apache-2.0
#include "domain/task_state.h"

#include <algorithm>
#include <iterator>

#include "base/error.h"
#include "base/text.h"

namespace fairlead::domain {

namespace {

// Wire names in the order of the enumerations.
constexpr std::string_view kTaskStates[] = {"Queued", "Executing", "Cancelling", "Canceled",
                                            "Failed", "Success",   "TimedOut"};
constexpr std::string_view kActivityStatuses[] = {"Pending", "Running", "Success", "SuccessWithWarning",
                                                  "Failed",  "Skipped", "Canceled"};
constexpr std::string_view kLogCategories[] = {"Trace",   "Verbose", "Info",     "Highlight", "Wait",
                                               "Gap",     "Alert",   "Warning",  "Error",     "Fatal",
                                               "Planned", "Updated", "Finished", "Abandoned"};

template <class Enum, std::size_t Count>
std::optional<Enum> parse(std::string_view text, const std::string_view (&names)[Count]) {
  for (std::size_t i = 0; i < Count; ++i) {
    if (text::equals_ignoring_case(text, names[i])) return static_cast<Enum>(i);
  }
  return std::nullopt;
}

}  // namespace

std::string_view name_of(TaskState state) { return kTaskStates[static_cast<std::size_t>(state)]; }
std::optional<TaskState> parse_task_state(std::string_view text) { return parse<TaskState>(text, kTaskStates); }

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

std::string_view name_of(ActivityStatus status) { return kActivityStatuses[static_cast<std::size_t>(status)]; }
std::optional<ActivityStatus> parse_activity_status(std::string_view text) {
  return parse<ActivityStatus>(text, kActivityStatuses);
}

bool is_finished(ActivityStatus status) {
  return status != ActivityStatus::pending && status != ActivityStatus::running;
}

ActivityStatus combine(const std::vector<ActivityStatus>& children) {
  using enum ActivityStatus;
  const auto any = [&](ActivityStatus status) {
    return std::find(children.begin(), children.end(), status) != children.end();
  };
  const auto all = [&](ActivityStatus status) {
    return std::all_of(children.begin(), children.end(), [&](ActivityStatus child) { return child == status; });
  };
  if (children.empty() || all(pending)) return pending;
  // Some have ended and some have not begun: the parent is under way.
  if (any(running) || any(pending)) return running;
  if (all(skipped)) return skipped;
  if (any(failed)) return failed;
  if (any(canceled)) return canceled;
  return any(success_with_warning) ? success_with_warning : success;
}

std::string_view name_of(LogCategory category) { return kLogCategories[static_cast<std::size_t>(category)]; }
std::optional<LogCategory> parse_log_category(std::string_view text) {
  return parse<LogCategory>(text, kLogCategories);
}

bool is_warning_or_worse(LogCategory category) {
  return category == LogCategory::warning || category == LogCategory::error || category == LogCategory::fatal;
}

}  // namespace fairlead::domain
