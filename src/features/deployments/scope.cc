// SPDX-License-Identifier: Apache-2.0
#include "features/deployments/scope.h"

#include "domain/system_variables.h"
#include "domain/variables.h"
#include "features/channels/model.h"
#include "features/environments/model.h"
#include "features/processes/model.h"
#include "features/processes/rules.h"
#include "features/project_groups/model.h"
#include "features/projects/model.h"
#include "features/releases/model.h"
#include "features/spaces/model.h"
#include "features/targets/rules.h"
#include "features/variables/rules.h"

namespace fairlead::features::deployments {

namespace {

using domain::octostache::VariableSet;

const processes::Action* action_of(const processes::ProcessSnapshot& process, const std::string& id) {
  for (const processes::Step& step : process.steps) {
    for (const processes::Action& action : step.actions) {
      if (action.id == id) return &action;
    }
  }
  return nullptr;
}

template <class T>
domain::NamedResource named(const std::optional<T>& document) {
  if (!document) return {};
  return {document->id.str(), document->name, document->slug};
}

// The release that a query over finished deployments finds first.
std::optional<Deployment> last_success(const store::Documents& documents, const store::Tx& tx, const PlanRecord& plan) {
  store::Query query;
  query.where("ProjectId", plan.project)
      .where("EnvironmentId", plan.environment)
      .where("State", "Success")
      .by("Created", true);
  return documents.first<Deployment>(tx, query);
}

domain::DeploymentScopeFacts facts_of(const store::Documents& documents, const store::Tx& tx, const PlanRecord& plan) {
  domain::DeploymentScopeFacts facts;
  const auto project = documents.get<projects::Project>(tx, plan.project);
  const auto release = documents.get<releases::Release>(tx, plan.release);
  const auto deployment = documents.get<Deployment>(tx, plan.deployment);
  const auto environment = documents.find<environments::Environment>(tx, plan.environment);
  facts.space = named(documents.find<spaces::Space>(tx, plan.space));
  facts.project = {project.id.str(), project.name, project.slug};
  facts.project_group = named(documents.find<project_groups::ProjectGroup>(tx, project.project_group_id));
  facts.channel = named(documents.find<channels::Channel>(tx, plan.channel));
  facts.environment = named(environment);
  if (environment) facts.environment_sort_order = environment->sort_order;
  facts.release.id = release.id.str();
  facts.release.number = release.version;
  facts.release.notes = release.release_notes;
  facts.release.created = release.assembled;
  if (const auto current = last_success(documents, tx, plan)) {
    const auto current_release = documents.find<releases::Release>(tx, current->release_id);
    facts.release.current_for_environment_id = current->release_id;
    if (current_release) facts.release.current_for_environment_number = current_release->version;
    facts.deployment.previous_successful_id = current->id.str();
  }
  facts.deployment.id = deployment.id.str();
  facts.deployment.name = deployment.name;
  facts.deployment.comments = deployment.comments;
  facts.deployment.created = deployment.created;
  facts.deployment.created_by = {deployment.deployed_by_id, deployment.deployed_by, deployment.deployed_by, ""};
  facts.task.id = plan.task;
  facts.task.name = "Deploy";
  return facts;
}

domain::ActionFacts action_facts(const processes::Action& action, const PlanAction& planned) {
  domain::ActionFacts facts;
  facts.id = action.id;
  facts.name = action.name;
  facts.slug = action.slug;
  facts.number = planned.number;
  for (const auto& [name, value] : action.properties) {
    if (!value.sensitive) facts.properties.emplace_back(name, value.text);
  }
  return facts;
}

void add_outputs(VariableSet& set, const store::Sealer& sealer, const std::vector<RecordedOutput>& outputs,
                 const PlanTarget* target) {
  for (const RecordedOutput& recorded : outputs) {
    domain::Output output;
    output.action = recorded.action;
    output.machine = recorded.machine_name;
    output.name = recorded.output.name;
    output.sensitive = recorded.output.sensitive;
    output.value =
        recorded.output.sensitive ? std::string(sealer.unseal(recorded.output.value).reveal()) : recorded.output.value;
    domain::add_output(set, output, target != nullptr && target->id == recorded.machine);
  }
}

}  // namespace

VariableSet variables_of(const Services& services, Frozen& frozen, const PlanRecord& plan, const PlanStep& step,
                         const PlanAction* action, const PlanTarget* target, const std::vector<RecordedOutput>& outputs,
                         const std::vector<StepState>& states) {
  const store::Documents& documents = services.api.documents;
  VariableSet set;
  services.api.store.read([&](const store::Tx& tx) {
    const auto snapshot = frozen.variables.get(
        plan.variable_snapshot, [&] { return documents.get<variables::VariableSnapshot>(tx, plan.variable_snapshot); });
    const auto process = process_of(services, tx, frozen, plan.process_snapshot);
    domain::ScopeContext context;
    context.environments = {plan.environment};
    context.channel = plan.channel;
    context.process_owner = plan.project;
    if (action != nullptr) context.action = action->id;
    std::optional<targets::Machine> machine;
    if (target != nullptr) machine = documents.find<targets::Machine>(tx, target->id);
    if (machine) {
      context.machine = machine->id.str();
      context.machine_roles = machine->roles;
    }
    const std::vector<domain::Variable> all =
        variables::to_domain(snapshot->variables, documents.sealer(), "project " + plan.project_name);
    domain::bind(domain::resolve(all, context), set);
    const auto facts = frozen.facts.get(plan.deployment, [&] { return facts_of(documents, tx, plan); });
    domain::add_deployment_variables(set, *facts);
    domain::add_step_variables(set, {step.id, step.name, step.number});
    if (action != nullptr) {
      if (const processes::Action* found = action_of(*process, action->id)) {
        domain::add_action_variables(set, action_facts(*found, *action));
      }
    }
    if (machine) domain::add_target_variables(set, targets::facts_of(*machine));
    const auto deployment = documents.get<Deployment>(tx, plan.deployment);
    for (const auto& [name, value] : deployment.form_values) set.set(name, value);
    for (const auto& [name, value] : deployment.secret_form_values) {
      if (value.sensitive) set.set_sensitive(name, documents.sealer().unseal(value.sensitive->sealed).reveal());
    }
  });
  for (const StepState& state : states) domain::add_step_status(set, state.name, {state.code, state.error, ""});
  add_outputs(set, documents.sealer(), outputs, target);
  return set;
}

}  // namespace fairlead::features::deployments
