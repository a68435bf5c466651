// SPDX-License-Identifier: Apache-2.0
#include "domain/plan.h"

#include <gmock/gmock.h>

#include "base/error.h"

namespace fairlead::domain {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

using List = std::vector<std::string>;

ProcessStep step(std::string name, std::string roles = "web", StartTrigger start = StartTrigger::after_previous) {
  ProcessStep out;
  out.id = "S-" + name;
  out.name = name;
  out.slug = "slug-" + name;
  out.start = start;
  if (!roles.empty()) out.properties["Octopus.Action.TargetRoles"] = roles;
  ProcessAction action;
  action.id = "A-" + name;
  action.name = name;
  action.type = "Octopus.KubernetesDeployRawYaml";
  if (roles.empty()) action.runs_on = RunsOn::once;
  out.actions.push_back(action);
  return out;
}

Target target(std::string name, List roles = {"web"}) {
  Target out;
  out.id = "M-" + name;
  out.name = name;
  out.roles = std::move(roles);
  out.environments = {"E-1"};
  return out;
}

PlanScope scope() {
  PlanScope out;
  out.environment = "E-1";
  out.environment_name = "Development";
  out.channel = "C-1";
  out.channel_name = "Main";
  return out;
}

// "1[m1,m2] | 2+3": groups, the steps in them that run, their targets.
std::string outline(const Plan& plan) {
  List groups;
  for (const PlannedGroup& group : plan.groups) {
    List steps;
    for (const PlannedStep& step : group.steps) {
      for (const PlannedAction& action : step.actions) {
        List targets;
        for (const PlannedTarget& one : action.targets) targets.push_back(one.name);
        if (action.runs())
          steps.push_back(action.number + (targets.empty() ? "" : "[" + text::join(targets, ",") + "]"));
      }
    }
    groups.push_back(text::join(steps, "+"));
  }
  return text::join(groups, " | ");
}

TEST(Plan, StepsTargetsAndGroups) {
  const Process process{{step("a"), step("b", "db"), step("c", "", StartTrigger::with_previous), step("d", "web,db")}};
  const std::vector<Target> targets{target("m1"), target("m2"), target("d1", {"DB"})};
  const Plan plan = build_plan(process, scope(), targets);
  EXPECT_EQ(outline(plan), "1[m1,m2] | 2[d1]+3 | 4[m1,m2,d1]");
  EXPECT_EQ(plan.targets.size(), 3u);
  EXPECT_FALSE(plan.empty());
  EXPECT_EQ(plan.find("A-b")->targets.at(0).id, "M-d1");
  EXPECT_THAT(plan.warnings, IsEmpty());
}

TEST(Plan, EveryReasonNotToRun) {
  Process process{{step("off"), step("env"), step("excluded"), step("channel"), step("tags"), step("skip"),
                   step("none", "nowhere"), step("last", "")}};
  process.steps[0].actions[0].is_disabled = true;
  process.steps[1].actions[0].environments = {"E-2"};
  process.steps[2].actions[0].excluded_environments = {"E-1"};
  process.steps[3].actions[0].channels = {"C-2"};
  process.steps[4].actions[0].tenant_tags = {"Region/EU"};
  PlanScope where = scope();
  where.skip = {"slug-skip", "unknown"};
  const Plan plan = build_plan(process, where, {target("m1")});
  EXPECT_EQ(plan.find("A-off"), nullptr);
  EXPECT_EQ(plan.find("A-env")->reason, "The step \"env\" does not run in the environment \"Development\".");
  EXPECT_EQ(plan.find("A-excluded")->exclusion, Exclusion::environment);
  EXPECT_EQ(plan.find("A-channel")->reason, "The step \"channel\" does not run for the channel \"Main\".");
  EXPECT_EQ(plan.find("A-tags")->exclusion, Exclusion::tenant_tags);
  EXPECT_EQ(plan.find("A-skip")->exclusion, Exclusion::skipped_by_user);
  EXPECT_EQ(
      plan.find("A-none")->reason,
      "The step \"none\" is skipped: there is no enabled deployment target with the target tag \"nowhere\" in the "
      "environment \"Development\".");
  EXPECT_TRUE(plan.find("A-last")->runs());
  EXPECT_THAT(plan.warnings, ElementsAre(HasSubstr("\"unknown\" was to be skipped"), HasSubstr("\"none\" is skipped")));
  where.include_disabled = true;
  EXPECT_EQ(build_plan(process, where, {target("m1")}).find("A-off")->exclusion, Exclusion::disabled);
}

TEST(Plan, RequiredStepCannotBeSkipped) {
  Process process{{step("a")}};
  process.steps[0].actions[0].is_required = true;
  PlanScope where = scope();
  EXPECT_FALSE(build_plan(process, where, {target("m1")}).find("A-a")->can_be_skipped);
  where.skip = {"A-a"};
  EXPECT_THROW(build_plan(process, where, {target("m1")}), Error);
}

TEST(Plan, GroupsHoldOverStepsLeftOut) {
  Process process{
      {step("a", ""), step("b", "", StartTrigger::with_previous), step("c", "", StartTrigger::with_previous)}};
  process.steps[1].actions[0].is_disabled = true;
  EXPECT_EQ(outline(build_plan(process, scope(), {})), "1+3");
  process.steps[1].start = StartTrigger::after_previous;
  EXPECT_EQ(outline(build_plan(process, scope(), {})), "1 | 3");
  process.steps[0].actions[0].is_disabled = true;
  EXPECT_EQ(outline(build_plan(process, scope(), {})), "3");
}

TEST(Plan, ChoosesTargets) {
  const Process process{{step("a")}};
  std::vector<Target> targets{target("m1"), target("m2"), target("off"), target("elsewhere"), target("tenanted")};
  targets[2].is_disabled = true;
  targets[3].environments = {"E-2"};
  targets[4].participation = Target::Participation::tenanted;
  targets[4].tenants = {"T-1"};
  PlanScope where = scope();
  EXPECT_EQ(outline(build_plan(process, where, targets)), "1[m1,m2]");
  where.specific_machines = {"M-m2"};
  EXPECT_EQ(outline(build_plan(process, where, targets)), "1[m2]");
  where.specific_machines.clear();
  where.excluded_machines = {"M-m2"};
  const Plan excluded = build_plan(process, where, targets);
  EXPECT_EQ(outline(excluded), "1[m1]");
  EXPECT_EQ(excluded.find("A-a")->excluded.at(0).name, "m2");
  where.excluded_machines = {"M-m1", "M-m2"};
  EXPECT_THAT(build_plan(process, where, targets).find("A-a")->reason,
              HasSubstr("all 2 deployment targets with the target tag \"web\" are excluded"));
  where = scope();
  where.tenant = "T-1";
  EXPECT_EQ(outline(build_plan(process, where, targets)), "1[tenanted]");
  where = scope();
  where.specific_machines = {"M-9"};
  EXPECT_THROW(build_plan(process, where, targets), Error);
}

TEST(Plan, UnavailableTargets) {
  const Process process{{step("a")}};
  std::vector<Target> targets{target("m1"), target("m2")};
  targets[1].is_unavailable = true;
  PlanScope where = scope();
  try {
    build_plan(process, where, targets);
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.message(), "A deployment target is not available: \"m2\".");
  }
  where.connectivity.skip_unavailable_machines = true;
  EXPECT_EQ(build_plan(process, where, targets).find("A-a")->unavailable.at(0).name, "m2");
  where.connectivity.skip_roles = {"db"};
  EXPECT_THROW(build_plan(process, where, targets), Error);
  targets[1].is_unavailable = false;
  targets[1].is_unhealthy = true;
  EXPECT_EQ(outline(build_plan(process, where, targets)), "1[m1,m2]");
  where.connectivity.exclude_unhealthy_targets = true;
  EXPECT_EQ(outline(build_plan(process, where, targets)), "1[m1]");
}

