// SPDX-License-Identifier: Apache-2.0
#include "features/deployments/plan_record.h"

#include <set>

#include "api/resource.h"
#include "features/channels/model.h"
#include "features/deployments/rules.h"
#include "features/environments/model.h"
#include "features/processes/rules.h"
#include "features/projects/model.h"
#include "features/releases/model.h"
#include "features/targets/rules.h"

namespace fairlead::features::deployments {

const json::Type& type_of(json::Tag<PlanTarget>) {
  static const json::Type type = json::Type::of<PlanTarget>("PlanTarget")
                                     .field("Id", &PlanTarget::id)
                                     .field("Name", &PlanTarget::name)
                                     .field("Selector", &PlanTarget::selector)
                                     .field("DefaultNamespace", &PlanTarget::default_namespace);
  return type;
}

const json::Type& type_of(json::Tag<PlanAction>) {
  static const json::Type type = json::Type::of<PlanAction>("PlanAction")
                                     .field("Id", &PlanAction::id)
                                     .field("Name", &PlanAction::name)
                                     .field("Type", &PlanAction::type)
                                     .field("Number", &PlanAction::number)
                                     .field("Once", &PlanAction::once)
                                     .field("Reason", &PlanAction::reason);
  return type;
}

const json::Type& type_of(json::Tag<PlanStep>) {
  static const json::Type type = json::Type::of<PlanStep>("PlanStep")
                                     .field("Id", &PlanStep::id)
                                     .field("Name", &PlanStep::name)
                                     .field("Number", &PlanStep::number)
                                     .field("Condition", &PlanStep::condition)
                                     .field("ConditionExpression", &PlanStep::condition_expression)
                                     .field("ParallelTargets", &PlanStep::parallel_targets)
                                     .field("Targets", &PlanStep::targets)
                                     .field("Actions", &PlanStep::actions);
  return type;
}

const json::Type& type_of(json::Tag<PlanGroup>) {
  static const json::Type type = json::Type::of<PlanGroup>("PlanGroup").field("Steps", &PlanGroup::steps);
  return type;
}

const json::Type& type_of(json::Tag<PlanRecord>) {
  static const json::Type type = json::Type::of<PlanRecord>("PlanRecord")
                                     .field("Space", &PlanRecord::space)
                                     .field("Deployment", &PlanRecord::deployment)
                                     .field("Task", &PlanRecord::task)
                                     .field("Project", &PlanRecord::project)
                                     .field("ProjectName", &PlanRecord::project_name)
                                     .field("Release", &PlanRecord::release)
                                     .field("Environment", &PlanRecord::environment)
                                     .field("Channel", &PlanRecord::channel)
                                     .field("ProcessSnapshot", &PlanRecord::process_snapshot)
                                     .field("VariableSnapshot", &PlanRecord::variable_snapshot)
                                     .field("Groups", &PlanRecord::groups)
                                     .field("Warnings", &PlanRecord::warnings);
  return type;
}

namespace {

domain::PlanScope scope_of(const store::Documents& documents, const store::Tx& tx, const Deployment& deployment,
                           const projects::Project& project) {
  domain::PlanScope scope;
  scope.environment = deployment.environment_id;
  scope.environment_name = documents.get<environments::Environment>(tx, deployment.environment_id).name;
  scope.channel = deployment.channel_id;
  scope.channel_name = documents.name_of(tx, deployment.channel_id).value_or("");
  scope.skip = deployment.skip_actions;
  scope.specific_machines = deployment.specific_machine_ids;
  scope.excluded_machines = deployment.excluded_machine_ids;
  if (project.connectivity_policy) {
    scope.connectivity.allow_deployments_to_no_targets = project.connectivity_policy->allow_deployments_to_no_targets;
    scope.connectivity.exclude_unhealthy_targets = project.connectivity_policy->exclude_unhealthy_targets;
    scope.connectivity.skip_unavailable_machines =
        project.connectivity_policy->skip_machine_behavior == "SkipUnavailableMachines";
    scope.connectivity.skip_roles = project.connectivity_policy->target_roles;
  }
  return scope;
}

std::set<std::string> left_out(const domain::Plan& plan) {
  std::set<std::string> names;
  for (const domain::PlannedGroup& group : plan.groups) {
    for (const domain::PlannedStep& step : group.steps) {
      for (const domain::PlannedAction& action : step.actions) {
        for (const domain::PlannedTarget& target : action.unavailable) names.insert(target.name);
      }
    }
  }
  return names;
}

PlanStep record_step(const domain::PlannedStep& planned, const std::map<std::string, targets::Machine>& machines) {
  PlanStep step;
  step.id = planned.id;
  step.name = planned.name;
  step.number = planned.number;
  step.condition = domain::name_of(planned.condition);
  step.condition_expression = planned.condition_expression;
  step.parallel_targets = static_cast<int>(planned.window != 0 ? planned.window : planned.max_parallelism);
  for (const domain::PlannedTarget& target : planned.targets) {
    const targets::Machine& machine = machines.at(target.id);
    step.targets.push_back(
        {target.id, target.name, targets::selector_of(machine), targets::default_namespace_of(machine)});
  }
  for (const domain::PlannedAction& action : planned.actions) {
    step.actions.push_back(
        {action.id, action.name, action.type, action.number, action.runs_on == domain::RunsOn::once, action.reason});
  }
  return step;
}

}  // namespace

std::shared_ptr<const processes::ProcessSnapshot> process_of(const Services& services, const store::Tx& tx,
                                                             Frozen& frozen, const std::string& id) {
  return frozen.processes.get(id, [&] { return services.api.documents.get<processes::ProcessSnapshot>(tx, id); });
}

PlanRecord make_plan(const Services& services, const store::Tx& tx, Frozen& frozen, const Deployment& deployment) {
  const store::Documents& documents = services.api.documents;
  const auto release = documents.get<releases::Release>(tx, deployment.release_id);
  const auto project = documents.get<projects::Project>(tx, deployment.project_id);
  const auto process = process_of(services, tx, frozen, release.process_snapshot_id);

  const domain::PlanScope scope = scope_of(documents, tx, deployment, project);
  std::map<std::string, targets::Machine> machines;
  std::vector<domain::Target> candidates;
  for (targets::Machine& machine : documents.all<targets::Machine>(tx, store::Query().in_space(deployment.space_id))) {
    domain::Target& candidate = candidates.emplace_back(targets::to_domain(machine));
    // Where the project does not skip them, the deployment waits for targets that are away.
    candidate.is_unavailable = scope.connectivity.skip_unavailable_machines && machine.health_status == "Unavailable";
    machines.emplace(machine.id.str(), std::move(machine));
  }
  const domain::Process steps = processes::to_domain(
      process->steps,
      [&](const processes::Action& action, const processes::Step& step) { return place_of(services, action, step); });
  const domain::Plan plan = domain::build_plan(steps, scope, candidates);
  const std::string problem = domain::no_targets_problem(plan, scope);
  if (!problem.empty()) throw invalid(problem);

  PlanRecord record;
  record.space = deployment.space_id;
  record.deployment = deployment.id.str();
  record.task = deployment.task_id;
  record.project = project.id.str();
  record.project_name = project.name;
  record.release = release.id.str();
  record.environment = deployment.environment_id;
  record.channel = deployment.channel_id;
  record.process_snapshot = release.process_snapshot_id;
  record.variable_snapshot = release.variable_snapshot_id;
  record.warnings = plan.warnings;
  for (const std::string& name : left_out(plan)) {
    record.warnings.push_back(text::format("The deployment target \"{}\" is unavailable and is left out.", name));
  }
  for (const domain::PlannedGroup& group : plan.groups) {
    PlanGroup& made = record.groups.emplace_back();
    for (const domain::PlannedStep& step : group.steps) made.steps.push_back(record_step(step, machines));
  }
  return record;
}

}  // namespace fairlead::features::deployments
