// SPDX-License-Identifier: Apache-2.0
#include "features/spaces/install.h"

#include <algorithm>

#include "api/resource.h"
#include "domain/name_rules.h"
#include "features/spaces/model.h"

namespace fairlead::features::spaces {

namespace {

std::string managers_team_of(const Space& space) { return "teams-spacemanagers-" + space.id.str(); }

void check(const store::Documents& documents, store::Tx& tx, Space& incoming, const Space* stored) {
  domain::require_name(incoming.name, "Name", {domain::kMaxSpaceNameCharacters});
  if (stored == nullptr && incoming.manager_teams.empty() && incoming.manager_members.empty()) {
    throw invalid_at("SpaceManagersTeams", "a space needs at least one team or user that manages it");
  }
  if (incoming.slug.empty() && stored == nullptr)
    incoming.slug = api::free_slug<Space>(documents, tx, {}, incoming.name);
}

api::Resource<Space> resource_of(Services& services) {
  api::Resource<Space> resource{
      .path = "/spaces", .item_type = "Space", .permission = "Space", .scope = api::Scope::system};
  resource.check = [&services](api::Context&, store::Tx& tx, Space& incoming, const Space* stored) {
    check(services.api.documents, tx, incoming, stored);
  };
  resource.written = [&services](api::Context&, store::Tx& tx, Space& space, bool created) {
    const std::string team = managers_team_of(space);
    if (std::find(space.manager_teams.begin(), space.manager_teams.end(), team) == space.manager_teams.end()) {
      space.manager_teams.push_back(team);
      services.api.documents.update(tx, space);
    }
    if (!created) return;
    for (const auto& hook : services.space_created) hook(tx, space.id.str());
  };
  resource.removing = [](api::Context&, store::Tx&, const Space& space) {
    if (space.is_default) throw invalid("The default space cannot be deleted.");
    if (!space.task_queue_stopped) {
      throw invalid(
          "The task queue of the space must be stopped before the space can be deleted: set TaskQueueStopped to true.");
    }
  };
  resource.links = [](const Space& space) {
    const std::string self = "/api/spaces/" + space.id.str();
    return api::Links()
        .add("Self", self)
        .add("SpaceHome", "/api/" + space.id.str())
        .add("Web", "/app#/" + space.id.str())
        .add("Logo", self + "/logo")
        .add("Search", "/api/spaces/" + space.id.str() + "/search{?keyword}");
  };
  return resource;
}

void seed(Services& services) {
  services.api.store.write([&](store::Tx& tx) {
    if (services.api.documents.count<Space>(tx) > 0) return;
    Space space;
    space.name = "Default";
    space.slug = "default";
    space.is_default = true;
    services.api.documents.insert(tx, space);
    space.manager_teams = {managers_team_of(space)};
    services.api.documents.update(tx, space);
    for (const auto& hook : services.space_created) hook(tx, space.id.str());
  });
}

}  // namespace

void install(Services& services) {
  services.api.documents.add<Space>({.table = "space", .id_prefix = "Spaces", .noun = "space", .space_scoped = false});
  api::add_resource(services.api, resource_of(services));
  services.starting.emplace_back([&services] { seed(services); });
}

}  // namespace fairlead::features::spaces
