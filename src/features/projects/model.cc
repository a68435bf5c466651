// SPDX-License-Identifier: Apache-2.0
#include "features/projects/model.h"

#include "json/value.h"

namespace fairlead::features::projects {

const json::Type& type_of(json::Tag<ConnectivityPolicy>) {
  static const json::Type type =
      json::Type::of<ConnectivityPolicy>("ConnectivityPolicy")
          .field("SkipMachineBehavior", &ConnectivityPolicy::skip_machine_behavior)
          .field("TargetRoles", &ConnectivityPolicy::target_roles)
          .field("AllowDeploymentsToNoTargets", &ConnectivityPolicy::allow_deployments_to_no_targets)
          .field("ExcludeUnhealthyTargets", &ConnectivityPolicy::exclude_unhealthy_targets);
  return type;
}

const json::Type& type_of(json::Tag<VersioningStrategy>) {
  static const json::Type type =
      json::Type::of<VersioningStrategy>("VersioningStrategy")
          .field("Template", &VersioningStrategy::version_template, json::null_when_empty)
          .field("DonorPackage", &VersioningStrategy::donor_package, json::null_when_empty)
          .field("DonorPackageStepId", &VersioningStrategy::donor_package_step_id, json::null_when_empty);
  return type;
}

const json::Type& type_of(json::Tag<Project>) {
  static const json::Type type =
      json::Type::of<Project>("Project")
          .field("Id", &Project::id, json::read_only)
          .field("VariableSetId", &Project::variable_set_id, json::read_only)
          .field("DeploymentProcessId", &Project::deployment_process_id, json::read_only)
          .field("DeploymentSettingsId", &Project::deployment_settings_id, json::read_only)
          .field("ClonedFromProjectId", &Project::cloned_from_project_id,
                 json::null_when_empty | json::create_only | json::indexed)
          .field("DiscreteChannelRelease", &Project::discrete_channel_release)
          .field("IncludedLibraryVariableSetIds", &Project::included_library_variable_set_ids, json::refers)
          .field("DefaultToSkipIfAlreadyInstalled", &Project::default_to_skip_if_already_installed)
          .field("TenantedDeploymentMode", &Project::tenanted_deployment_mode)
          .field("DefaultGuidedFailureMode", &Project::default_guided_failure_mode)
          .field("VersioningStrategy", &Project::versioning_strategy)
          .field("ReleaseCreationStrategy", &Project::release_creation_strategy, json::null_when_empty)
          .field("Templates", &Project::templates)
          .field("AutoDeployReleaseOverrides", &Project::auto_deploy_release_overrides)
          .field("ReleaseNotesTemplate", &Project::release_notes_template, json::null_when_empty)
          .field("DeploymentChangesTemplate", &Project::deployment_changes_template, json::null_when_empty)
          .field("ForcePackageDownload", &Project::force_package_download)
          .field("AllowIgnoreChannelRules", &Project::allow_ignore_channel_rules)
          .field("CombineHealthAndSyncStatusInDashboardLiveStatus", &Project::combine_health_and_sync_status)
          .field("ExtensionSettings", &Project::extension_settings)
          .field("Name", &Project::name, json::required | json::unique_in_space)
          .field("Slug", &Project::slug, json::indexed)
          .field("Description", &Project::description)
          .field("IsDisabled", &Project::is_disabled)
          .field("ProjectGroupId", &Project::project_group_id, json::required | json::indexed | json::refers)
          .field("LifecycleId", &Project::lifecycle_id, json::required | json::indexed | json::refers)
          .field("AutoCreateRelease", &Project::auto_create_release)
          .field("IsVersionControlled", &Project::is_version_controlled, json::read_only)
          .field("PersistenceSettings", &Project::persistence_settings)
          .field("ProjectConnectivityPolicy", &Project::connectivity_policy)
          .field("ProjectTags", &Project::tags)
          .field("DeprovisioningRunbookId", &Project::deprovisioning_runbook_id, json::null_when_empty)
          .field("ProvisioningRunbookId", &Project::provisioning_runbook_id, json::null_when_empty)
          .field("SpaceId", &Project::space_id, json::indexed | json::read_only)
          .extra(&Project::extra);
  return type;
}

std::optional<Donor> donor_of(const Project& project) {
  if (!project.versioning_strategy || project.versioning_strategy->donor_package.text.empty()) return std::nullopt;
  const json::Value package =
      json::parse(project.versioning_strategy->donor_package.text, "VersioningStrategy.DonorPackage");
  std::string action = json::string_or(package, "DeploymentAction");
  if (action.empty()) return std::nullopt;
  return Donor{std::move(action), json::string_or(package, "PackageReference")};
}

const json::Type& type_of(json::Tag<DeploymentSettings>) {
  static const json::Type type =
      json::Type::of<DeploymentSettings>("DeploymentSettings")
          .field("Id", &DeploymentSettings::id, json::read_only)
          .field("SpaceId", &DeploymentSettings::space_id, json::read_only)
          .field("ProjectId", &DeploymentSettings::project_id, json::read_only)
          .field("ConnectivityPolicy", &DeploymentSettings::connectivity_policy)
          .field("DefaultGuidedFailureMode", &DeploymentSettings::default_guided_failure_mode)
          .field("VersioningStrategy", &DeploymentSettings::versioning_strategy)
          .field("ReleaseNotesTemplate", &DeploymentSettings::release_notes_template, json::null_when_empty)
          .field("DefaultToSkipIfAlreadyInstalled", &DeploymentSettings::default_to_skip_if_already_installed)
          .field("DeploymentChangesTemplate", &DeploymentSettings::deployment_changes_template, json::null_when_empty)
          .field("ForcePackageDownload", &DeploymentSettings::force_package_download);
  return type;
}

}  // namespace fairlead::features::projects
