// SPDX-License-Identifier: Apache-2.0
#include "features/channels/model.h"

namespace fairlead::features::channels {

const json::Type& type_of(json::Tag<Channel>) {
  static const json::Type type =
      json::Type::of<Channel>("Channel")
          .field("Id", &Channel::id, json::read_only)
          .field("Name", &Channel::name, json::required | json::unique_in_space)
          .field("Description", &Channel::description)
          .field("ProjectId", &Channel::project_id, json::indexed | json::refers | json::create_only)
          .field("LifecycleId", &Channel::lifecycle_id, json::indexed | json::refers | json::null_when_empty)
          .field("IsDefault", &Channel::is_default, json::indexed)
          .field("Rules", &Channel::rules)
          .field("GitReferenceRules", &Channel::git_reference_rules)
          .field("GitResourceRules", &Channel::git_resource_rules)
          .field("TenantTags", &Channel::tenant_tags)
          .field("CustomFieldDefinitions", &Channel::custom_field_definitions)
          .field("Type", &Channel::type)
          .field("SpaceId", &Channel::space_id, json::indexed | json::read_only)
          .field("Slug", &Channel::slug, json::indexed)
          .extra(&Channel::extra);
  return type;
}

}  // namespace fairlead::features::channels