TEST(Plan, DeploymentsWithoutTargets) {
  PlanScope where = scope();
  const Plan nothing = build_plan({{step("a"), step("once", "")}}, where, {});
  EXPECT_THAT(no_targets_problem(nothing, where),
              HasSubstr("No step has a deployment target in the environment \"Development\""));
  where.connectivity.allow_deployments_to_no_targets = true;
  EXPECT_EQ(no_targets_problem(nothing, where), "");
  EXPECT_EQ(no_targets_problem(build_plan({{step("once", "")}}, scope(), {}), scope()), "");
  EXPECT_EQ(no_targets_problem(build_plan({{step("a"), step("b", "x")}}, scope(), {target("m1")}), scope()), "");
  EXPECT_TRUE(build_plan({}, scope(), {}).empty());
}

TEST(Plan, RollingStep) {
  Process process{{step("roll")}};
  process.steps[0].properties["octopus.action.maxparallelism"] = " 2 ";
  ProcessAction second = process.steps[0].actions[0];
  second.id = "A-second";
  second.name = "second";
  second.condition = RunCondition::variable;
  second.properties["Octopus.Action.ConditionVariableExpression"] = "#{Go}";
  process.steps[0].actions.push_back(second);
  const Plan plan = build_plan(process, scope(), {target("m1"), target("m2")});
  EXPECT_EQ(plan.groups[0].steps[0].window, 2u);
  EXPECT_EQ(plan.find("A-second")->number, "1.2");
  EXPECT_EQ(plan.find("A-second")->condition_expression, "#{Go}");
  EXPECT_EQ(plan.groups[0].steps[0].targets.size(), 2u);
}

