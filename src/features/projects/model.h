// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "json/type.h"

namespace fairlead::features::projects {

// Deployment targets that may be missing, skipped or unhealthy.
struct ConnectivityPolicy {
  std::string skip_machine_behavior = "None";  // or SkipUnavailableMachines
  std::vector<std::string> target_roles;
  bool allow_deployments_to_no_targets = false;
  bool exclude_unhealthy_targets = false;
};
const json::Type& type_of(json::Tag<ConnectivityPolicy>);

struct VersioningStrategy {
  std::string version_template =
      "#{Octopus.Version.LastMajor}.#{Octopus.Version.LastMinor}.#{Octopus.Version.NextPatch}";
  json::Raw donor_package;
  std::string donor_package_step_id;
};
const json::Type& type_of(json::Tag<VersioningStrategy>);

struct Project {
  Id<Project> id;
  std::string space_id, name, slug, description;
  bool is_disabled = false;
  std::string project_group_id, lifecycle_id;
  std::string variable_set_id, deployment_process_id, deployment_settings_id, cloned_from_project_id;
  std::vector<std::string> included_library_variable_set_ids, tags;
  bool is_version_controlled = false;
  json::Raw persistence_settings;
  bool auto_create_release = false, discrete_channel_release = false, default_to_skip_if_already_installed = false;
  bool force_package_download = false, allow_ignore_channel_rules = false, combine_health_and_sync_status = false;
  std::string tenanted_deployment_mode = "Untenanted";
  std::string default_guided_failure_mode = "EnvironmentDefault";
  std::optional<VersioningStrategy> versioning_strategy;
  json::Raw release_creation_strategy;
  std::vector<json::Raw> templates, auto_deploy_release_overrides, extension_settings;
  std::optional<ConnectivityPolicy> connectivity_policy;
  std::string release_notes_template, deployment_changes_template;
  std::string deprovisioning_runbook_id, provisioning_runbook_id;
  json::Extra extra;
};
const json::Type& type_of(json::Tag<Project>);

// The package whose version numbers the releases of a project; its reference name is "" for the action's first package.
struct Donor {
  std::string action, package_reference;
};
std::optional<Donor> donor_of(const Project& project);

// The same settings as the deploymentsettings document of the API shows them.
struct DeploymentSettings {
  std::string id, space_id, project_id;
  std::optional<ConnectivityPolicy> connectivity_policy;
  std::string default_guided_failure_mode = "EnvironmentDefault";
  std::optional<VersioningStrategy> versioning_strategy;
  std::string release_notes_template, deployment_changes_template;
  bool default_to_skip_if_already_installed = false, force_package_download = false;
};
const json::Type& type_of(json::Tag<DeploymentSettings>);

}  // namespace fairlead::features::projects
