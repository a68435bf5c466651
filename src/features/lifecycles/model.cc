// SPDX-License-Identifier: Apache-2.0
#include "features/lifecycles/model.h"

namespace fairlead::features::lifecycles {

const json::Type& type_of(json::Tag<RetentionPeriod>) {
  static const json::Type type = json::Type::of<RetentionPeriod>("RetentionPeriod")
                                     .field("Strategy", &RetentionPeriod::strategy)
                                     .field("Unit", &RetentionPeriod::unit)
                                     .field("QuantityToKeep", &RetentionPeriod::quantity_to_keep)
                                     .field("ShouldKeepForever", &RetentionPeriod::should_keep_forever);
  return type;
}

const json::Type& type_of(json::Tag<Phase>) {
  static const json::Type type =
      json::Type::of<Phase>("Phase")
          .field("Id", &Phase::id)
          .field("Name", &Phase::name)
          .field("AutomaticDeploymentTargets", &Phase::automatic_deployment_targets, json::refers)
          .field("OptionalDeploymentTargets", &Phase::optional_deployment_targets, json::refers)
          .field("MinimumEnvironmentsBeforePromotion", &Phase::minimum_environments_before_promotion)
          .field("IsOptionalPhase", &Phase::is_optional)
          .field("IsPriorityPhase", &Phase::is_priority)
          .field("ReleaseRetentionPolicy", &Phase::release_retention_policy)
          .field("TentacleRetentionPolicy", &Phase::tentacle_retention_policy)
          .extra(&Phase::extra);
  return type;
}

const json::Type& type_of(json::Tag<Lifecycle>) {
  static const json::Type type = json::Type::of<Lifecycle>("Lifecycle")
                                     .field("Id", &Lifecycle::id, json::read_only)
                                     .field("Name", &Lifecycle::name, json::required | json::unique_in_space)
                                     .field("Description", &Lifecycle::description)
                                     .field("Phases", &Lifecycle::phases)
                                     .field("ReleaseRetentionPolicy", &Lifecycle::release_retention_policy)
                                     .field("TentacleRetentionPolicy", &Lifecycle::tentacle_retention_policy)
                                     .field("SpaceId", &Lifecycle::space_id, json::indexed | json::read_only)
                                     .field("Slug", &Lifecycle::slug, json::indexed)
                                     .extra(&Lifecycle::extra);
  return type;
}

}  // namespace fairlead::features::lifecycles
