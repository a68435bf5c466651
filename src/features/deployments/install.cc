// SPDX-License-Identifier: Apache-2.0
#include "features/deployments/install.h"

#include "api/resource.h"
#include "domain/version.h"
#include "features/deployments/model.h"
#include "features/deployments/preview.h"
#include "features/deployments/requests.h"
#include "features/deployments/rules.h"
#include "features/deployments/run.h"
#include "features/environments/model.h"
#include "features/processes/model.h"
#include "features/projects/model.h"
#include "features/releases/model.h"
#include "features/releases/rules.h"
#include "features/targets/model.h"
#include "features/tasks/rules.h"

namespace fairlead::features::deployments {

namespace {

Time time_of(const std::string& text, std::string_view field) {
  if (text.empty()) return Time{};
  const auto time = parse_iso8601(text);
  if (!time)
    throw invalid_at(std::string(field),
                     text::format("must be a time such as 2026-01-02T03:04:05Z, but is \"{}\"", text));
  return *time;
}

std::vector<std::string> machine_ids(Services& services, const store::Tx& tx, const std::string& space,
                                     const std::vector<std::string>& names) {
  std::vector<std::string> ids;
  for (const std::string& name : names) {
    ids.push_back(
        api::get_by_any_name<targets::Machine>(services.api.documents, tx, space, name, "deployment target").id.str());
  }
  return ids;
}

void refuse_unsupported(const UntenantedCommand& body) {
  if (!body.freeze_names.empty()) {
    throw Error(Fault::unsupported, "Deployment freezes are not supported yet; leave DeploymentFreezeNames out.");
  }
  // Left unread they would deploy to more targets than was asked for.
  if (!body.specific_target_tag_names.empty() || !body.excluded_target_tag_names.empty()) {
    throw Error(Fault::unsupported,
                "Choosing targets by tag is not supported yet; use SpecificMachineNames or ExcludedMachineNames.");
  }
  if (!body.debug_mode.empty() && !text::equals_ignoring_case(body.debug_mode, "None")) {
    throw Error(Fault::unsupported, "DebugMode is not supported yet; leave it out.");
  }
}

// The ids of the actions that are to be left out. A name that the process does not have stays as it is: the run warns
// of it.
std::vector<std::string> skipped_actions(const store::Documents& documents, const store::Tx& tx,
                                         const releases::Release& release, const std::vector<std::string>& names) {
  const auto process = documents.get<processes::ProcessSnapshot>(tx, release.process_snapshot_id);
  std::vector<std::string> out;
  for (const std::string& name : names) {
    const auto is_named = [&](const auto& one) {
      return one.id == name || text::equals_ignoring_case(one.name, name) || text::equals_ignoring_case(one.slug, name);
    };
    const std::size_t before = out.size();
    for (const processes::Step& step : process.steps) {
      for (const processes::Action& action : step.actions) {
        if (is_named(step) || is_named(action)) out.push_back(action.id);
      }
    }
    if (out.size() == before) out.push_back(name);
  }
  return out;
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
    if (body.update_variable_snapshot && !body.environment_names.empty()) {
      releases::refresh_variables(services.api.documents, tx, request.release);
    }
    request.user_id = context.caller().user_id;
    request.username = context.caller().username;
    Deployment& options = request.options;
    options.comments = body.comments;
    options.skip_actions = skipped_actions(documents, tx, request.release, body.skip_step_names);
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
          api::get_by_any_name<environments::Environment>(documents, tx, context.space_id(), name, "environment")
              .id.str();
      const Deployment deployment = create_deployment(services, tx, request);
      if (!tasks.empty()) tasks += ",";
      tasks +=
          text::format("{{\"DeploymentId\":\"{}\",\"ServerTaskId\":\"{}\"}}", deployment.id.str(), deployment.task_id);
    }
    return api::json_response("{\"DeploymentServerTasks\":[" + tasks + "]}");
  });
}

net::Response create_classic(Services& services, const api::Context& context) {
  const auto body = context.body<Deployment>();
  if (!body.tenant_id.empty()) throw Error(Fault::unsupported, "Tenants are not supported yet; leave TenantId out.");
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
    if (auto ids = context.query_list("ids"); !ids.empty()) query.ids = std::move(ids);
    if (!release.empty()) query.where("ReleaseId", release);
    const auto filter = [&](std::string_view parameter, const char* field) {
      const auto values = context.query_list(parameter);
      if (!values.empty()) query.where_any(field, values);
    };
    filter("projects", "ProjectId");
    filter("environments", "EnvironmentId");
    filter("channels", "ChannelId");
    filter("taskState", "State");
    filter("tenants", "TenantId");
    if (const auto part = context.query("partialName"); part && !part->empty()) query.containing("Name", *part);
    const auto found = services.api.documents.list<Deployment>(tx, query);
    std::vector<std::string> items;
    for (const Deployment& deployment : found.items) items.push_back(encode_deployment(deployment));
    return api::json_response(api::paged(context, "Deployment", items, found.total, page));
  });
}

