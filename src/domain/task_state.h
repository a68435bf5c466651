// SPDX-License-Identifier: Apache-2.0
// States of a task, their names on the wire and the transitions that are legal. (The states of log elements:
// engine/task_log.h.)
#pragma once

#include <optional>
#include <string_view>

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

}  // namespace fairlead::domain
