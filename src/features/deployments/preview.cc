// SPDX-License-Identifier: Apache-2.0
#include "features/deployments/preview.h"

#include "api/resource.h"
#include "features/deployments/prompts.h"
#include "features/deployments/rules.h"
#include "features/environments/model.h"
#include "features/processes/rules.h"
#include "features/projects/model.h"
#include "features/targets/rules.h"
#include "features/variables/rules.h"
#include "json/value.h"

namespace fairlead::features::deployments {

namespace {

constexpr std::size_t kMaxPreviews = 200;  // of one request

struct PreviewsCommand {
  struct Item {
    std::string environment_id, tenant_id;
  };
  std::vector<Item> previews;
  bool include_disabled_steps = false;
};
const json::Type& type_of(json::Tag<PreviewsCommand::Item>) {
  static const json::Type type = json::Type::of<PreviewsCommand::Item>("DeploymentPreviewRequest")
                                     .field("EnvironmentId", &PreviewsCommand::Item::environment_id, json::required)
                                     .field("TenantId", &PreviewsCommand::Item::tenant_id);
  return type;
}
const json::Type& type_of(json::Tag<PreviewsCommand>) {
  static const json::Type type = json::Type::of<PreviewsCommand>("DeploymentPreviewsBody")
                                     .field("DeploymentPreviews", &PreviewsCommand::previews)
                                     .field("IncludeDisabledSteps", &PreviewsCommand::include_disabled_steps);
  return type;
}

json::Array text_array(const std::vector<std::string>& values) {
  json::Array out;
  for (const std::string& value : values) out.emplace_back(value);
  return out;
}

json::Object reference(const std::string& id, const std::string& name) {
  json::Object out;
  out["Id"] = id;
  out["Name"] = name;
  return out;
}

json::Array references(const std::vector<domain::PlannedTarget>& targets) {
  json::Array out;
  for (const domain::PlannedTarget& target : targets) out.push_back(reference(target.id, target.name));
  return out;
}

using Machines = std::map<std::string, targets::Machine>;

json::Object step_item(const domain::PlannedAction& action, const Machines& machines) {
  json::Array names;
  json::Array items;
  for (const domain::PlannedTarget& target : action.targets) {
    const targets::Machine& machine = machines.at(target.id);
    json::Object item = reference(target.id, target.name);
    item["HasLatestCalamari"] = machine.has_latest_calamari;
    item["HealthStatus"] = machine.health_status;
    names.emplace_back(target.name);
    items.push_back(std::move(item));
  }
  json::Object out;
  out["ActionId"] = action.id;
  out["ActionName"] = action.name;
  out["ActionNumber"] = action.number;
  out["Roles"] = text_array(action.roles);
  out["MachineNames"] = std::move(names);
  out["Machines"] = std::move(items);
  out["CanBeSkipped"] = action.can_be_skipped;
  out["IsDisabled"] = action.exclusion == domain::Exclusion::disabled;
  out["HasNoApplicableMachines"] = action.exclusion == domain::Exclusion::no_targets;
  out["UnavailableMachines"] = references(action.unavailable);
  out["ExcludedMachines"] = references(action.excluded);
  return out;
}

json::Array steps_of(const domain::Plan& plan, bool include_disabled, const Machines& machines) {
  json::Array out;
  for (const domain::PlannedGroup& group : plan.groups) {
    for (const domain::PlannedStep& step : group.steps) {
      for (const domain::PlannedAction& action : step.actions) {
        const bool shown = action.runs() || action.exclusion == domain::Exclusion::no_targets ||
                           (include_disabled && action.exclusion == domain::Exclusion::disabled);
        if (shown) out.push_back(step_item(action, machines));
      }
    }
  }
  return out;
}

json::Object form_of(const std::vector<Prompt>& prompts) {
  json::Object values;
  json::Array elements;
  for (const Prompt& prompt : prompts) {
    values[prompt.id] = prompt.sensitive ? "" : prompt.value;
    json::Object control;
    control["Type"] = "VariableValue";
    control["Name"] = prompt.name;
    control["Label"] = prompt.label.empty() ? prompt.name : prompt.label;
    control["Description"] = prompt.description;
    control["IsSecure"] = prompt.sensitive;
    control["Required"] = prompt.required;
    control["DisplaySettings"] = json::parse(prompt.display_settings, "DisplaySettings");
    json::Object element;
    element["Name"] = prompt.id;
    element["Control"] = std::move(control);
    element["IsValueRequired"] = prompt.required;
    elements.push_back(std::move(element));
  }
  json::Object form;
  form["Values"] = std::move(values);
  form["Elements"] = std::move(elements);
  return form;
}

domain::PlanScope preview_scope(const environments::Environment& environment, const releases::Release& release,
                                const projects::Project& project, bool include_disabled) {
  domain::PlanScope scope;
  scope.environment = environment.id.str();
  scope.environment_name = environment.name;
  scope.channel = release.channel_id;
  scope.include_disabled = include_disabled;
  if (project.connectivity_policy)
    scope.connectivity.exclude_unhealthy_targets = project.connectivity_policy->exclude_unhealthy_targets;
  // A preview shows which targets are away, whatever the deployment will make of it.
  scope.connectivity.skip_unavailable_machines = true;
  return scope;
}

json::Object preview(Services& services, const store::Tx& tx, const releases::Release& release,
                     const std::string& environment_id, bool include_disabled) {
  const store::Documents& documents = services.api.documents;
  const auto environment =
      api::get_in_space<environments::Environment>(documents, tx, release.space_id, environment_id);
  const auto project = documents.get<projects::Project>(tx, release.project_id);
  const auto process = documents.get<processes::ProcessSnapshot>(tx, release.process_snapshot_id);
  Machines machines;
  std::vector<domain::Target> candidates;
  for (targets::Machine& machine : documents.all<targets::Machine>(tx, store::Query().in_space(release.space_id))) {
    candidates.push_back(targets::to_domain(machine));
    machines.emplace(machine.id.str(), std::move(machine));
  }
  const domain::Process steps = processes::to_domain(
      process.steps,
      [&](const processes::Action& action, const processes::Step& step) { return place_of(services, action, step); });
  const domain::Plan plan =
      domain::build_plan(steps, preview_scope(environment, release, project, include_disabled), candidates);
  json::Object out;
  out["StepsToExecute"] = steps_of(plan, include_disabled, machines);
  out["Form"] = form_of(prompts_of(documents, tx, release, environment.id.str()));
  const bool by_environment = project.default_guided_failure_mode == "EnvironmentDefault";
  out["UseGuidedFailureModeByDefault"] =
      by_environment ? environment.use_guided_failure : project.default_guided_failure_mode == "On";
  out["Changes"] = json::Array();
  out["ChangesMarkdown"] = "";
  return out;
}

releases::Release release_of(Services& services, const store::Tx& tx, const api::Context& context) {
  return api::get_in_space<releases::Release>(services.api.documents, tx, context.space_id(), context.parameter("id"));
}

void refuse_tenant(const std::string& tenant) {
  if (!tenant.empty()) throw not_found(text::format("The resource '{}' was not found.", text::shorten(tenant, 100)));
}

net::Response one(Services& services, const api::Context& context) {
  return services.api.store.read([&](const store::Tx& tx) {
    return api::json_response(
        json::text_of(preview(services, tx, release_of(services, tx, context), context.parameter("environment"),
                              context.query_flag("includeDisabledSteps"))));
  });
}

net::Response several(Services& services, const api::Context& context) {
  const auto body = context.body<PreviewsCommand>();
  if (body.previews.size() > kMaxPreviews) {
    throw invalid_at("DeploymentPreviews",
                     text::format("has {} entries; at most {} are allowed", body.previews.size(), kMaxPreviews));
  }
  return services.api.store.read([&](const store::Tx& tx) {
    const releases::Release release = release_of(services, tx, context);
    json::Array out;
    for (const PreviewsCommand::Item& item : body.previews) {
      refuse_tenant(item.tenant_id);
      out.push_back(preview(services, tx, release, item.environment_id, body.include_disabled_steps));
    }
    return api::json_response(json::text_of(out));
  });
}

// Where the release may go now, and whether the project has moved on since it was made.
net::Response release_template(Services& services, const api::Context& context) {
  return services.api.store.read([&](const store::Tx& tx) {
    const store::Documents& documents = services.api.documents;
    const releases::Release release = release_of(services, tx, context);
    const Path path = path_of(documents, tx, release);
    const domain::History history = history_of(documents, tx, release);
    json::Array promote_to;
    for (const domain::EnvironmentInfo& environment : path.environments) {
      if (!domain::may_deploy(path.lifecycle, path.environments, history, environment.id).allowed) continue;
      json::Object item = reference(environment.id, environment.name);
      json::Object links;
      links["Preview"] = text::format("/api/{}/releases/{}/deployments/preview/{}{{?includeDisabledSteps}}",
                                      release.space_id, release.id.str(), environment.id);
      item["Links"] = std::move(links);
      promote_to.push_back(std::move(item));
    }
    const auto process = documents.get<processes::ProcessSnapshot>(tx, release.process_snapshot_id);
    const auto variables = documents.get<variables::VariableSnapshot>(tx, release.variable_snapshot_id);
    json::Object out;
    out["IsDeploymentProcessModified"] = !processes::is_current(documents, tx, process);
    out["IsVariableSetModified"] = !variables::is_current(documents, tx, variables);
    out["IsLibraryVariableSetModified"] = false;
    out["DeploymentNotes"] = nullptr;
    out["PromoteTo"] = std::move(promote_to);
    out["TenantPromotions"] = json::Array();
    return api::json_response(json::text_of(out));
  });
}

}  // namespace

void add_preview_rows(Services& services) {
  using api::Context;
  api::Router& router = services.api.router;
  const api::Scope space = api::Scope::space;
  const std::string base = "/releases/{id}/deployments";
  router.add({"GET", space, base + "/template", "ReleaseView", "Where a release may be deployed to now.",
              [&services](Context& context) { return release_template(services, context); }});
  router.add({"GET", space, base + "/preview/{environment}", "DeploymentView",
              "What a deployment to an environment would do.",
              [&services](Context& context) { return one(services, context); }});
  router.add({"GET", space, base + "/preview/{environment}/{tenant}", "DeploymentView",
              "The same for a tenant: there are none yet.", [](Context& context) -> net::Response {
                refuse_tenant(context.parameter("tenant"));
                return {};
              }});
  router.add({"POST", space, base + "/previews", "DeploymentView",
              "What deployments to several environments would do, as a plain array.",
              [&services](Context& context) { return several(services, context); }});
}

}  // namespace fairlead::features::deployments
