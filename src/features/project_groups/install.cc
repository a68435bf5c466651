// SPDX-License-Identifier: Apache-2.0
#include "features/project_groups/install.h"

#include "api/resource.h"
#include "domain/name_rules.h"
#include "features/project_groups/model.h"

namespace fairlead::features::project_groups {

namespace {

api::Resource<ProjectGroup> resource_of() {
  api::Resource<ProjectGroup> resource{
      .path = "/projectgroups", .item_type = "ProjectGroup", .permission = "ProjectGroup"};
  resource.check = [](api::Context&, store::Tx&, ProjectGroup& incoming, const ProjectGroup*) {
    domain::require_name(incoming.name, "Name");
  };
  resource.links = [](const ProjectGroup& group) {
    const std::string self = "/api/" + group.space_id + "/projectgroups/" + group.id.str();
    return api::Links().add("Self", self).add("Projects", self + "/projects{?skip,take,partialName}");
  };
  return resource;
}

}  // namespace

void install(Services& services) {
  services.api.documents.add<ProjectGroup>(
      {.table = "project_group", .id_prefix = "ProjectGroups", .noun = "project group"});
  api::add_resource(services.api, resource_of());
  services.space_created.emplace_back([&services](store::Tx& tx, const std::string& space) {
    ProjectGroup group;
    group.space_id = space;
    group.name = "Default Project Group";
    group.slug = api::free_slug<ProjectGroup>(services.api.documents, tx, space, group.name);
    services.api.documents.insert(tx, group);
  });
}

}  // namespace fairlead::features::project_groups
