// SPDX-License-Identifier: Apache-2.0
#include "features/environments/model.h"

namespace fairlead::features::environments {

const json::Type& type_of(json::Tag<Environment>) {
  static const json::Type type = json::Type::of<Environment>("Environment")
                                     .field("Id", &Environment::id, json::read_only)
                                     .field("Name", &Environment::name, json::required | json::unique_in_space)
                                     .field("Description", &Environment::description)
                                     .field("SortOrder", &Environment::sort_order, json::indexed)
                                     .field("UseGuidedFailure", &Environment::use_guided_failure)
                                     .field("AllowDynamicInfrastructure", &Environment::allow_dynamic_infrastructure)
                                     .field("SpaceId", &Environment::space_id, json::indexed | json::read_only)
                                     .field("Slug", &Environment::slug, json::indexed)
                                     .field("ExtensionSettings", &Environment::extension_settings)
                                     .field("EnvironmentTags", &Environment::tags)
                                     .extra(&Environment::extra);
  return type;
}

}  // namespace fairlead::features::environments
