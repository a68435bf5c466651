// SPDX-License-Identifier: Apache-2.0
#include "features/feeds/install.h"

#include "api/resource.h"
#include "features/feeds/model.h"
#include "features/spaces/model.h"

namespace fairlead::features::feeds {

void install(Services& services) {
  services.api.documents.add<Feed>({.table = "feed", .id_prefix = "Feeds", .noun = "feed", .first_number = 1001});
  api::Resource<Feed> resource{
      .path = "/feeds", .item_type = "Feed", .permission = "Feed", .filters = {{"feedType", "FeedType"}}};
  resource.check = [](api::Context&, store::Tx&, Feed& incoming, const Feed* stored) {
    if (stored == nullptr) {
      throw Error(Fault::unsupported,
                  text::format("Feeds of type '{}' are not supported yet; only the built-in feed exists.",
                               text::shorten(incoming.feed_type, 60)));
    }
  };
  resource.removing = [](api::Context&, store::Tx&, const Feed& feed) {
    if (feed.feed_type == kBuiltInType) throw invalid("The built-in feed cannot be deleted.");
  };
  resource.links = [](const Feed& feed) {
    const std::string self = "/api/" + feed.space_id + "/feeds/" + feed.id.str();
    return api::Links()
        .add("Self", self)
        .add("SearchPackagesTemplate", self + "/packages/search{?term,skip,take}")
        .add("SearchPackageVersionsTemplate",
             self +
                 "/packages/versions{?packageId,take,skip,includePreRelease,versionRange,"
                 "preReleaseTag,filter,includeReleaseNotes,versioningStrategy,versionTagRegex}");
  };
  api::add_resource(services.api, std::move(resource));
  services.space_created.emplace_back([&services](store::Tx& tx, const std::string& space) {
    Feed feed;
    feed.id = Id<Feed>(space == spaces::kDefaultSpace ? "feeds-builtin" : "feeds-builtin-" + space);
    feed.space_id = space;
    feed.name = "Octopus Server (built-in)";
    feed.slug = "octopus-server-built-in";
    feed.feed_type = kBuiltInType;
    feed.package_acquisition_location_options = {"Server", "ExecutionTarget"};
    services.api.documents.insert(tx, feed);
  });
}

}  // namespace fairlead::features::feeds
