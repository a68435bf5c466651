// SPDX-License-Identifier: Apache-2.0
#include "features/deployments/model.h"

namespace fairlead::features::deployments {

const json::Type& type_of(json::Tag<Deployment>) {
  using D = Deployment;
  static const json::Type type =
      json::Type::of<D>("Deployment")
          .field("Id", &D::id, json::read_only)
          .field("ReleaseId", &D::release_id, json::required | json::column)
          .field("EnvironmentId", &D::environment_id, json::required | json::indexed)
          .field("TenantId", &D::tenant_id, json::null_when_empty | json::column)
          .field("ChannelId", &D::channel_id, json::read_only | json::indexed)
          .field("ForcePackageDownload", &D::force_package_download)
          .field("ForcePackageRedeployment", &D::force_package_redeployment)
          .field("SkipActions", &D::skip_actions)
          .field("SpecificMachineIds", &D::specific_machine_ids)
          .field("ExcludedMachineIds", &D::excluded_machine_ids)
          .field("DeploymentProcessId", &D::process_snapshot_id, json::read_only)
          .field("ManifestVariableSetId", &D::manifest_variable_set_id, json::read_only)
          .field("TaskId", &D::task_id, json::read_only | json::indexed)
          .field("ProjectId", &D::project_id, json::read_only | json::column)
          .field("UseGuidedFailure", &D::use_guided_failure)
          .field("Comments", &D::comments, json::null_when_empty)
          .field("FormValues", &D::form_values)
          .field("SecretFormValues", &D::secret_form_values, json::stored_only | json::omit_when_empty)
          .field("QueueTime", &D::queue_time, json::null_when_empty)
          .field("QueueTimeExpiry", &D::queue_time_expiry, json::null_when_empty)
          .field("Name", &D::name, json::read_only | json::column)
          .field("Created", &D::created, json::read_only | json::indexed)
          .field("SpaceId", &D::space_id, json::column | json::read_only)
          .field("DeployedBy", &D::deployed_by, json::read_only)
          .field("DeployedById", &D::deployed_by_id, json::read_only)
          .field("FailureEncountered", &D::failure_encountered, json::read_only)
          .field("DeployedToMachineIds", &D::deployed_to_machine_ids, json::read_only)
          .field("State", &D::state, json::stored_only | json::column)
          .field("Automatic", &D::automatic, json::stored_only)
          .field("Completed", &D::completed, json::stored_only);
  return type;
}

const json::Type& type_of(json::Tag<Promotion>) {
  static const json::Type type = json::Type::of<Promotion>("Promotion")
                                     .field("Id", &Promotion::id)
                                     .field("Key", &Promotion::key, json::unique_in_space)
                                     .field("Created", &Promotion::created);
  return type;
}

const json::Type& type_of(json::Tag<AppliedManifest>) {
  static const json::Type type = json::Type::of<AppliedManifest>("AppliedManifest")
                                     .field("Id", &AppliedManifest::id)
                                     .field("DeploymentId", &AppliedManifest::deployment_id, json::indexed)
                                     .field("ProjectId", &AppliedManifest::project_id, json::indexed)
                                     .field("EnvironmentId", &AppliedManifest::environment_id)
                                     .field("Action", &AppliedManifest::action)
                                     .field("TargetId", &AppliedManifest::target_id, json::indexed)
                                     .field("Sealed", &AppliedManifest::sealed, json::omit_when_empty)
                                     .field("SealedName", &AppliedManifest::sealed_name, json::omit_when_empty)
                                     .field("Created", &AppliedManifest::created);
  return type;
}

}  // namespace fairlead::features::deployments
