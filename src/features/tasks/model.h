// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <string>
#include <vector>

#include "domain/task_state.h"
#include "json/type.h"

namespace fairlead::features::tasks {

// One unit of work of the server that people can watch: "ServerTasks-44". Its states are those of domain/task_state.h.
struct Task {
  Id<Task> id;
  std::string space_id, name, description;
  std::string state = "Queued";
  std::map<std::string, json::Raw> arguments;
  Time queue_time, queue_time_expiry, start_time, last_updated_time, completed_time;
  std::string server_node, error_message;
  bool has_warnings_or_errors = false, has_pending_interruptions = false;
  // Stored only: what lists filter by, and the run that does the work.
  std::string run_id, project_id, environment_id, deployment_id, release_id, started_by;
  std::vector<std::string> machine_ids;  // the targets that it is about
};
const json::Type& type_of(json::Tag<Task>);

// What a client sends to start a task: which arguments there are depends on the name.
struct TaskRequest {
  std::string name, description, space_id;
  std::map<std::string, json::Raw> arguments;
  Time queue_time, queue_time_expiry;
};
const json::Type& type_of(json::Tag<TaskRequest>);

// A Kubernetes object that a task applied, as it was last seen while the task watched it.
struct TaskObject {
  std::string step, target, api_version, kind, namespace_name, name, uid, action, status, message;
  std::string parent_uid, parent_kind, parent_name;  // of descendants: the Pod's ReplicaSet, ...
};
const json::Type& type_of(json::Tag<TaskObject>);

// The objects of one activity of a task, kept when the activity ends: id "<task>-<activity key>".
struct TaskObjects {
  Id<TaskObjects> id;
  std::string task_id, note;
  std::vector<TaskObject> objects;
};
const json::Type& type_of(json::Tag<TaskObjects>);

}  // namespace fairlead::features::tasks
