// SPDX-License-Identifier: Apache-2.0
#include "features/deployments/rules.h"

#include <algorithm>

#include "api/links.h"
#include "base/error.h"
#include "features/channels/model.h"
#include "features/deployments/prompts.h"
#include "features/deployments/run.h"
#include "features/environments/model.h"
#include "features/lifecycles/rules.h"
#include "features/processes/rules.h"
#include "features/projects/model.h"
#include "features/tasks/rules.h"
#include "store/audit.h"

namespace fairlead::features::deployments {

namespace {

constexpr std::int64_t kDeploymentDeadlineUs =
    24 * kHour;  // of a whole deployment, whatever its steps allow themselves

tasks::Task task_of(const Services& services, const store::Tx& tx, const Deployment& deployment,
                    const releases::Release& release) {
  const store::Documents& documents = services.api.documents;
  tasks::Task task;
  task.space_id = deployment.space_id;
  task.name = "Deploy";
  task.description =
      text::format("Deploy {} release {} to {}", documents.name_of(tx, deployment.project_id).value_or("?"),
                   release.version, documents.name_of(tx, deployment.environment_id).value_or("?"));
  json::append_string(task.arguments["DeploymentId"].text, deployment.id.str());
  task.queue_time = deployment.queue_time;
  task.queue_time_expiry = deployment.queue_time_expiry;
  task.project_id = deployment.project_id;
  task.environment_id = deployment.environment_id;
  task.deployment_id = deployment.id.str();
  task.release_id = deployment.release_id;
  task.started_by = deployment.deployed_by;
  return task;
}

std::string start_run(Services& services, store::Tx& tx, const Deployment& deployment) {
  engine::StartRun start;
  start.kind = kRunKind;
  DeployInput input;
  input.deployment = deployment.id.str();
  if (deployment.queue_time > deployment.created) {
    input.not_before = deployment.queue_time;
    input.not_after = deployment.queue_time_expiry;
  }
  start.input.text = engine::encode_record(input);
  start.key = "deployment:" + deployment.id.str();
  start.task = deployment.task_id;
  start.deadline_us = kDeploymentDeadlineUs + std::max<std::int64_t>(deployment.queue_time - deployment.created, 0);
  return services.engine.start(tx, start).str();
}

void audit(store::Tx& tx, const Deployment& deployment, const tasks::Task& task, std::string category,
           std::string message, const std::string& user, const std::string& username) {
  store::AuditEvent event;
  event.category = std::move(category);
  event.message = std::move(message);
  event.user = user;
  event.username = username.empty() ? "system" : username;
  event.space = deployment.space_id;
  event.documents = {deployment.id.str(), deployment.project_id, deployment.release_id, deployment.environment_id,
                     task.id.str()};
  store::append_audit(tx, event);
}

// Where the request does not say: the project's mode, or the environment's.
bool guided_failure_of(const store::Documents& documents, const store::Tx& tx, const projects::Project& project,
                       const std::string& environment) {
  if (project.default_guided_failure_mode != "EnvironmentDefault") return project.default_guided_failure_mode == "On";
  return documents.get<environments::Environment>(tx, environment).use_guided_failure;
}

std::string category_of_end(const std::string& state) {
  if (state == "Success") return "DeploymentSucceeded";
  return state == "Canceled" ? "TaskCanceled" : "DeploymentFailed";
}

void promote(Services& services, store::Tx& tx, const Deployment& deployment, const domain::History& before) {
  const auto& done = before.succeeded;
  if (std::find(done.begin(), done.end(), deployment.environment_id) != done.end()) return;  // opens nothing again
  const auto release = services.api.documents.find<releases::Release>(tx, deployment.release_id);
  if (!release) return;
  const Path path = path_of(services.api.documents, tx, *release);
  deploy_automatically(
      services, tx, *release,
      domain::automatic_after_success(path.lifecycle, path.environments, before, deployment.environment_id));
}

}  // namespace

std::string encode_deployment(const Deployment& deployment) {
  std::string body = json::encode(deployment);
  body.pop_back();
  body += ",\"Changes\":[],\"ChangesMarkdown\":\"\"}";
  const std::string space = "/api/" + deployment.space_id;
  return api::with_links(std::move(body),
                         api::Links()
                             .add("Self", space + "/deployments/" + deployment.id.str())
                             .add("Environment", space + "/environments/" + deployment.environment_id)
                             .add("Release", space + "/releases/" + deployment.release_id)
                             .add("Project", space + "/projects/" + deployment.project_id)
                             .add("Task", "/api/tasks/" + deployment.task_id)
                             .add("TaskLogs", "/api/tasks/" + deployment.task_id + "/details")
                             .add("Web", "/app#/" + deployment.space_id + "/deployments/" + deployment.id.str()));
}

domain::RunsOn place_of(const Services& services, const processes::Action& action, const processes::Step& step) {
  const auto type = services.step_types.find(action.action_type);
  // An unknown type is planned once, so that the error names it even where there are no targets.
  if (type == services.step_types.end()) return domain::RunsOn::once;
  const auto roles = step.properties.find("Octopus.Action.TargetRoles");
  const bool has_roles = roles != step.properties.end() && !text::trim(roles->second.text).empty();
  return type->second.runs_on(processes::plain_properties(action.properties), has_roles);
}

Path path_of(const store::Documents& documents, const store::Tx& tx, const releases::Release& release) {
  const auto channel = documents.find<channels::Channel>(tx, release.channel_id);
  std::string lifecycle = channel ? channel->lifecycle_id : "";
  if (lifecycle.empty()) lifecycle = documents.get<projects::Project>(tx, release.project_id).lifecycle_id;
  return {lifecycles::to_domain(documents.get<lifecycles::Lifecycle>(tx, lifecycle)),
          lifecycles::environments_of(documents, tx, release.space_id)};
}

domain::History history_of(const store::Documents& documents, const store::Tx& tx, const releases::Release& release) {
  domain::History history;
  const store::Query query = store::Query().where("ReleaseId", release.id.str()).where("State", "Success");
  for (const auto& [environment, count] : documents.count_by<Deployment>(tx, query, "EnvironmentId")) {
    history.succeeded.push_back(environment);
  }
  const auto defect = documents.first<releases::Defect>(
      tx, store::Query().where("ReleaseId", release.id.str()).where("Status", "Unresolved"));
  if (defect) {
    history.blocked_by_defect = true;
    history.defect = defect->description;
  }
  return history;
}

Deployment create_deployment(Services& services, store::Tx& tx, const CreateDeployment& request) {
  store::Documents& documents = services.api.documents;
  const releases::Release& release = request.release;
  const Path path = path_of(documents, tx, release);
  const domain::Eligibility eligibility =
      domain::may_deploy(path.lifecycle, path.environments, history_of(documents, tx, release), request.environment_id);
  if (!eligibility.allowed) throw invalid(eligibility.reason);
  const auto project = documents.get<projects::Project>(tx, release.project_id);
  if (project.is_disabled) throw invalid("The project is disabled; enable it before you deploy.");
  if (project.tenanted_deployment_mode == "Tenanted") {
    throw invalid(
        "The project is deployed to tenants only; set its TenantedDeploymentMode to TenantedOrUntenanted or "
        "Untenanted.");
  }

  Deployment deployment = request.options;
  deployment.space_id = release.space_id;
  deployment.project_id = release.project_id;
  deployment.release_id = release.id.str();
  deployment.channel_id = release.channel_id;
  deployment.environment_id = request.environment_id;
  deployment.process_snapshot_id = release.process_snapshot_id;
  deployment.name = "Deploy to " + documents.name_of(tx, request.environment_id).value_or(request.environment_id);
  deployment.created = tx.now();
  if (deployment.queue_time < deployment.created) deployment.queue_time = deployment.created;
  if (deployment.queue_time_expiry.us != 0 && deployment.queue_time_expiry <= deployment.queue_time) {
    throw invalid_at("QueueTimeExpiry",
                     text::format("must be later than {}, when the deployment begins", iso8601(deployment.queue_time)));
  }
  settle_form_values(prompts_of(documents, tx, release, request.environment_id), deployment);
  if (!deployment.use_guided_failure)
    deployment.use_guided_failure = guided_failure_of(documents, tx, project, request.environment_id);
  deployment.deployed_by = request.username;
  deployment.deployed_by_id = request.user_id;
  deployment.automatic = request.automatic;
  deployment.state = "Queued";
  deployment.manifest_variable_set_id = release.variable_snapshot_id;
  // Deployment, task and run name each other: ids first, so that each is written once.
  deployment.id = Id<Deployment>(documents.new_id<Deployment>(tx));
  deployment.task_id = documents.new_id<tasks::Task>(tx);
  tasks::Task task = task_of(services, tx, deployment, release);
  task.id = Id<tasks::Task>(deployment.task_id);
  task.run_id = start_run(services, tx, deployment);
  documents.insert(tx, task);
  documents.insert(tx, deployment);
  audit(tx, deployment, task, "DeploymentQueued", task.description + " was queued", request.user_id, request.username);
  return deployment;
}

void deploy_automatically(Services& services, store::Tx& tx, const releases::Release& release,
                          const std::vector<domain::AutomaticDeployment>& automatic) {
  store::Documents& documents = services.api.documents;
  for (const domain::AutomaticDeployment& phase : automatic) {
    const std::string key = text::format("{}||{}", release.id.str(), phase.phase_id);
    if (documents.count<Promotion>(tx, store::Query().where("Key", key)) > 0) continue;
    Promotion promotion;
    promotion.key = key;
    promotion.created = tx.now();
    documents.insert(tx, promotion);
    for (const std::string& environment : phase.environments) {
      CreateDeployment request;
      request.release = release;
      request.environment_id = environment;
      request.username = "system";
      request.automatic = true;
      try {
        create_deployment(services, tx, request);
      } catch (const Error& error) {
        // A promotion that is not possible must not undo the success that led to it.
        if (error.fault() != Fault::invalid) throw;
        store::AuditEvent event;
        event.category = "AutoDeployBlocked";
        event.message = text::format("Release {} was not deployed automatically: {}", release.version, error.message());
        event.username = "system";
        event.space = release.space_id;
        event.documents = {release.id.str(), release.project_id, environment};
        store::append_audit(tx, event);
      }
    }
  }
}

void finish_deployment(Services& services, store::Tx& tx, const engine::RunEnd& end) {
  store::Documents& documents = services.api.documents;
  auto task = documents.first<tasks::Task>(tx, store::Query().where("RunId", end.run.str()));
  if (!task) return;
  tasks::finish(documents, tx, *task, end, services.facts.node_name);
  auto deployment = documents.find<Deployment>(tx, task->deployment_id);
  if (!deployment) return;
  std::optional<domain::History> before;
  if (task->state == "Success") {
    if (const auto release = documents.find<releases::Release>(tx, deployment->release_id)) {
      before = history_of(documents, tx, *release);
    }
  }
  deployment->state = task->state;
  deployment->completed = tx.now();
  deployment->failure_encountered = task->state != "Success";
  documents.update(tx, *deployment);
  std::string message = text::format("{}: {}", task->description, task->state);
  if (end.error) message += ": " + end.error->message();
  audit(tx, *deployment, *task, category_of_end(task->state), std::move(message), "", "");
  if (before) promote(services, tx, *deployment, *before);
}

}  // namespace fairlead::features::deployments
