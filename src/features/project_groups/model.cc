// SPDX-License-Identifier: Apache-2.0
#include "features/project_groups/model.h"

namespace fairlead::features::project_groups {

const json::Type& type_of(json::Tag<ProjectGroup>) {
  static const json::Type type =
      json::Type::of<ProjectGroup>("ProjectGroup")
          .field("Id", &ProjectGroup::id, json::read_only)
          .field("Name", &ProjectGroup::name, json::required | json::unique_in_space)
          .field("Description", &ProjectGroup::description)
          .field("EnvironmentIds", &ProjectGroup::environment_ids, json::refers)
          .field("RetentionPolicyId", &ProjectGroup::retention_policy_id, json::null_when_empty)
          .field("SpaceId", &ProjectGroup::space_id, json::indexed | json::read_only)
          .field("Slug", &ProjectGroup::slug, json::indexed)
          .extra(&ProjectGroup::extra);
  return type;
}

}  // namespace fairlead::features::project_groups
