// SPDX-License-Identifier: Apache-2.0
// Bodies of the Executions API. Clients send camelCase or PascalCase; entities come as id, name or slug.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "json/type.h"

namespace fairlead::features::deployments {

struct UntenantedCommand {
  std::string project_name, release_version, run_at, no_run_after, priority, debug_mode, freeze_reason, comments;
  std::vector<std::string> environment_names, specific_machine_names, excluded_machine_names, skip_step_names,
      freeze_names;
  std::vector<std::string> specific_target_tag_names, excluded_target_tag_names;
  bool force_package_redeployment = false, force_package_download = false, update_variable_snapshot = false;
  std::optional<bool> use_guided_failure;
  std::map<std::string, std::string> variables;
};
const json::Type& type_of(json::Tag<UntenantedCommand>);

}  // namespace fairlead::features::deployments
