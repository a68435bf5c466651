// SPDX-License-Identifier: Apache-2.0
// What a deployment will do: process + scope + targets give a plan, a pure value that preview shows and the run
// executes. Run conditions are decided later, step by step, by should_run(), as they depend on what happened before.
#pragma once

#include <cstddef>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/text.h"
#include "domain/octostache/variable_set.h"

namespace fairlead::domain {

using Properties = std::map<std::string, std::string, text::LessIgnoringCase>;

enum class RunCondition { success, failure, always, variable };
enum class StartTrigger { after_previous, with_previous };
// The API's words; nullopt for others.
std::optional<RunCondition> parse_run_condition(std::string_view text);
std::optional<StartTrigger> parse_start_trigger(std::string_view text);
std::string_view name_of(RunCondition condition);
std::string_view name_of(StartTrigger trigger);

// Where an action of this kind does its work. The step type says it; see steps/.
enum class RunsOn {
  target,  // once per matching target (on it, or by a worker on its behalf)
  once,    // once for the deployment: on a worker or in the server
};

struct ProcessAction {
  std::string id, name, slug, type;
  bool is_disabled = false;
  bool is_required = false;
  std::vector<std::string> environments, excluded_environments, channels;  // ids; empty: no restriction
  std::vector<std::string> tenant_tags;                                    // "Set/Tag"
  RunCondition condition = RunCondition::success;                          // of a child step: success or variable
  RunsOn runs_on = RunsOn::target;
  Properties properties;
};

struct ProcessStep {
  std::string id, name, slug;
  RunCondition condition = RunCondition::success;
  StartTrigger start = StartTrigger::after_previous;
  Properties properties;
  std::vector<ProcessAction> actions;
};

struct Process {
  std::vector<ProcessStep> steps;
};

struct Target {
  std::string id, name;
  std::vector<std::string> roles, environments;  // environment ids
  std::vector<std::string> tenants, tenant_tags;
  // TenantedDeploymentParticipation
  enum class Participation { untenanted, tenanted, both } participation = Participation::untenanted;
  bool is_disabled = false;
  bool is_unavailable = false;
  bool is_unhealthy = false;
};

// The project's ConnectivityPolicy.
struct ConnectivityPolicy {
  bool allow_deployments_to_no_targets = false;
  bool exclude_unhealthy_targets = false;
  bool skip_unavailable_machines = false;
  std::vector<std::string> skip_roles;  // only targets with one of these may be skipped; empty: all
};

struct PlanScope {
  std::string environment, environment_name;  // id and name
  std::string channel, channel_name;
  std::string tenant;
  std::vector<std::string> tenant_tags;
  std::vector<std::string> skip;  // SkipActions: ids, names or slugs of actions or steps
  std::vector<std::string> specific_machines, excluded_machines;  // ids
  ConnectivityPolicy connectivity;
  bool include_disabled = false;  // for previews
};

enum class Exclusion {
  none,
  disabled,
  environment,
  channel,
  tenant_tags,
  skipped_by_user,
  no_targets,
};

struct PlannedTarget {
  std::string id, name;
};

struct PlannedAction {
  std::size_t step = 0, action = 0;          // positions in the process
  std::string id, name, slug, type, number;  // number: "2", or "2.1" in a rolling step
  RunsOn runs_on = RunsOn::target;
  RunCondition condition = RunCondition::success;  // of a child step of a rolling step
  std::string condition_expression;
  std::vector<std::string> roles;
  std::vector<PlannedTarget> targets;      // empty for once
  std::vector<PlannedTarget> unavailable;  // skipped by the connectivity policy
  std::vector<PlannedTarget> excluded;     // by the request or for their health
  Exclusion exclusion = Exclusion::none;
  std::string reason;  // why it does not run: one sentence; empty when it runs
  bool can_be_skipped = true;
  bool runs() const { return exclusion == Exclusion::none; }
};

struct PlannedStep {
  std::size_t step = 0;
  std::string id, name, slug;
  int number = 0;  // 1-based in the process
  RunCondition condition = RunCondition::success;
  std::string condition_expression;  // for RunCondition::variable
  std::size_t window = 0;            // rolling: targets at a time; 0: not rolling
  std::size_t max_parallelism = 10;  // targets at once in a step that is not rolling
  std::vector<std::string> roles;
  std::vector<PlannedTarget> targets;  // of a step whose actions run on targets
  std::vector<PlannedAction> actions;  // all that are not removed, those that do not run included with their reason
  bool runs() const;
};

// Steps of one group start together; the next group starts when all of them have ended.
struct PlannedGroup {
  std::vector<PlannedStep> steps;
};

struct Plan {
  std::vector<PlannedGroup> groups;
  std::vector<std::string> warnings;   // for the task log: unknown names in the skip list, steps without targets
  std::vector<PlannedTarget> targets;  // union over all steps
  bool empty() const;                  // nothing runs
  const PlannedAction* find(std::string_view action_id) const;
};

// Throws Error(invalid): a required action named in the skip list; an unknown machine in specific_machines; targets
// that are unavailable and may not be skipped. no_targets_problem() decides about AllowDeploymentsToNoTargets.
Plan build_plan(const Process& process, const PlanScope& scope, const std::vector<Target>& targets);
// Empty, or one sentence why the deployment must not start: no step has a target and the project does not allow that.
std::string no_targets_problem(const Plan& plan, const PlanScope& scope);

// Tags of one set are alternatives, different sets must all match; an empty filter matches all.
bool matches_tenant_tags(const std::vector<std::string>& filter, const std::vector<std::string>& tags);

enum class StepStatus { pending, skipped, abandoned, canceled, running, succeeded, failed };
std::string_view name_of(StepStatus status);  // the words of Octopus.Step[...].Status.Code

struct RunDecision {
  bool run = false;
  std::string reason;  // why not: one sentence for the log
};
// `failed_before`: some earlier step failed and was not ignored. The variables are those at this moment; the expression
// counts as false when any of its tokens is missing.
RunDecision should_run(RunCondition condition, std::string_view expression, bool failed_before,
                       const octostache::VariableSet& variables);

inline constexpr std::size_t kMaxSteps = 1'000;
inline constexpr std::size_t kMaxActionsPerStep = 100;
inline constexpr std::size_t kMaxParallelism = 1'000;
// Throws Error(invalid) with one detail per fault ("Steps[2].Name"): names missing or twice, no action, no type,
// a variable condition without an expression, a first step that starts with its predecessor, a bad parallelism.
void validate(const Process& process);

}  // namespace fairlead::domain
