// SPDX-License-Identifier: Apache-2.0
#include "features/processes/model.h"

namespace fairlead::features::processes {

const json::Type& type_of(json::Tag<Container>) {
  static const json::Type type = json::Type::of<Container>("DeploymentActionContainer")
                                     .field("Image", &Container::image, json::null_when_empty)
                                     .field("FeedId", &Container::feed_id, json::null_when_empty)
                                     .field("GitUrl", &Container::git_url, json::null_when_empty)
                                     .field("Dockerfile", &Container::dockerfile, json::null_when_empty);
  return type;
}

const json::Type& type_of(json::Tag<PackageReference>) {
  static const json::Type type =
      json::Type::of<PackageReference>("PackageReference")
          .field("Id", &PackageReference::id)
          .field("Name", &PackageReference::name)
          .field("PackageId", &PackageReference::package_id, json::null_when_empty)
          .field("FeedId", &PackageReference::feed_id, json::null_when_empty)
          .field("AcquisitionLocation", &PackageReference::acquisition_location, json::null_when_empty)
          .field("Version", &PackageReference::version, json::omit_when_empty)
          .field("StepPackageInputsReferenceId", &PackageReference::step_package_inputs_reference_id,
                 json::null_when_empty)
          .field("Properties", &PackageReference::properties)
          .extra(&PackageReference::extra);
  return type;
}

const json::Type& type_of(json::Tag<Action>) {
  static const json::Type type =
      json::Type::of<Action>("DeploymentAction")
          .field("Id", &Action::id)
          .field("Name", &Action::name)
          .field("Slug", &Action::slug)
          .field("ActionType", &Action::action_type)
          .field("Notes", &Action::notes, json::null_when_empty)
          .field("IsDisabled", &Action::is_disabled)
          .field("CanBeUsedForProjectVersioning", &Action::can_be_used_for_project_versioning)
          .field("IsRequired", &Action::is_required)
          .field("WorkerPoolId", &Action::worker_pool_id, json::null_when_empty)
          .field("WorkerPoolVariable", &Action::worker_pool_variable, json::null_when_empty)
          .field("Container", &Action::container)
          .field("Environments", &Action::environments)
          .field("ExcludedEnvironments", &Action::excluded_environments)
          .field("Channels", &Action::channels)
          .field("TenantTags", &Action::tenant_tags)
          .field("Packages", &Action::packages)
          .field("GitDependencies", &Action::git_dependencies)
          .field("Condition", &Action::condition)
          .field("Properties", &Action::properties)
          .field("StepPackageVersion", &Action::step_package_version, json::omit_when_empty)
          .field("Inputs", &Action::inputs, json::omit_when_empty)
          .extra(&Action::extra);
  return type;
}

const json::Type& type_of(json::Tag<Step>) {
  static const json::Type type = json::Type::of<Step>("DeploymentStep")
                                     .field("Id", &Step::id)
                                     .field("Name", &Step::name)
                                     .field("Slug", &Step::slug)
                                     .field("PackageRequirement", &Step::package_requirement)
                                     .field("Properties", &Step::properties)
                                     .field("Condition", &Step::condition)
                                     .field("StartTrigger", &Step::start_trigger)
                                     .field("Actions", &Step::actions)
                                     .extra(&Step::extra);
  return type;
}

const json::Type& type_of(json::Tag<DeploymentProcess>) {
  static const json::Type type =
      json::Type::of<DeploymentProcess>("DeploymentProcess")
          .field("Id", &DeploymentProcess::id, json::read_only)
          .field("ProjectId", &DeploymentProcess::project_id, json::read_only | json::indexed | json::refers)
          .field("Steps", &DeploymentProcess::steps)
          .field("Version", &DeploymentProcess::version)
          .field("LastSnapshotId", &DeploymentProcess::last_snapshot_id, json::read_only | json::null_when_empty)
          .field("SpaceId", &DeploymentProcess::space_id, json::indexed | json::read_only);
  return type;
}

const json::Type& type_of(json::Tag<ProcessSnapshot>) {
  static const json::Type type = json::Type::of<ProcessSnapshot>("DeploymentProcess")
                                     .field("Id", &ProcessSnapshot::id, json::read_only)
                                     .field("ProjectId", &ProcessSnapshot::project_id, json::read_only | json::indexed)
                                     .field("Steps", &ProcessSnapshot::steps)
                                     .field("VersionTaken", &ProcessSnapshot::version_taken, json::stored_only)
                                     .field("Digest", &ProcessSnapshot::digest, json::stored_only | json::indexed)
                                     .field("SpaceId", &ProcessSnapshot::space_id, json::indexed | json::read_only);
  return type;
}

}  // namespace fairlead::features::processes
