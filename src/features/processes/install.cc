// SPDX-License-Identifier: Apache-2.0
#include "features/processes/install.h"

#include "api/resource.h"
#include "api/versioned.h"
#include "features/processes/model.h"
#include "features/processes/rules.h"
#include "features/projects/model.h"

namespace fairlead::features::processes {

namespace {

api::Links links_of(const DeploymentProcess& process) {
  const std::string space = "/api/" + process.space_id;
  const std::string project = space + "/projects/" + process.project_id;
  return api::Links()
      .add("Self", space + "/deploymentprocesses/" + process.id.str())
      .add("Project", project)
      .add("Template", project + "/deploymentprocesses/template{?channel,releaseId}")
      .add("Validation", project + "/deploymentprocesses/validate");
}

std::string encode_process(const DeploymentProcess& process) {
  return api::with_links(json::encode(process), links_of(process));
}

std::string encode_snapshot(const ProcessSnapshot& snapshot) {
  // On the wire a snapshot is a process whose Version is the one that was frozen.
  DeploymentProcess process;
  process.id = Id<DeploymentProcess>(snapshot.id.str());
  process.space_id = snapshot.space_id;
  process.project_id = snapshot.project_id;
  process.version = snapshot.version_taken;
  process.steps = snapshot.steps;
  return encode_process(process);
}

std::string process_of_project(Services& services, const store::Tx& tx, const api::Context& context) {
  return api::get_in_space<projects::Project>(services.api.documents, tx, context.space_id(),
                                              context.parameter("projectId"))
      .deployment_process_id;
}

net::Response show(Services& services, const api::Context& context, const store::Tx& tx, const std::string& id) {
  std::optional<DeploymentProcess> process = services.api.documents.find<DeploymentProcess>(tx, id);
  if (process && process->space_id == context.space_id()) return api::json_response(encode_process(*process));
  const std::optional<ProcessSnapshot> snapshot = services.api.documents.find<ProcessSnapshot>(tx, id);
  if (snapshot && snapshot->space_id == context.space_id()) return api::json_response(encode_snapshot(*snapshot));
  throw not_found(text::format("The resource '{}' was not found.", id));
}

net::Response replace(Services& services, const api::Context& context, store::Tx& tx, const std::string& id,
                      DeploymentProcess incoming) {
  api::replace_versioned<DeploymentProcess>(
      services.api, context, tx, {"process", "Deployment process of"}, id, incoming, &DeploymentProcess::project_id,
      [](DeploymentProcess& process, const DeploymentProcess& stored) { complete_steps(process.steps, stored.steps); });
  return api::json_response(encode_process(incoming));
}

void add_rows(Services& services) {
  api::Router& router = services.api.router;
  router.add({"GET", api::Scope::space, "/deploymentprocesses", "ProcessView", "Lists deployment processes.",
              [&services](api::Context& context) {
                const api::Page page = api::page_of(context);
                return services.api.store.read([&](const store::Tx& tx) {
                  store::Query query;
                  query.in_space(context.space_id()).page(page.skip, page.take);
                  if (auto ids = context.query_list("ids"); !ids.empty()) query.ids = std::move(ids);
                  const auto found = services.api.documents.list<DeploymentProcess>(tx, query);
                  std::vector<std::string> items;
                  for (const DeploymentProcess& process : found.items) items.push_back(encode_process(process));
                  return api::json_response(api::paged(context, "DeploymentProcess", items, found.total, page));
                });
              }});
  router.add({"GET", api::Scope::space, "/deploymentprocesses/{id}", "ProcessView", "A process or the snapshot of one.",
              [&services](api::Context& context) {
                return services.api.store.read(
                    [&](const store::Tx& tx) { return show(services, context, tx, context.parameter("id")); });
              }});
  router.add({"PUT", api::Scope::space, "/deploymentprocesses/{id}", "ProcessEdit", "Replaces a process.",
              [&services](api::Context& context) {
                const DeploymentProcess incoming = context.body<DeploymentProcess>();
                return services.api.store.write(
                    [&](store::Tx& tx) { return replace(services, context, tx, context.parameter("id"), incoming); });
              }});
  router.add({"GET", api::Scope::space, "/projects/{projectId}/deploymentprocesses", "ProcessView",
              "The process of a project.", [&services](api::Context& context) {
                return services.api.store.read([&](const store::Tx& tx) {
                  return show(services, context, tx, process_of_project(services, tx, context));
                });
              }});
  router.add({"PUT", api::Scope::space, "/projects/{projectId}/deploymentprocesses", "ProcessEdit",
              "Replaces the process of a project.", [&services](api::Context& context) {
                const DeploymentProcess incoming = context.body<DeploymentProcess>();
                return services.api.store.write([&](store::Tx& tx) {
                  return replace(services, context, tx, process_of_project(services, tx, context), incoming);
                });
              }});
  router.add({"GET", api::Scope::space, "/projects/{projectId}/summary", "ProcessView", "What a project has.",
              [&services](api::Context& context) {
                return services.api.store.read([&](const store::Tx& tx) {
                  const auto process =
                      services.api.documents.find<DeploymentProcess>(tx, process_of_project(services, tx, context));
                  const bool has_process = process && !process->steps.empty();
                  return api::json_response(text::format("{{\"HasDeploymentProcess\":{},\"HasRunbooks\":false}}",
                                                         has_process ? "true" : "false"));
                });
              }});
}

}  // namespace

void install(Services& services) {
  services.api.documents.add<DeploymentProcess>({.table = "deployment_process",
                                                 .id_prefix = "deploymentprocess",
                                                 .noun = "deployment process",
                                                 .sort = "Id",
                                                 .history = true});
  services.api.documents.add<ProcessSnapshot>({.table = "process_snapshot",
                                               .id_prefix = "deploymentprocess-snapshot",
                                               .noun = "process snapshot",
                                               .sort = "Id",
                                               .history = true});
  add_rows(services);
  services.project_created.emplace_back(
      [&services](store::Tx& tx, const std::string& space, const std::string& project) {
        DeploymentProcess process;
        process.id = Id<DeploymentProcess>("deploymentprocess-" + project);
        process.space_id = space;
        process.project_id = project;
        services.api.documents.insert(tx, process);
      });
  services.project_removing.emplace_back([&services](store::Tx& tx, const std::string& project) {
    store::Documents& documents = services.api.documents;
    documents.remove(tx, Id<DeploymentProcess>("deploymentprocess-" + project));
    const store::Query of_project = store::Query().where("ProjectId", project);
    for (const ProcessSnapshot& snapshot : documents.all<ProcessSnapshot>(tx, of_project))
      documents.remove(tx, snapshot.id);
  });
}

}  // namespace fairlead::features::processes