TEST(Plan, RunConditions) {
  octostache::VariableSet variables;
  variables.set("Go", "true");
  variables.set("Stop", "false");
  struct Row {
    RunCondition condition;
    std::string_view expression;
    bool failed, run;
  };
  const Row rows[] = {
      {RunCondition::success, "", false, true},          {RunCondition::success, "", true, false},
      {RunCondition::failure, "", false, false},         {RunCondition::failure, "", true, true},
      {RunCondition::always, "", false, true},           {RunCondition::always, "", true, true},
      {RunCondition::variable, "#{Go}", false, true},    {RunCondition::variable, "#{Go}", true, true},
      {RunCondition::variable, "#{Stop}", false, false}, {RunCondition::variable, "true #{Missing}", false, false},
      {RunCondition::variable, "#{", false, false},      {RunCondition::variable, "", false, false},
  };
  for (const Row& row : rows) {
    const RunDecision decision = should_run(row.condition, row.expression, row.failed, variables);
    EXPECT_EQ(decision.run, row.run) << name_of(row.condition) << " " << row.expression;
    EXPECT_EQ(decision.reason.empty(), row.run);
  }
  EXPECT_EQ(should_run(RunCondition::variable, "#{Missing}", false, variables).reason,
            "The run condition counts as false: There is no variable \"Missing\" in this scope.");
}

TEST(Plan, TenantTagAlgebra) {
  EXPECT_TRUE(matches_tenant_tags({}, {}));
  EXPECT_TRUE(matches_tenant_tags({"A/1", "a/2"}, {"A/2"}));
  EXPECT_FALSE(matches_tenant_tags({"A/1", "B/1"}, {"A/1"}));
  EXPECT_TRUE(matches_tenant_tags({"A/1", "B/1"}, {"A/1", "B/1", "C/1"}));
}

TEST(Plan, Validates) {
  Process process{{step("a"), step("A"), step("c")}};
  process.steps[0].start = StartTrigger::with_previous;
  process.steps[0].properties["Octopus.Action.MaxParallelism"] = "0";
  process.steps[2].actions[0].type.clear();
  process.steps[2].condition = RunCondition::variable;
  try {
    validate(process);
    FAIL();
  } catch (const Error& error) {
    List places;
    for (const ErrorDetail& detail : error.details()) places.push_back(detail.where);
    EXPECT_THAT(places,
                ElementsAre("Steps[0].StartTrigger", "Steps[0].Properties", "Steps[1].Name", "Steps[1].Actions[0].Name",
                            "Steps[2].Properties", "Steps[2].Actions[0].ActionType"));
  }
  EXPECT_NO_THROW(validate({{step("a"), step("b")}}));
  Process empty{{step("a")}};
  empty.steps[0].actions.clear();
  EXPECT_THROW(validate(empty), Error);
}

TEST(Plan, Words) {
  for (const std::string_view word : {"Success", "Failure", "Always", "Variable"})
    EXPECT_EQ(name_of(*parse_run_condition(word)), word);
  for (const std::string_view word : {"StartAfterPrevious", "StartWithPrevious"})
    EXPECT_EQ(name_of(*parse_start_trigger(word)), word);
  EXPECT_FALSE(parse_run_condition("Sometimes"));
  EXPECT_FALSE(parse_start_trigger(""));
  EXPECT_EQ(name_of(StepStatus::succeeded), "Succeeded");
}

}  // namespace
}  // namespace fairlead::domain
