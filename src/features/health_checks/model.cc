// SPDX-License-Identifier: Apache-2.0
#include "features/health_checks/model.h"

namespace fairlead::features::health_checks {

const json::Type& type_of(json::Tag<HealthCheck>) {
  static const json::Type type = json::Type::of<HealthCheck>("HealthCheck")
                                     .field("SpaceId", &HealthCheck::space_id)
                                     .field("EnvironmentId", &HealthCheck::environment_id)
                                     .field("PolicyId", &HealthCheck::policy_id)
                                     .field("MachineIds", &HealthCheck::machine_ids)
                                     .field("TimeoutUs", &HealthCheck::timeout_us)
                                     .field("QueueTime", &HealthCheck::queue_time);
  return type;
}

const json::Type& type_of(json::Tag<CheckedTarget>) {
  static const json::Type type = json::Type::of<CheckedTarget>("CheckedTarget")
                                     .field("Id", &CheckedTarget::id)
                                     .field("Name", &CheckedTarget::name)
                                     .field("IsAgent", &CheckedTarget::is_agent)
                                     .field("IsConnected", &CheckedTarget::is_connected)
                                     .field("OnlyConnectivity", &CheckedTarget::only_connectivity)
                                     .field("MayBeOffline", &CheckedTarget::may_be_offline)
                                     .field("EndpointRevision", &CheckedTarget::endpoint_revision)
                                     .field("DeletedAfterUs", &CheckedTarget::deleted_after_us);
  return type;
}

const json::Type& type_of(json::Tag<HealthSchedule>) {
  static const json::Type type = json::Type::of<HealthSchedule>("HealthSchedule")
                                     .field("Id", &HealthSchedule::id)
                                     .field("PolicyId", &HealthSchedule::policy_id)
                                     .field("RunId", &HealthSchedule::run_id)
                                     .field("TaskId", &HealthSchedule::task_id)
                                     .field("Last", &HealthSchedule::last)
                                     .field("Due", &HealthSchedule::due);
  return type;
}

const json::Type& type_of(json::Tag<ScheduledWake>) {
  static const json::Type type = json::Type::of<ScheduledWake>("ScheduledWake")
                                     .field("PolicyId", &ScheduledWake::policy_id)
                                     .field("Due", &ScheduledWake::due);
  return type;
}

}  // namespace fairlead::features::health_checks
