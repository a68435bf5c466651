// SPDX-License-Identifier: Apache-2.0
#include "features/projects/install.h"

#include "api/resource.h"
#include "domain/name_rules.h"
#include "features/lifecycles/model.h"
#include "features/project_groups/model.h"
#include "features/projects/deployment_settings.h"
#include "features/projects/model.h"

namespace fairlead::features::projects {

namespace {

void require_one_of(std::string_view field, const std::string& value, const std::vector<std::string>& allowed) {
  for (const std::string& one : allowed) {
    if (one == value) return;
  }
  throw invalid_at(std::string(field), text::format("must be one of {}, but is \"{}\"", text::join(allowed, ", "),
                                                    text::shorten(value, 60)));
}

void check(Services& services, api::Context& context, store::Tx& tx, Project& incoming, const Project* stored) {
  domain::require_name(incoming.name, "Name");
  const store::Documents& documents = services.api.documents;
  incoming.lifecycle_id =
      api::get_in_space<lifecycles::Lifecycle>(documents, tx, context.space_id(), incoming.lifecycle_id).id.str();
  incoming.project_group_id =
      api::get_in_space<project_groups::ProjectGroup>(documents, tx, context.space_id(), incoming.project_group_id)
          .id.str();
  if (incoming.persistence_settings.text.empty()) incoming.persistence_settings.text = R"({"Type":"Database"})";
  if (!incoming.versioning_strategy) incoming.versioning_strategy = VersioningStrategy();
  if (!incoming.connectivity_policy) incoming.connectivity_policy = ConnectivityPolicy();
  if (incoming.connectivity_policy->skip_machine_behavior.empty())
    incoming.connectivity_policy->skip_machine_behavior = "None";
  if (incoming.tenanted_deployment_mode.empty()) incoming.tenanted_deployment_mode = "Untenanted";
  if (incoming.default_guided_failure_mode.empty()) incoming.default_guided_failure_mode = "EnvironmentDefault";
  require_one_of("TenantedDeploymentMode", incoming.tenanted_deployment_mode,
                 {"Untenanted", "TenantedOrUntenanted", "Tenanted"});
  require_one_of("DefaultGuidedFailureMode", incoming.default_guided_failure_mode, {"EnvironmentDefault", "Off", "On"});
  require_one_of("ProjectConnectivityPolicy.SkipMachineBehavior", incoming.connectivity_policy->skip_machine_behavior,
                 {"None", "SkipUnavailableMachines"});
  if (stored == nullptr && context.query("clone") && !context.query("clone")->empty()) {
    throw Error(Fault::unsupported, "Cloning a project is not supported yet; create the project without ?clone=.");
  }
}

// Ids that follow from the project's own, so that they are known before the documents exist.
void name_parts(store::Documents& documents, store::Tx& tx, Project& project) {
  project.variable_set_id = "variableset-" + project.id.str();
  project.deployment_process_id = "deploymentprocess-" + project.id.str();
  project.deployment_settings_id = "deploymentsettings-" + project.id.str();
  documents.update(tx, project);
}

api::Links links_of(const Project& project) {
  const std::string space = "/api/" + project.space_id;
  const std::string self = space + "/projects/" + project.id.str();
  return api::Links()
      .add("Self", self)
      .add("Releases", self + "/releases{/version}{?skip,take,searchByVersion}")
      .add("Channels", self + "/channels{?skip,take,partialName}")
      .add("Triggers", self + "/triggers{?skip,take,partialName,triggerActionType}")
      .add("ScheduledTriggers", self + "/scheduledtriggers")
      .add("OrderChannels", self + "/channels/order")
      .add("Variables", space + "/variables/" + project.variable_set_id)
      .add("Progression", self + "/progression{?aggregate}")
      .add("RunbookTaskRunDashboardItemsTemplate", self + "/runbookRuns/dashboardItems{?skip,take}")
      .add("DeploymentProcess", self + "/deploymentprocesses")
      .add("DeploymentSettings", self + "/deploymentsettings")
      .add("Web", "/app#/" + project.space_id + "/projects/" + project.id.str())
      .add("Logo", self + "/logo?cb=1")
      .add("Metadata", self + "/metadata")
      .add("Runbooks", self + "/runbooks{?skip,take,partialName}")
      .add("RunbookSnapshots", self + "/runbookSnapshots{/name}{?skip,take,searchByName}")
      .add("Summary", self + "/summary")
      .add("ConvertToVcs", self + "/git/convert")
      .add("Branches", self + "/git/branches{/name}{?skip,take,searchByName,refresh}")
      .add("Tags", self + "/git/tags{/name}{?skip,take,searchByName,refresh}")
      .add("Commits", self + "/git/commits{/hash}{?skip,take,refresh}");
}

api::Resource<Project> resource_of(Services& services) {
  api::Resource<Project> resource{.path = "/projects",
                                  .item_type = "Project",
                                  .permission = "Project",
                                  .filters = {{"clonedFromProjectId", "ClonedFromProjectId"}}};
  resource.check = [&services](api::Context& context, store::Tx& tx, Project& incoming, const Project* stored) {
    check(services, context, tx, incoming, stored);
  };
  resource.written = [&services](api::Context& context, store::Tx& tx, Project& project, bool created) {
    if (!created) return;
    name_parts(services.api.documents, tx, project);
    for (const auto& hook : services.project_created) hook(tx, context.space_id(), project.id.str());
  };
  resource.removing = [&services](api::Context&, store::Tx& tx, const Project& project) {
    for (const auto& hook : services.project_removing) hook(tx, project.id.str());
  };
  resource.narrow = [](const api::Context& context, store::Query& query) {
    // "clone" asks whether a project was made from another one.
    const std::string clone = context.query("clone").value_or("");
    if (clone.empty()) return;
    if (context.query_flag("clone")) {
      query.where_none("ClonedFromProjectId", {""});
    } else {
      query.where("ClonedFromProjectId", "");
    }
  };
  resource.links = links_of;
  return resource;
}

// Projects that have a given lifecycle or project group: a raw array for the one, a page for the other.
void add_usage_rows(Services& services, const std::shared_ptr<const api::Resource<Project>>& resource) {
  services.api.router.add(
      {"GET", api::Scope::space, "/lifecycles/{id}/projects", "ProjectView",
       "The projects of a lifecycle as a plain array.", [&services, resource](api::Context& context) {
         return services.api.store.read([&](const store::Tx& tx) {
           const auto lifecycle = api::get_in_space<lifecycles::Lifecycle>(services.api.documents, tx,
                                                                           context.space_id(), context.parameter("id"));
           return api::list_array(services.api, *resource, tx, store::Query().where("LifecycleId", lifecycle.id.str()));
         });
       }});
  services.api.router.add({"GET", api::Scope::space, "/projectgroups/{id}/projects", "ProjectView",
                           "The projects of a project group.", [&services, resource](api::Context& context) {
                             return services.api.store.read([&](const store::Tx& tx) {
                               const auto group = api::get_in_space<project_groups::ProjectGroup>(
                                   services.api.documents, tx, context.space_id(), context.parameter("id"));
                               store::Query query = api::list_query(*resource, context);
                               return api::list_page(services.api, *resource, context, tx,
                                                     query.where("ProjectGroupId", group.id.str()));
                             });
                           }});
}

}  // namespace

void install(Services& services) {
  services.api.documents.add<Project>({.table = "project", .id_prefix = "Projects", .noun = "project"});
  const auto resource = api::add_resource(services.api, resource_of(services));
  add_usage_rows(services, resource);
  add_deployment_settings_rows(services);
}

}  // namespace fairlead::features::projects
