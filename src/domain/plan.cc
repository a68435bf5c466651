// SPDX-License-Identifier: Apache-2.0
#include "domain/plan.h"

#include <algorithm>
#include <set>

#include "base/error.h"
#include "domain/lists.h"
#include "domain/octostache/template.h"

namespace fairlead::domain {

namespace {

constexpr std::string_view kTargetRoles = "Octopus.Action.TargetRoles";
constexpr std::string_view kMaxParallelismName = "Octopus.Action.MaxParallelism";
// Clients write either name.
constexpr std::string_view kStepExpression = "Octopus.Step.ConditionVariableExpression";
constexpr std::string_view kActionExpression = "Octopus.Action.ConditionVariableExpression";
constexpr std::size_t kDefaultParallelism = 10;

std::string_view property(const Properties& properties, std::string_view name) {
  const auto found = properties.find(name);
  return found == properties.end() ? std::string_view{} : std::string_view(found->second);
}

std::string expression_of(const ProcessStep& step) {
  const std::string_view own = property(step.properties, kStepExpression);
  return std::string(own.empty() ? property(step.properties, kActionExpression) : own);
}

List roles_of(const ProcessStep& step, const ProcessAction& action) {
  List roles = text::split_list(property(action.properties, kTargetRoles));
  return roles.empty() ? text::split_list(property(step.properties, kTargetRoles)) : roles;
}

bool names(const List& skip, const std::string& id, const std::string& name, const std::string& slug) {
  return (!id.empty() && has(skip, id)) || has(skip, name) || (!slug.empty() && has(skip, slug));
}

class Builder {
 public:
  Builder(const Process& process, const PlanScope& scope, const std::vector<Target>& targets)
      : process_(process), scope_(scope), targets_(targets) {}

  Plan build() {
    check_request();
    for (std::size_t i = 0; i < process_.steps.size(); ++i) add_step(i);
    check_unavailable();
    collect_targets();
    return std::move(plan_);
  }

 private:
  void check_request();
  void check_unavailable() const;
  void add_step(std::size_t position);
  bool joins_last_group(std::size_t position) const;
  PlannedAction plan_action(const ProcessStep& step, std::size_t step_position, std::size_t action_position);
  void choose_targets(PlannedAction& planned);
  bool belongs(const Target& target, const List& roles) const;
  bool may_skip(const Target& target) const;
  void exclude(PlannedAction& planned, Exclusion exclusion, std::string reason) const {
    planned.exclusion = exclusion;
    planned.reason = std::move(reason);
  }
  void collect_targets();

