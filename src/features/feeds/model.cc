// SPDX-License-Identifier: Apache-2.0
#include "features/feeds/model.h"

namespace fairlead::features::feeds {

const json::Type& type_of(json::Tag<Feed>) {
  static const json::Type type =
      json::Type::of<Feed>("Feed")
          .field("Id", &Feed::id, json::read_only)
          .field("Name", &Feed::name, json::required | json::indexed)
          .field("FeedType", &Feed::feed_type, json::create_only | json::indexed)
          .field("Slug", &Feed::slug, json::indexed)
          .field("PackageAcquisitionLocationOptions", &Feed::package_acquisition_location_options, json::read_only)
          .field("DeleteUnreleasedPackagesAfterDays", &Feed::delete_unreleased_packages_after_days)
          .field("IsBuiltInRepoSyncEnabled", &Feed::is_built_in_repo_sync_enabled)
          .field("SpaceId", &Feed::space_id, json::indexed | json::read_only);
  return type;
}

}  // namespace fairlead::features::feeds
