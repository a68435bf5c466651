// SPDX-License-Identifier: Apache-2.0
#include "features/releases/model.h"

namespace fairlead::features::releases {

const json::Type& type_of(json::Tag<SelectedPackage>) {
  static const json::Type type = json::Type::of<SelectedPackage>("SelectedPackage")
                                     .field("ActionName", &SelectedPackage::action_name)
                                     .field("PackageReferenceName", &SelectedPackage::package_reference_name)
                                     .field("StepName", &SelectedPackage::step_name, json::omit_when_empty)
                                     .field("Version", &SelectedPackage::version);
  return type;
}

const json::Type& type_of(json::Tag<Release>) {
  // The number is stored under "Version" and looked up by project, so no uniqueness flag: two spellings of one version
  // are the same release, which a column cannot tell (releases/create.cc can).
  static const json::Type type =
      json::Type::of<Release>("Release")
          .field("Id", &Release::id, json::read_only)
          .field("Assembled", &Release::assembled, json::read_only | json::indexed)
          .field("ReleaseNotes", &Release::release_notes, json::null_when_empty)
          .field("ProjectId", &Release::project_id, json::required | json::indexed | json::refers | json::create_only)
          .field("ChannelId", &Release::channel_id, json::indexed | json::refers)
          .field("ProjectVariableSetSnapshotId", &Release::variable_snapshot_id, json::read_only)
          .field("LibraryVariableSetSnapshotIds", &Release::library_variable_snapshot_ids, json::read_only)
          .field("ProjectDeploymentProcessSnapshotId", &Release::process_snapshot_id, json::read_only)
          .field("SelectedPackages", &Release::selected_packages)
          .field("SelectedGitResources", &Release::selected_git_resources)
          .field("BuildInformation", &Release::build_information, json::read_only)
          .field("CustomFields", &Release::custom_fields)
          .field("IgnoreChannelRules", &Release::ignore_channel_rules)
          .field("Version", &Release::version, json::indexed)
          .field("SpaceId", &Release::space_id, json::indexed | json::read_only);
  return type;
}

const json::Type& type_of(json::Tag<Defect>) {
  static const json::Type type = json::Type::of<Defect>("Defect")
                                     .field("Id", &Defect::id, json::read_only)
                                     .field("ReleaseId", &Defect::release_id, json::read_only | json::indexed)
                                     .field("Description", &Defect::description, json::required)
                                     .field("Status", &Defect::status, json::read_only | json::indexed)
                                     .field("Created", &Defect::created, json::read_only | json::indexed);
  return type;
}

}  // namespace fairlead::features::releases
