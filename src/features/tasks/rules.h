// SPDX-License-Identifier: Apache-2.0
// How a task comes to be and changes its state, always in somebody's transaction, and the objects it watches.
#pragma once

#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "engine/engine.h"
#include "features/tasks/model.h"
#include "link/commands.h"
#include "store/documents.h"

namespace fairlead::features::tasks {

// A task as the API shows it, with its links. `now`: for the duration of one that has not ended.
std::string encode_task(const Task& task, Time now);
// How long it has taken so far, in words; empty before its start.
std::string duration_of(const Task& task, Time now);

// The task with that run or id changes its state where domain::can_become allows it; anything else is left as it is,
// because a late message about a finished task is no news. Publishes "task" to the outbox.
void set_state(store::Documents& documents, store::Tx& tx, Task& task, domain::TaskState state,
               const std::string& node);
// The end of the run that does the task's work.
void finish(store::Documents& documents, store::Tx& tx, Task& task, const engine::RunEnd& end, const std::string& node);

TaskObject object_of(const link::ObjectStatus& status, const std::string& step, const std::string& target);
// Fills the parents' kinds and names from the other objects of the list.
void name_parents(std::vector<TaskObject>& objects);

// What executors say about objects while their tasks watch them: latest wins, in memory, rebuilt by the snapshots that
// executors send after a reconnect. Thread-safe.
class LiveObjects {
 public:
  struct Watched {
    std::string task, step, target;
  };
  // Which task and step an activity belongs to; known before its first status.
  void watch(const std::string& activity_key, Watched watched);
  void update(const link::StatusUpdate& update);
  void forget(const std::string& activity_key);
  std::vector<TaskObjects> of_task(const std::string& task) const;

 private:
  struct Entry {
    Watched watched;
    std::string note;
    std::int64_t sequence = 0;
    std::map<std::string, TaskObject> objects;  // by "kind namespace/name"
  };
  mutable std::mutex mutex_;
  std::map<std::string, Entry> entries_;
};

}  // namespace fairlead::features::tasks
