// SPDX-License-Identifier: Apache-2.0
#include "features/releases/progression.h"

#include <algorithm>
#include <map>
#include <set>

#include "api/resource.h"
#include "features/channels/model.h"
#include "features/deployments/model.h"
#include "features/deployments/rules.h"
#include "features/lifecycles/rules.h"
#include "features/projects/model.h"
#include "features/releases/model.h"
#include "features/releases/view.h"
#include "features/tasks/rules.h"

namespace fairlead::features::releases {

namespace {

std::string list_text(const std::vector<std::string>& values) {
  std::string out = "[";
  for (const std::string& value : values) {
    if (out.size() > 1) out += ',';
    json::append_string(out, value);
  }
  return out + "]";
}

std::string environment_items(const std::vector<domain::EnvironmentInfo>& environments) {
  std::vector<std::string> items;
  for (const domain::EnvironmentInfo& environment : environments) {
    std::string& item = items.emplace_back("{\"Id\":");
    json::append_string(item, environment.id);
    item += ",\"Name\":";
    json::append_string(item, environment.name);
    item += '}';
  }
  return api::raw_array(items);
}

std::vector<deployments::Deployment> deployments_of(Services& services, const store::Tx& tx, const Release& release) {
  return services.api.documents.all<deployments::Deployment>(
      tx, store::Query().where("ReleaseId", release.id.str()).by("Created", true));
}

// Deployments into the environments of a phase, newest first, as {Task, Deployment}.
std::string phase_deployments(Services& services, const store::Tx& tx, const domain::PhaseState& state,
                              const std::vector<deployments::Deployment>& all) {
  std::vector<std::string> items;
  for (const deployments::Deployment& deployment : all) {
    const auto& environments = state.effective.environments;
    if (std::find(environments.begin(), environments.end(), deployment.environment_id) == environments.end()) continue;
    const auto task = services.api.documents.find<tasks::Task>(tx, deployment.task_id);
    items.push_back("{\"Task\":" + (task ? tasks::encode_task(*task, tx.now()) : std::string("null")) +
                    ",\"Deployment\":" + deployments::encode_deployment(deployment) + "}");
  }
  return api::raw_array(items);
}

std::string encode_phase(Services& services, const store::Tx& tx, const domain::PhaseState& state,
                         const std::vector<deployments::Deployment>& all) {
  const domain::Phase& phase = state.effective.phase;
  const auto flag = [](bool value) { return value ? "true" : "false"; };
  std::string out = "{\"Id\":";
  json::append_string(out, phase.id);
  out += ",\"Name\":";
  json::append_string(out, phase.name);
  out += text::format(",\"Blocked\":{},\"Progress\":\"{}\"", flag(state.blocked), domain::name_of(state.progress));
  out += ",\"Deployments\":" + phase_deployments(services, tx, state, all);
  out += ",\"AutomaticDeploymentTargets\":" + list_text(phase.automatic_environments);
  std::vector<std::string> optional = phase.optional_environments;
  if (state.effective.open || (phase.automatic_environments.empty() && optional.empty()))
    optional = state.effective.environments;
  out += ",\"OptionalDeploymentTargets\":" + list_text(optional);
  out += text::format(",\"MinimumEnvironmentsBeforePromotion\":{},\"IsOptionalPhase\":{},\"IsPriorityPhase\":{}}}",
                      phase.minimum_environments, flag(phase.is_optional), flag(phase.is_priority));
  return out;
}

net::Response release_progression(Services& services, const api::Context& context) {
  return services.api.store.read([&](const store::Tx& tx) {
    const store::Documents& documents = services.api.documents;
    const auto release = api::get_in_space<Release>(documents, tx, context.space_id(), context.parameter("id"));
    const deployments::Path path = deployments::path_of(documents, tx, release);
    const domain::Progression progression =
        domain::progression(path.lifecycle, path.environments, deployments::history_of(documents, tx, release));
    const auto all = deployments_of(services, tx, release);
    std::vector<std::string> phases;
    for (const domain::PhaseState& state : progression.phases) phases.push_back(encode_phase(services, tx, state, all));
    return api::json_response(
        "{\"Phases\":" + api::raw_array(phases) + ",\"NextDeployments\":" + list_text(progression.next_deployments) +
        text::format(",\"NextDeploymentsMinimumRequired\":{}}}", progression.next_deployments_minimum_required));
  });
}

std::string dashboard_item(Services& services, const store::Tx& tx, const deployments::Deployment& deployment,
                           const std::string& version, bool current) {
  const auto task = services.api.documents.find<tasks::Task>(tx, deployment.task_id);
  std::string out = "{";
  const auto member = [&](std::string_view name, const std::string& value) {
    if (out.size() > 1) out += ',';
    json::append_string(out, name);
    out += ':';
    json::append_string(out, value);
  };
  member("Id", deployment.id.str());
  member("ProjectId", deployment.project_id);
  member("EnvironmentId", deployment.environment_id);
  member("ReleaseId", deployment.release_id);
  member("DeploymentId", deployment.id.str());
  member("TaskId", deployment.task_id);
  member("ChannelId", deployment.channel_id);
  member("ReleaseVersion", version);
  member("Created", iso8601(deployment.created));
  member("QueueTime", iso8601(deployment.queue_time));
  member("State", deployment.state);
  if (task) {
    if (task->start_time.us != 0) member("StartTime", iso8601(task->start_time));
    if (task->completed_time.us != 0) member("CompletedTime", iso8601(task->completed_time));
    member("ErrorMessage", task->error_message);
  }
  member("Duration", task ? tasks::duration_of(*task, tx.now()) : "");
  const auto state = domain::parse_task_state(deployment.state).value_or(domain::TaskState::queued);
  out += text::format(
      ",\"HasPendingInterruptions\":false,\"HasWarningsOrErrors\":{},\"IsCompleted\":{},\"IsCurrent\":{},"
      "\"IsPrevious\":false}}",
      task && task->has_warnings_or_errors, domain::is_finished(state), current);
  return out;
}

std::string encode_release_progression(Services& services, const store::Tx& tx, const Release& release,
                                       std::set<std::string>& environments_with_current) {
  const store::Documents& documents = services.api.documents;
  const deployments::Path path = deployments::path_of(documents, tx, release);
  const domain::History history = deployments::history_of(documents, tx, release);
  const domain::Progression progression = domain::progression(path.lifecycle, path.environments, history);
  std::map<std::string, std::vector<std::string>> by_environment;
  for (const deployments::Deployment& deployment : deployments_of(services, tx, release)) {
    const bool current =
        deployment.state == "Success" && environments_with_current.insert(deployment.environment_id).second;
    by_environment[deployment.environment_id].push_back(
        dashboard_item(services, tx, deployment, release.version, current));
  }
  std::string deployments_text = "{";
  for (const auto& [environment, items] : by_environment) {
    if (deployments_text.size() > 1) deployments_text += ',';
    json::append_string(deployments_text, environment);
    deployments_text += ":" + api::raw_array(items);
  }
  deployments_text += "}";
  const auto channel = documents.find<channels::Channel>(tx, release.channel_id);
  return "{\"Release\":" + encode_release(release) +
         ",\"Channel\":" + (channel ? json::encode(*channel) : std::string("null")) +
         ",\"Deployments\":" + deployments_text + ",\"NextDeployments\":" + list_text(progression.next_deployments) +
         text::format(",\"HasUnresolvedDefect\":{}", history.blocked_by_defect) +
         ",\"ReleaseRetentionPeriod\":null,\"TentacleRetentionPeriod\":null}";
}

constexpr std::int64_t kReleasesShown = 30;

// "key":[{"Id":..,"Name":..}],
void append_environments(std::string& out, const std::string& key,
                         const std::vector<domain::EnvironmentInfo>& environments) {
  if (out.size() > 1) out += ',';
  json::append_string(out, key);
  out += ":" + environment_items(environments);
}

// The environments that a lifecycle leads to, in its order.
std::vector<domain::EnvironmentInfo> environments_of_lifecycle(const store::Documents& documents, const store::Tx& tx,
                                                               const std::string& lifecycle,
                                                               const std::vector<domain::EnvironmentInfo>& all) {
  std::vector<domain::EnvironmentInfo> out;
  const auto found = documents.find<lifecycles::Lifecycle>(tx, lifecycle);
  if (!found) return out;
  for (const domain::EffectivePhase& phase : domain::effective_phases(lifecycles::to_domain(*found), all)) {
    for (const std::string& id : phase.environments) {
      const auto is_it = [&](const domain::EnvironmentInfo& environment) { return environment.id == id; };
      if (std::any_of(out.begin(), out.end(), is_it)) continue;
      out.push_back(*std::find_if(all.begin(), all.end(), is_it));
    }
  }
  return out;
}

net::Response project_progression(Services& services, const api::Context& context) {
  return services.api.store.read([&](const store::Tx& tx) {
    const store::Documents& documents = services.api.documents;
    const auto project =
        api::get_in_space<projects::Project>(documents, tx, context.space_id(), context.parameter("projectId"));
    const std::vector<domain::EnvironmentInfo> all = lifecycles::environments_of(documents, tx, context.space_id());
    std::string by_lifecycle = "{";
    std::string by_channel = "{";
    std::set<std::string> lifecycle_ids;
    std::set<std::string> shown;
    for (const auto& channel :
         documents.all<channels::Channel>(tx, store::Query().where("ProjectId", project.id.str()))) {
      const std::string lifecycle = channel.lifecycle_id.empty() ? project.lifecycle_id : channel.lifecycle_id;
      const std::vector<domain::EnvironmentInfo> reached = environments_of_lifecycle(documents, tx, lifecycle, all);
      append_environments(by_channel, channel.id.str(), reached);
      if (lifecycle_ids.insert(lifecycle).second) append_environments(by_lifecycle, lifecycle, reached);
      for (const domain::EnvironmentInfo& environment : reached) shown.insert(environment.id);
    }
    std::vector<domain::EnvironmentInfo> environments;
    for (const domain::EnvironmentInfo& environment : all) {
      if (shown.contains(environment.id)) environments.push_back(environment);
    }
    std::vector<std::string> releases;
    std::set<std::string> with_current;
    const store::Query query =
        store::Query().where("ProjectId", project.id.str()).by("Assembled", true).page(0, kReleasesShown);
    for (const Release& release : documents.list<Release>(tx, query).items) {
      releases.push_back(encode_release_progression(services, tx, release, with_current));
    }
    return api::json_response("{\"Environments\":" + environment_items(environments) +
                              ",\"LifecycleEnvironments\":" + by_lifecycle + "},\"ChannelEnvironments\":" + by_channel +
                              "},\"Releases\":" + api::raw_array(releases) + "}");
  });
}

}  // namespace

void add_progression_rows(Services& services) {
  services.api.router.add({"GET", api::Scope::space, "/releases/{id}/progression", "ReleaseView",
                           "How far a release has come.",
                           [&services](api::Context& context) { return release_progression(services, context); }});
  services.api.router.add({"GET", api::Scope::space, "/projects/{projectId}/progression", "ProjectView",
                           "The releases of a project and where they are.",
                           [&services](api::Context& context) { return project_progression(services, context); }});
}

}  // namespace fairlead::features::releases
