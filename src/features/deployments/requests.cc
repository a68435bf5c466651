// SPDX-License-Identifier: Apache-2.0
#include "features/deployments/requests.h"

namespace fairlead::features::deployments {

const json::Type& type_of(json::Tag<UntenantedCommand>) {
  using C = UntenantedCommand;
  static const json::Type type = json::Type::of<C>("CreateDeploymentUntenantedCommandV1")
                                     .field("ProjectName", &C::project_name, json::required)
                                     .field("ReleaseVersion", &C::release_version, json::required)
                                     .field("EnvironmentNames", &C::environment_names)
                                     .field("ForcePackageRedeployment", &C::force_package_redeployment)
                                     .field("ForcePackageDownload", &C::force_package_download)
                                     .field("UpdateVariableSnapshot", &C::update_variable_snapshot)
                                     .field("SpecificMachineNames", &C::specific_machine_names)
                                     .field("ExcludedMachineNames", &C::excluded_machine_names)
                                     .field("SkipStepNames", &C::skip_step_names)
                                     .field("UseGuidedFailure", &C::use_guided_failure)
                                     .field("Priority", &C::priority)
                                     .field("RunAt", &C::run_at)
                                     .field("NoRunAfter", &C::no_run_after)
                                     .field("Variables", &C::variables)
                                     .field("Comments", &C::comments)
                                     .field("DebugMode", &C::debug_mode)
                                     .field("SpecificTargetTagNames", &C::specific_target_tag_names)
                                     .field("ExcludedTargetTagNames", &C::excluded_target_tag_names)
                                     .field("DeploymentFreezeNames", &C::freeze_names)
                                     .field("DeploymentFreezeOverrideReason", &C::freeze_reason);
  return type;
}

}  // namespace fairlead::features::deployments
