// SPDX-License-Identifier: Apache-2.0
#include "features/tasks/model.h"

namespace fairlead::features::tasks {

const json::Type& type_of(json::Tag<Task>) {
  static const json::Type type =
      json::Type::of<Task>("Task")
          .field("Id", &Task::id, json::read_only)
          .field("SpaceId", &Task::space_id, json::column | json::read_only)
          .field("Name", &Task::name, json::required | json::column)
          .field("Description", &Task::description, json::column)
          .field("Arguments", &Task::arguments)
          .field("State", &Task::state, json::read_only | json::indexed)
          .field("QueueTime", &Task::queue_time, json::null_when_empty | json::column)
          .field("QueueTimeExpiry", &Task::queue_time_expiry, json::null_when_empty)
          .field("StartTime", &Task::start_time, json::null_when_empty | json::read_only | json::column)
          .field("LastUpdatedTime", &Task::last_updated_time, json::null_when_empty | json::read_only)
          .field("CompletedTime", &Task::completed_time, json::null_when_empty | json::read_only | json::indexed)
          .field("ServerNode", &Task::server_node, json::null_when_empty | json::read_only | json::column)
          .field("ErrorMessage", &Task::error_message, json::read_only)
          .field("HasWarningsOrErrors", &Task::has_warnings_or_errors, json::read_only | json::column)
          .field("HasPendingInterruptions", &Task::has_pending_interruptions, json::read_only | json::column)
          .field("RunId", &Task::run_id, json::stored_only | json::indexed)
          .field("ProjectId", &Task::project_id, json::read_only | json::indexed | json::null_when_empty)
          .field("EnvironmentId", &Task::environment_id, json::stored_only | json::indexed)
          .field("DeploymentId", &Task::deployment_id, json::stored_only | json::indexed)
          .field("ReleaseId", &Task::release_id, json::stored_only | json::indexed)
          .field("StartedBy", &Task::started_by, json::stored_only)
          .field("MachineIds", &Task::machine_ids, json::stored_only | json::refers);
  return type;
}

const json::Type& type_of(json::Tag<TaskRequest>) {
  static const json::Type type = json::Type::of<TaskRequest>("Task")
                                     .field("Name", &TaskRequest::name, json::required)
                                     .field("Description", &TaskRequest::description)
                                     .field("SpaceId", &TaskRequest::space_id)
                                     .field("Arguments", &TaskRequest::arguments)
                                     .field("QueueTime", &TaskRequest::queue_time)
                                     .field("QueueTimeExpiry", &TaskRequest::queue_time_expiry);
  return type;
}

const json::Type& type_of(json::Tag<TaskObject>) {
  static const json::Type type = json::Type::of<TaskObject>("TaskObject")
                                     .field("Step", &TaskObject::step)
                                     .field("Target", &TaskObject::target)
                                     .field("ApiVersion", &TaskObject::api_version)
                                     .field("Kind", &TaskObject::kind)
                                     .field("Namespace", &TaskObject::namespace_name, json::null_when_empty)
                                     .field("Name", &TaskObject::name)
                                     .field("Uid", &TaskObject::uid)
                                     .field("Action", &TaskObject::action, json::null_when_empty)
                                     .field("Status", &TaskObject::status)
                                     .field("Message", &TaskObject::message, json::null_when_empty)
                                     .field("ParentUid", &TaskObject::parent_uid, json::null_when_empty)
                                     .field("ParentKind", &TaskObject::parent_kind, json::null_when_empty)
                                     .field("ParentName", &TaskObject::parent_name, json::null_when_empty);
  return type;
}

const json::Type& type_of(json::Tag<TaskObjects>) {
  static const json::Type type = json::Type::of<TaskObjects>("TaskObjects")
                                     .field("Id", &TaskObjects::id)
                                     .field("TaskId", &TaskObjects::task_id, json::indexed)
                                     .field("Note", &TaskObjects::note, json::null_when_empty)
                                     .field("Objects", &TaskObjects::objects);
  return type;
}

}  // namespace fairlead::features::tasks