  const Process& process_;
  const PlanScope& scope_;
  const std::vector<Target>& targets_;
  Plan plan_;
  std::set<std::string> unreachable_;  // names of targets that are needed, unavailable and may not be skipped
};

void Builder::check_request() {
  for (const std::string& id : scope_.specific_machines) {
    const bool known =
        std::any_of(targets_.begin(), targets_.end(), [&](const Target& target) { return target.id == id; });
    if (!known) {
      throw invalid(text::format("There is no deployment target \"{}\" in this space.", id))
          .at("SpecificMachineIds", "Name existing deployment targets, or leave the list empty for all.");
    }
  }
  for (const std::string& wanted : scope_.skip) {
    const bool known = std::any_of(process_.steps.begin(), process_.steps.end(), [&](const ProcessStep& step) {
      return names({wanted}, step.id, step.name, step.slug) ||
             std::any_of(step.actions.begin(), step.actions.end(), [&](const ProcessAction& action) {
               return names({wanted}, action.id, action.name, action.slug);
             });
    });
    if (!known) {
      plan_.warnings.push_back(
          text::format("The step \"{}\" was to be skipped, but the process has no such step.", wanted));
    }
  }
}

void Builder::check_unavailable() const {
  if (unreachable_.empty()) return;
  const List all(unreachable_.begin(), unreachable_.end());
  throw invalid(text::format("{} not available: {}.",
                             all.size() == 1 ? "A deployment target is" : "Deployment targets are",
                             text::join(all, ", ")))
      .with_help(
          "Check their health, exclude them from this deployment, or let the project skip unavailable deployment "
          "targets.");
}

void Builder::add_step(std::size_t position) {
  const ProcessStep& step = process_.steps[position];
  PlannedStep planned;
  planned.step = position;
  planned.id = step.id;
  planned.name = step.name;
  planned.slug = step.slug;
  planned.number = static_cast<int>(position) + 1;
  planned.condition = step.condition;
  planned.condition_expression = expression_of(step);
  planned.roles = text::split_list(property(step.properties, kTargetRoles));
  const std::int64_t parallelism =
      text::parse_int(text::trim(property(step.properties, kMaxParallelismName))).value_or(0);
  const bool is_set = parallelism > 0;
  // A number on a step with roles is the window of a rolling step.
  if (is_set && !planned.roles.empty()) planned.window = static_cast<std::size_t>(parallelism);
  planned.max_parallelism = is_set ? static_cast<std::size_t>(parallelism) : kDefaultParallelism;
  for (std::size_t i = 0; i < step.actions.size(); ++i) {
    PlannedAction action = plan_action(step, position, i);
    if (action.exclusion == Exclusion::disabled && !scope_.include_disabled) continue;
    for (const PlannedTarget& target : action.targets) {
      const bool known = std::any_of(planned.targets.begin(), planned.targets.end(),
                                     [&](const PlannedTarget& other) { return other.id == target.id; });
      if (!known) planned.targets.push_back(target);
    }
    if (action.exclusion == Exclusion::no_targets) plan_.warnings.push_back(action.reason);
    planned.actions.push_back(std::move(action));
  }
  if (planned.actions.empty()) return;
  if (joins_last_group(position)) {
    plan_.groups.back().steps.push_back(std::move(planned));
  } else {
    plan_.groups.emplace_back().steps.push_back(std::move(planned));
  }
}

// A chain of steps that start together holds over steps that were left out of the plan, and begins anew after a step
// that was left out although it had started a group.
bool Builder::joins_last_group(std::size_t position) const {
  if (plan_.groups.empty()) return false;
  for (std::size_t i = plan_.groups.back().steps.back().step + 1; i <= position; ++i) {
    if (process_.steps[i].start == StartTrigger::after_previous) return false;
  }
  return true;
}

PlannedAction Builder::plan_action(const ProcessStep& step, std::size_t step_position, std::size_t action_position) {
  const ProcessAction& action = step.actions[action_position];
  PlannedAction planned;
  planned.step = step_position;
  planned.action = action_position;
  planned.id = action.id;
  planned.name = action.name;
  planned.slug = action.slug;
  planned.type = action.type;
  planned.number = step.actions.size() == 1 ? std::to_string(step_position + 1)
                                            : text::format("{}.{}", step_position + 1, action_position + 1);
  planned.runs_on = action.runs_on;
  planned.condition = action.condition;
  planned.condition_expression = property(action.properties, kActionExpression);
  planned.roles = roles_of(step, action);
  planned.can_be_skipped = !action.is_required;
  const bool to_skip =
      names(scope_.skip, action.id, action.name, action.slug) || names(scope_.skip, step.id, step.name, step.slug);
  if (action.is_disabled) {
    exclude(planned, Exclusion::disabled, text::format("The step \"{}\" is disabled.", action.name));
  } else if ((!action.environments.empty() && !has(action.environments, scope_.environment)) ||
             has(action.excluded_environments, scope_.environment)) {
    exclude(
        planned, Exclusion::environment,
        text::format("The step \"{}\" does not run in the environment \"{}\".", action.name, scope_.environment_name));
  } else if (!action.channels.empty() && !has(action.channels, scope_.channel)) {
    exclude(planned, Exclusion::channel,
            text::format("The step \"{}\" does not run for the channel \"{}\".", action.name, scope_.channel_name));
  } else if (!matches_tenant_tags(action.tenant_tags, scope_.tenant_tags)) {
    exclude(planned, Exclusion::tenant_tags,
            text::format("The step \"{}\" runs for tenants with other tags only.", action.name));
  } else if (to_skip) {
    if (action.is_required) {
      throw invalid(text::format("The step \"{}\" is required, so it cannot be skipped.", action.name))
          .at("SkipActions", "Take it off the list of steps to skip.");
    }
    exclude(planned, Exclusion::skipped_by_user, text::format("The step \"{}\" is skipped by request.", action.name));
  } else if (action.runs_on == RunsOn::target) {
    choose_targets(planned);
  }
  return planned;
}

bool Builder::belongs(const Target& target, const List& roles) const {
  if (target.is_disabled || !has(target.environments, scope_.environment)) return false;
  if (!roles.empty() && !intersects(roles, target.roles)) return false;
  using Participation = Target::Participation;
  if (scope_.tenant.empty()) return target.participation != Participation::tenanted;
  if (target.participation == Participation::untenanted) return false;
  return has(target.tenants, scope_.tenant) ||
         (!target.tenant_tags.empty() && matches_tenant_tags(target.tenant_tags, scope_.tenant_tags));
}

bool Builder::may_skip(const Target& target) const {
  const ConnectivityPolicy& policy = scope_.connectivity;
  return policy.skip_unavailable_machines && (policy.skip_roles.empty() || intersects(policy.skip_roles, target.roles));
}

void Builder::choose_targets(PlannedAction& planned) {
  std::size_t matching = 0;
  for (const Target& target : targets_) {
    if (!belongs(target, planned.roles)) continue;
    ++matching;
    PlannedTarget chosen{target.id, target.name};
    const bool not_wanted = (!scope_.specific_machines.empty() && !has(scope_.specific_machines, target.id)) ||
                            has(scope_.excluded_machines, target.id);
    if (not_wanted || (target.is_unhealthy && scope_.connectivity.exclude_unhealthy_targets)) {
      planned.excluded.push_back(std::move(chosen));
    } else if (!target.is_unavailable) {
      planned.targets.push_back(std::move(chosen));
    } else if (may_skip(target)) {
      planned.unavailable.push_back(std::move(chosen));
    } else {
      unreachable_.insert("\"" + target.name + "\"");
    }
  }
  if (!planned.targets.empty() || !unreachable_.empty()) return;
  const std::string which = planned.roles.empty() ? std::string("any target tag")
                                                  : "the target tag \"" + text::join(planned.roles, "\" or \"") + "\"";
  const std::string why =
      matching == 0 ? text::format("there is no enabled deployment target with {} in the environment \"{}\"", which,
                                   scope_.environment_name)
                    : text::format("all {} with {} are excluded or unavailable",
                                   text::counted(static_cast<std::int64_t>(matching), "deployment target"), which);
  exclude(planned, Exclusion::no_targets, text::format("The step \"{}\" is skipped: {}.", planned.name, why));
}

void Builder::collect_targets() {
  std::set<std::string> seen;
  for (const PlannedGroup& group : plan_.groups) {
    for (const PlannedStep& step : group.steps) {
      for (const PlannedTarget& target : step.targets) {
        if (seen.insert(target.id).second) plan_.targets.push_back(target);
      }
    }
  }
}

std::optional<std::string> parallelism_problem(const ProcessStep& step) {
  const std::string_view written = text::trim(property(step.properties, kMaxParallelismName));
  if (written.empty() || written.find("#{") != std::string_view::npos) return std::nullopt;
  const std::optional<std::int64_t> value = text::parse_int(written);
  if (value && *value >= 1 && *value <= static_cast<std::int64_t>(kMaxParallelism)) return std::nullopt;
  return text::format("The parallelism \"{}\" is no number from 1 to {}.", text::shorten(written, 20), kMaxParallelism);
}

void validate_actions(const ProcessStep& step, std::size_t position,
                      std::set<std::string, text::LessIgnoringCase>& seen, Error& error) {
  for (std::size_t i = 0; i < step.actions.size(); ++i) {
    const ProcessAction& action = step.actions[i];
    const auto at = [&](std::string_view member) {
      return text::format("Steps[{}].Actions[{}].{}", position, i, member);
    };
    if (text::trim(action.name).empty()) {
      error.at(at("Name"), "An action needs a name.");
    } else if (!seen.insert(action.name).second) {
      error.at(at("Name"), text::format("Two actions are called \"{}\"; rename one.", action.name));
    }
    if (action.type.empty())
      error.at(at("ActionType"), "An action needs a type, such as Octopus.KubernetesDeployRawYaml.");
    if (action.condition == RunCondition::variable && property(action.properties, kActionExpression).empty()) {
      error.at(at("Properties"), text::format("The run condition is Variable, but there is no {}.", kActionExpression));
    }
  }
}

}  // namespace

std::optional<RunCondition> parse_run_condition(std::string_view text) {
  for (const RunCondition condition :
       {RunCondition::success, RunCondition::failure, RunCondition::always, RunCondition::variable}) {
    if (text::equals_ignoring_case(text, name_of(condition))) return condition;
  }
  return std::nullopt;
}

std::optional<StartTrigger> parse_start_trigger(std::string_view text) {
  for (const StartTrigger trigger : {StartTrigger::after_previous, StartTrigger::with_previous}) {
    if (text::equals_ignoring_case(text, name_of(trigger))) return trigger;
  }
  return std::nullopt;
}

std::string_view name_of(RunCondition condition) {
  constexpr std::string_view kNames[] = {"Success", "Failure", "Always", "Variable"};
  return kNames[static_cast<std::size_t>(condition)];
}

std::string_view name_of(StartTrigger trigger) {
  return trigger == StartTrigger::with_previous ? "StartWithPrevious" : "StartAfterPrevious";
}

std::string_view name_of(StepStatus status) {
  constexpr std::string_view kNames[] = {"Pending", "Skipped",   "Abandoned", "Canceled",
                                         "Running", "Succeeded", "Failed"};
  return kNames[static_cast<std::size_t>(status)];
}

bool PlannedStep::runs() const {
  return std::any_of(actions.begin(), actions.end(), [](const PlannedAction& action) { return action.runs(); });
}

bool Plan::empty() const {
  for (const PlannedGroup& group : groups) {
    for (const PlannedStep& step : group.steps) {
      if (step.runs()) return false;
    }
  }
  return true;
}

const PlannedAction* Plan::find(std::string_view action_id) const {
  for (const PlannedGroup& group : groups) {
    for (const PlannedStep& step : group.steps) {
      for (const PlannedAction& action : step.actions) {
        if (action.id == action_id) return &action;
      }
    }
  }
  return nullptr;
}

Plan build_plan(const Process& process, const PlanScope& scope, const std::vector<Target>& targets) {
  return Builder(process, scope, targets).build();
}

std::string no_targets_problem(const Plan& plan, const PlanScope& scope) {
  if (scope.connectivity.allow_deployments_to_no_targets) return {};
  bool wants_targets = false;
  for (const PlannedGroup& group : plan.groups) {
    for (const PlannedStep& step : group.steps) {
      for (const PlannedAction& action : step.actions) {
        if (action.runs() && action.runs_on == RunsOn::target) return {};
        wants_targets = wants_targets || action.exclusion == Exclusion::no_targets;
      }
    }
  }
  if (!wants_targets) return {};
  return text::format(
      "No step has a deployment target in the environment \"{}\". Add the target tags of the steps to a target of this "
      "environment, or allow deployments without targets in the project's settings.",
      scope.environment_name);
}

bool matches_tenant_tags(const std::vector<std::string>& filter, const std::vector<std::string>& tags) {
  std::map<std::string, bool, text::LessIgnoringCase> sets;  // set -> one of its tags was found
  for (const std::string& tag : filter) {
    bool& found = sets[tag.substr(0, tag.find('/'))];
    found = found || has(tags, tag);
  }
  return std::all_of(sets.begin(), sets.end(), [](const auto& entry) { return entry.second; });
}

RunDecision should_run(RunCondition condition, std::string_view expression, bool failed_before,
                       const octostache::VariableSet& variables) {
  switch (condition) {
    case RunCondition::success:
      return failed_before ? RunDecision{false, "An earlier step failed, and this step runs only when all succeeded."}
                           : RunDecision{true, {}};
    case RunCondition::failure:
      return failed_before ? RunDecision{true, {}}
                           : RunDecision{false, "No earlier step failed, and this step runs only after a failure."};
    case RunCondition::always: return {true, {}};
    case RunCondition::variable: break;
  }
  const octostache::Evaluation result = octostache::evaluate(expression, variables);
  if (result.syntax_error) {
    return {false,
            text::format("The run condition cannot be read, which counts as false: {}", result.syntax_error->text)};
  }
  if (!result.missing.empty()) {
    return {false, text::format("The run condition counts as false: {}", result.missing.front().reason)};
  }
  if (!result.is_null && octostache::is_truthy(result.text)) return {true, {}};
  return {false, result.sensitive() ? std::string("The run condition is false.")
                                    : text::format("The run condition is false: it evaluated to \"{}\".",
                                                   text::shorten(result.text, 100))};
}

void validate(const Process& process) {
  Error error(Fault::invalid, "The process is not valid.");
  if (process.steps.size() > kMaxSteps) {
    throw invalid_at("Steps",
                     text::format("There are {} steps; at most {} are allowed.", process.steps.size(), kMaxSteps));
  }
  std::set<std::string, text::LessIgnoringCase> step_names;
  std::set<std::string, text::LessIgnoringCase> action_names;
  for (std::size_t i = 0; i < process.steps.size(); ++i) {
    const ProcessStep& step = process.steps[i];
    const auto at = [&](std::string_view member) { return text::format("Steps[{}].{}", i, member); };
    if (text::trim(step.name).empty()) {
      error.at(at("Name"), "A step needs a name.");
    } else if (!step_names.insert(step.name).second) {
      error.at(at("Name"), text::format("Two steps are called \"{}\"; rename one.", step.name));
    }
    if (step.actions.empty()) error.at(at("Actions"), "A step needs at least one action.");
    if (step.actions.size() > kMaxActionsPerStep) {
      error.at(at("Actions"),
               text::format("There are {} actions; at most {} are allowed.", step.actions.size(), kMaxActionsPerStep));
      continue;
    }
    if (i == 0 && step.start == StartTrigger::with_previous) {
      error.at(at("StartTrigger"), "The first step has no previous step to start with; use StartAfterPrevious.");
    }
    if (step.condition == RunCondition::variable && expression_of(step).empty()) {
      error.at(at("Properties"), text::format("The run condition is Variable, but there is no {}.", kStepExpression));
    }
    if (auto problem = parallelism_problem(step)) error.at(at("Properties"), *problem);
    validate_actions(step, i, action_names, error);
  }
  if (!error.details().empty()) throw error;
}

}  // namespace fairlead::domain
