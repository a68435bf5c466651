// SPDX-License-Identifier: Apache-2.0
#include "features/deployments/install.h"

#include "api/resource.h"
#include "domain/version.h"
#include "features/deployments/model.h"
#include "features/deployments/requests.h"
#include "features/deployments/rules.h"
#include "features/deployments/run.h"
#include "features/environments/model.h"
#include "features/projects/model.h"
#include "features/releases/model.h"
#include "features/releases/rules.h"
#include "features/targets/model.h"

namespace fairlead::features::deployments {

namespace {

std::string encode_deployment(const Deployment& deployment) {
  std::string body = json::encode(deployment);
  body.pop_back();
  body += ",\"Changes\":[],\"ChangesMarkdown\":\"\"}";
  const std::string space = "/api/" + deployment.space_id;
  return api::with_links(std::move(body), api::Links()
                                              .add("Self", space + "/deployments/" + deployment.id.str())
                                              .add("Environment", space + "/environments/" + deployment.environment_id)
                                              .add("Release", space + "/releases/" + deployment.release_id)
                                              .add("Project", space + "/projects/" + deployment.project_id)
                                              .add("Task", "/api/tasks/" + deployment.task_id)
                                              .add("TaskLogs", "/api/tasks/" + deployment.task_id + "/details")
                                              .add("Web", "/app#/" + deployment.space_id + "/deployments/" + deployment.id.str()));
}

Time time_of(const std::string& text, std::string_view field) {
  if (text.empty()) return Time{};
  const auto time = parse_iso8601(text);
  if (!time) throw invalid_at(std::string(field), text::format("must be a time such as 2026-01-02T03:04:05Z, but is \"{}\"", text));
  return *time;
}

std::vector<std::string> machine_ids(Services& services, const store::Tx& tx, const std::string& space,
                                     const std::vector<std::string>& names) {
  std::vector<std::string> ids;
  for (const std::string& name : names) {
    ids.push_back(api::get_by_any_name<targets::Machine>(services.api.documents, tx, space, name, "deployment target").id.str());
  }
  return ids;
}

void refuse_unsupported(const UntenantedCommand& body) {
  if (!body.freeze_names.empty()) {
    throw Error(Fault::unsupported, "Deployment freezes are not supported yet; leave DeploymentFreezeNames out.");
  }
  if (body.update_variable_snapshot) {
    throw Error(Fault::unsupported, "UpdateVariableSnapshot is not supported yet; create a new release for changed variables.");
  }
}

net::Response create_untenanted(Services& services, const api::Context& context) {
  const auto body = context.body<UntenantedCommand>();
  refuse_unsupported(body);
  return services.api.store.write([&](store::Tx& tx) {
    const store::Documents& documents = services.api.documents;
    const auto project =
        api::get_by_any_name<projects::Project>(documents, tx, context.space_id(), body.project_name, "project");
    CreateDeployment request;
    request.release = releases::get_by_version(documents, tx, project.id.str(), body.release_version);
    request.user_id = context.caller().user_id;
    request.username = context.caller().username;
    Deployment& options = request.options;
    options.comments = body.comments;
    options.skip_actions = body.skip_step_names;
    options.specific_machine_ids = machine_ids(services, tx, context.space_id(), body.specific_machine_names);
    options.excluded_machine_ids = machine_ids(services, tx, context.space_id(), body.excluded_machine_names);
    options.form_values = body.variables;
    options.use_guided_failure = body.use_guided_failure;
    options.force_package_download = body.force_package_download;
    options.force_package_redeployment = body.force_package_redeployment;
    options.queue_time = time_of(body.run_at, "RunAt");
    options.queue_time_expiry = time_of(body.no_run_after, "NoRunAfter");
    std::string tasks;
    for (const std::string& name : body.environment_names) {
      request.environment_id =
          api::get_by_any_name<environments::Environment>(documents, tx, context.space_id(), name, "environment").id.str();
      const Deployment deployment = create_deployment(services, tx, request);
      if (!tasks.empty()) tasks += ",";
      tasks += text::format("{{\"DeploymentId\":\"{}\",\"ServerTaskId\":\"{}\"}}", deployment.id.str(), deployment.task_id);
    }
    return api::json_response("{\"DeploymentServerTasks\":[" + tasks + "]}");
  });
}

net::Response create_classic(Services& services, const api::Context& context) {
  const auto body = context.body<Deployment>();
  return services.api.store.write([&](store::Tx& tx) {
    const store::Documents& documents = services.api.documents;
    CreateDeployment request;
    request.release = api::get_in_space<releases::Release>(documents, tx, context.space_id(), body.release_id);
    request.environment_id =
        api::get_in_space<environments::Environment>(documents, tx, context.space_id(), body.environment_id).id.str();
    request.options = body;
    request.user_id = context.caller().user_id;
    request.username = context.caller().username;
    return api::created(encode_deployment(create_deployment(services, tx, request)));
  });
}

net::Response list(Services& services, const api::Context& context, const std::string& release) {
  const api::Page page = api::page_of(context);
  return services.api.store.read([&](const store::Tx& tx) {
    store::Query query;
    query.in_space(context.space_id()).by("Id", true).page(page.skip, page.take);
    if (context.query("ids")) query.ids = context.query_list("ids");
    if (!release.empty()) query.where("ReleaseId", release);
    const auto filter = [&](std::string_view parameter, const char* field) {
      const auto values = context.query_list(parameter);
      if (!values.empty()) query.where_any(field, values);
    };
    filter("projects", "ProjectId");
    filter("environments", "EnvironmentId");
    filter("channels", "ChannelId");
    filter("taskState", "State");
    const auto found = services.api.documents.list<Deployment>(tx, query);
    std::vector<std::string> items;
    for (const Deployment& deployment : found.items) items.push_back(encode_deployment(deployment));
    return api::json_response(api::paged(context, "Deployment", items, found.total, page));
  });
}

void add_rows(Services& services) {
  using api::Context;
  api::Router& router = services.api.router;
  const api::Scope space = api::Scope::space;
  router.add({"POST", space, "/deployments/create/untenanted/v1", "DeploymentCreate", "Deploys a release to environments.",
              [&services](Context& context) { return create_untenanted(services, context); }});
  router.add({"POST", space, "/deployments/create/tenanted/v1", "DeploymentCreate", "Deploys a release to tenants: not supported yet.",
              [](Context&) -> net::Response {
                throw Error(Fault::unsupported, "Tenants are not supported yet; use deployments/create/untenanted/v1.");
              }});
  router.add({"POST", space, "/deployments", "DeploymentCreate", "Deploys a release to one environment.",
              [&services](Context& context) { return create_classic(services, context); }});
  router.add({"GET", space, "/deployments", "DeploymentView", "Lists deployments, newest first.",
              [&services](Context& context) { return list(services, context, ""); }});
  router.add({"GET", space, "/deployments/{id}", "DeploymentView", "A deployment.", [&services](Context& context) {
                return services.api.store.read([&](const store::Tx& tx) {
                  return api::json_response(encode_deployment(api::get_in_space<Deployment>(
                      services.api.documents, tx, context.space_id(), context.parameter("id"))));
                });
              }});
  router.add({"GET", space, "/releases/{id}/deployments", "DeploymentView", "The deployments of a release, newest first.",
              [&services](Context& context) {
                const std::string release = services.api.store.read([&](const store::Tx& tx) {
                  return api::get_in_space<releases::Release>(services.api.documents, tx, context.space_id(),
                                                              context.parameter("id"))
                      .id.str();
                });
                return list(services, context, release);
              }});
}

}  // namespace

void install(Services& services) {
  services.api.documents.add<Deployment>(
      {.table = "deployment", .id_prefix = "Deployments", .noun = "deployment", .sort = "Created", .history = true});
  services.api.documents.add<Promotion>(
      {.table = "promotion", .id_prefix = "Promotions", .noun = "promotion", .space_scoped = false, .sort = "Id", .history = true});
  services.api.documents.add<AppliedManifest>({.table = "applied_manifest",
                                               .id_prefix = "AppliedManifests",
                                               .noun = "applied manifest",
                                               .space_scoped = false,
                                               .sort = "Id",
                                               .history = true});
  services.engine.register_definition(deployment_definition(services));
  services.release_created.emplace_back([&services](store::Tx& tx, const std::string& id) {
    const auto release = services.api.documents.get<releases::Release>(tx, id);
    const Path path = path_of(services.api.documents, tx, release);
    deploy_automatically(services, tx, release, domain::automatic_after_creation(path.lifecycle, path.environments));
  });
  add_rows(services);
}

}  // namespace fairlead::features::deployments
