// SPDX-License-Identifier: Apache-2.0
#include "features/machine_policies/model.h"

namespace fairlead::features::machine_policies {

const json::Type& type_of(json::Tag<ScriptPolicy>) {
  static const json::Type type = json::Type::of<ScriptPolicy>("MachineScriptPolicy")
                                     .field("RunType", &ScriptPolicy::run_type)
                                     .field("ScriptBody", &ScriptPolicy::script_body, json::null_when_empty);
  return type;
}

const json::Type& type_of(json::Tag<HealthCheckPolicy>) {
  static const json::Type type = json::Type::of<HealthCheckPolicy>("MachineHealthCheckPolicy")
                                     .field("HealthCheckInterval", &HealthCheckPolicy::interval, json::null_when_empty)
                                     .field("HealthCheckCron", &HealthCheckPolicy::cron, json::null_when_empty)
                                     .field("HealthCheckCronTimezone", &HealthCheckPolicy::cron_timezone)
                                     .field("HealthCheckType", &HealthCheckPolicy::check_type)
                                     .field("PowerShellHealthCheckPolicy", &HealthCheckPolicy::powershell)
                                     .field("BashHealthCheckPolicy", &HealthCheckPolicy::bash);
  return type;
}

const json::Type& type_of(json::Tag<MachinePolicy>) {
  using P = MachinePolicy;
  static const json::Type type = json::Type::of<P>("MachinePolicy")
                                     .field("Id", &P::id, json::read_only)
                                     .field("Name", &P::name, json::required | json::unique_in_space)
                                     .field("Description", &P::description)
                                     .field("IsDefault", &P::is_default, json::indexed | json::read_only)
                                     .field("MachineHealthCheckPolicy", &P::health_check)
                                     .field("MachineConnectivityPolicy", &P::connectivity)
                                     .field("MachineCleanupPolicy", &P::cleanup)
                                     .field("MachineUpdatePolicy", &P::update)
                                     .field("MachineRpcCallRetryPolicy", &P::rpc_call_retry)
                                     .field("MachinePackageCacheRetentionPolicy", &P::package_cache_retention)
                                     .field("PollingRequestQueueTimeout", &P::polling_request_queue_timeout)
                                     .field("PollingRequestMaximumMessageProcessingTimeout",
                                            &P::polling_request_maximum_message_processing_timeout)
                                     .field("ConnectionRetrySleepInterval", &P::connection_retry_sleep_interval)
                                     .field("ConnectionRetryCountLimit", &P::connection_retry_count_limit)
                                     .field("ConnectionRetryTimeLimit", &P::connection_retry_time_limit)
                                     .field("ConnectionConnectTimeout", &P::connection_connect_timeout)
                                     .field("SpaceId", &P::space_id, json::indexed | json::read_only);
  return type;
}

MachinePolicy default_policy() {
  MachinePolicy policy;
  policy.health_check.emplace().interval = "1.00:00:00";
  policy.connectivity.text = R"({"MachineConnectivityBehavior":"ExpectedToBeOnline"})";
  policy.cleanup.text = R"({"DeleteMachinesBehavior":"DoNotDelete","DeleteMachinesElapsedTimeSpan":"00:00:00"})";
  policy.update.text = R"({"CalamariUpdateBehavior":"UpdateOnDeployment","TentacleUpdateBehavior":"NeverUpdate",)"
                       R"("KubernetesAgentUpdateBehavior":"Update","TentacleUpdateAccountId":null})";
  policy.rpc_call_retry.text = R"({"Enabled":true,"RetryDuration":"00:02:30","HealthCheckRetryDuration":"00:02:30"})";
  policy.package_cache_retention.text =
      R"({"Strategy":"Default","QuantityOfPackagesToKeep":null,"PackageUnit":null,"QuantityOfVersionsToKeep":null,"VersionUnit":null})";
  return policy;
}

}  // namespace fairlead::features::machine_policies
