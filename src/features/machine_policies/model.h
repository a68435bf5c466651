// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>

#include "json/type.h"

namespace fairlead::features::machine_policies {

struct ScriptPolicy {
  std::string run_type = "InheritFromDefault", script_body;
};
const json::Type& type_of(json::Tag<ScriptPolicy>);

struct HealthCheckPolicy {
  std::string interval;  // "1.00:00:00"; empty (null on the wire): none
  std::string cron, cron_timezone = "UTC", check_type = "RunScript";
  ScriptPolicy powershell, bash;
};
const json::Type& type_of(json::Tag<HealthCheckPolicy>);

struct MachinePolicy {
  Id<MachinePolicy> id;
  std::string space_id, name, description;
  bool is_default = false;
  std::optional<HealthCheckPolicy> health_check;  // always there once checked
  json::Raw connectivity, cleanup, update, rpc_call_retry, package_cache_retention;
  std::string polling_request_queue_timeout = "00:10:00",
              polling_request_maximum_message_processing_timeout = "00:10:00";
  std::string connection_retry_sleep_interval = "00:00:01", connection_retry_time_limit = "00:05:00";
  std::string connection_connect_timeout = "00:01:00";
  int connection_retry_count_limit = 5;
};
const json::Type& type_of(json::Tag<MachinePolicy>);
// A policy with every member at its default.
MachinePolicy default_policy();

}  // namespace fairlead::features::machine_policies
