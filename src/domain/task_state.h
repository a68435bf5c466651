// SPDX-License-Identifier: Apache-2.0
// States of a task and of the elements of its log, their names on the wire and the transitions that are legal.
#pragma once

#include <optional>
#include <string_view>
#include <vector>

namespace fairlead::domain {

// Waiting is not a state: a task that waits is executing with pending interruptions.
enum class TaskState { queued, executing, cancelling, canceled, failed, success, timed_out };

std::string_view name_of(TaskState state);                         // "Queued", "Executing", ..., "TimedOut"
std::optional<TaskState> parse_task_state(std::string_view text);  // without case
bool is_finished(TaskState state);
bool is_successful(TaskState state);

// What is legal: Queued -> Executing, Cancelling, Canceled, Failed, TimedOut; Executing -> Cancelling, Success, Failed,
// TimedOut, Queued; Cancelling -> Canceled, Failed, Success (it ended before the cancellation reached it). Finished
// states never change.
bool can_become(TaskState from, TaskState to);
// Throws Error(conflict) that names both states: "The task is Success, so it cannot become Cancelling."
void require_transition(TaskState from, TaskState to);

enum class ActivityStatus { pending, running, success, success_with_warning, failed, skipped, canceled };

std::string_view name_of(ActivityStatus status);  // "SuccessWithWarning", ...
std::optional<ActivityStatus> parse_activity_status(std::string_view text);
bool is_finished(ActivityStatus status);
// A parent's status from its children's: failed over canceled over warning over success; running while one is; skipped
// when all are; pending when none has begun.
ActivityStatus combine(const std::vector<ActivityStatus>& children);

enum class LogCategory {
  trace,
  verbose,
  info,
  highlight,
  wait,
  gap,
  alert,
  warning,
  error,
  fatal,
  planned,
  updated,
  finished,
  abandoned,
};

std::string_view name_of(LogCategory category);  // "Info", ...
std::optional<LogCategory> parse_log_category(std::string_view text);
// Lines of this kind turn Success into success with warnings.
bool is_warning_or_worse(LogCategory category);

}  // namespace fairlead::domain