void remove_ended(store::Documents& documents, store::Tx& tx, const Deployment& deployment) {
  const auto state = domain::parse_task_state(deployment.state);
  if (state && !domain::is_finished(*state)) {
    throw invalid(text::format("{} has not ended ({}); cancel that task first.", deployment.name, deployment.task_id));
  }
  documents.remove(tx, deployment.id);
}

net::Response remove(Services& services, const api::Context& context) {
  return services.api.store.write([&](store::Tx& tx) {
    const auto deployment =
        api::get_in_space<Deployment>(services.api.documents, tx, context.space_id(), context.parameter("id"));
    remove_ended(services.api.documents, tx, deployment);
    api::audit_deleted(tx, context, "Deployment", deployment.id.str(), deployment.name);
    return api::json_response("{}");
  });
}

// The deployment of a task once more: the same release to the same environment with the same options.
net::Response rerun(Services& services, const api::Context& context) {
  return services.api.store.write([&](store::Tx& tx) {
    const store::Documents& documents = services.api.documents;
    const auto task = documents.get<tasks::Task>(tx, context.parameter("id"));
    const bool visible = context.space_id().empty() || task.space_id == context.space_id();
    if (!visible) throw not_found(text::format("The resource '{}' was not found.", task.id.str()));
    const auto state = domain::parse_task_state(task.state);
    if (!state || !domain::is_finished(*state))
      throw invalid(text::format("The task {} has not ended yet.", task.id.str()));
    const auto before = documents.find<Deployment>(tx, task.deployment_id);
    if (!before)
      throw invalid(text::format("The task {} is no deployment, or its deployment was deleted; it cannot be run again.",
                                 task.id.str()));
    CreateDeployment request;
    request.release = documents.get<releases::Release>(tx, before->release_id);
    request.environment_id = before->environment_id;
    request.options = *before;
    request.options.queue_time = {};
    request.options.queue_time_expiry = {};
    request.user_id = context.caller().user_id;
    request.username = context.caller().username;
    const Deployment again = create_deployment(services, tx, request);
    return api::created(tasks::encode_task(documents.get<tasks::Task>(tx, again.task_id), tx.now()));
  });
}

void add_rows(Services& services) {
  using api::Context;
  api::Router& router = services.api.router;
  const api::Scope space = api::Scope::space;
  router.add({"POST", space, "/deployments/create/untenanted/v1", "DeploymentCreate",
              "Deploys a release to environments.",
              [&services](Context& context) { return create_untenanted(services, context); }});
  router.add({"POST", space, "/deployments/create/tenanted/v1", "DeploymentCreate",
              "Deploys a release to tenants: not supported yet.", [](Context&) -> net::Response {
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
  router.add({"DELETE", space, "/deployments/{id}", "DeploymentDelete", "Deletes a deployment that has ended.",
              [&services](Context& context) { return remove(services, context); }});
  for (const api::Scope scope : {space, api::Scope::system}) {
    router.add({"POST", scope, "/tasks/rerun/{id}", "DeploymentCreate", "Deploys once more what a task has deployed.",
                [&services](Context& context) { return rerun(services, context); }});
  }
  router.add({"GET", space, "/releases/{id}/deployments", "DeploymentView",
              "The deployments of a release, newest first.", [&services](Context& context) {
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
      {.table = "deployment",
       .id_prefix = "Deployments",
       .noun = "deployment",
       .sort = "Created",
       .history = true,
       .indexes = {{"ReleaseId", "State"}, {"ProjectId", "EnvironmentId", "State", "Created"}}});
  services.api.documents.add<Promotion>({.table = "promotion",
                                         .id_prefix = "Promotions",
                                         .noun = "promotion",
                                         .space_scoped = false,
                                         .sort = "Id",
                                         .history = true});
  services.api.documents.add<AppliedManifest>({.table = "applied_manifest",
                                               .id_prefix = "AppliedManifests",
                                               .noun = "applied manifest",
                                               .space_scoped = false,
                                               .sort = "Id",
                                               .publish = false,
                                               .history = true});
  services.engine.register_definition(deployment_definition(services));
  services.release_created.emplace_back([&services](store::Tx& tx, const std::string& id) {
    const auto release = services.api.documents.get<releases::Release>(tx, id);
    const Path path = path_of(services.api.documents, tx, release);
    deploy_automatically(services, tx, release, domain::automatic_after_creation(path.lifecycle, path.environments));
  });
  services.project_removing.emplace_back([&services](store::Tx& tx, const std::string& project) {
    for (const Deployment& deployment :
         services.api.documents.all<Deployment>(tx, store::Query().where("ProjectId", project))) {
      remove_ended(services.api.documents, tx, deployment);
    }
  });
  add_rows(services);
  add_preview_rows(services);
}

}  // namespace fairlead::features::deployments
