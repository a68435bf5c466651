// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "json/type.h"

namespace fairlead::features::deployments {

struct Deployment {
  Id<Deployment> id;
  std::string space_id, project_id, release_id, channel_id, environment_id, tenant_id, task_id, process_snapshot_id,
      name, comments;
  std::string manifest_variable_set_id, deployed_by, deployed_by_id;
  Time created, queue_time, queue_time_expiry;
  bool force_package_download = false, force_package_redeployment = false, failure_encountered = false;
  std::optional<bool> use_guided_failure;
  std::vector<std::string> skip_actions, specific_machine_ids, excluded_machine_ids, deployed_to_machine_ids;
  std::map<std::string, std::string> form_values;
  json::Properties secret_form_values;  // stored only: values of sensitive prompted variables
  std::string state = "Queued";         // stored only: the task's, for history and dashboards
  bool automatic = false;               // stored only: made by a lifecycle
  Time completed;                       // stored only
};
const json::Type& type_of(json::Tag<Deployment>);

// One automatic promotion: at most one for each release, tenant and phase, whatever completes at the same time.
struct Promotion {
  Id<Promotion> id;
  std::string key;  // "<release>|<tenant>|<phase>", unique
  Time created;
};
const json::Type& type_of(json::Tag<Promotion>);

// The manifests that a deployment applied, sealed, by action and target. Long ones are sealed blobs.
struct AppliedManifest {
  Id<AppliedManifest> id;
  std::string deployment_id, project_id, environment_id, action, target_id;
  std::string sealed;       // the text itself, where it is short
  std::string sealed_name;  // else the name of its blob
  Time created;
};
const json::Type& type_of(json::Tag<AppliedManifest>);

}  // namespace fairlead::features::deployments
