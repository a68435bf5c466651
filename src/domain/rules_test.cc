// SPDX-License-Identifier: Apache-2.0
// Task states, names, system variables.
#include <gmock/gmock.h>

#include <set>

#include "base/error.h"
#include "domain/name_rules.h"
#include "domain/octostache/template.h"
#include "domain/system_variables.h"
#include "domain/task_state.h"

namespace fairlead::domain {
namespace {

using ::testing::HasSubstr;

TEST(TaskState, Transitions) {
  using enum TaskState;
  const TaskState all[] = {queued, executing, cancelling, canceled, failed, success, timed_out};
  const std::set<std::pair<TaskState, TaskState>> legal{
      {queued, executing},     {queued, cancelling}, {queued, canceled},    {queued, failed},       {queued, timed_out},
      {executing, cancelling}, {executing, success}, {executing, failed},   {executing, timed_out}, {executing, queued},
      {cancelling, canceled},  {cancelling, failed}, {cancelling, success},
  };
  for (const TaskState from : all) {
    EXPECT_EQ(parse_task_state(name_of(from)), from);
    for (const TaskState to : all)
      EXPECT_EQ(can_become(from, to), legal.contains({from, to})) << name_of(from) << " " << name_of(to);
  }
  EXPECT_EQ(name_of(timed_out), "TimedOut");
  EXPECT_FALSE(parse_task_state("Paused"));
  try {
    require_transition(success, cancelling);
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.fault(), Fault::conflict);
    EXPECT_EQ(error.message(), "The task is Success, so it cannot become Cancelling.");
  }
}

TEST(Names, Problems) {
  EXPECT_FALSE(name_problem("Web Shop 2.0 ä"));
  EXPECT_THAT(*name_problem(" "), HasSubstr("required"));
  EXPECT_THAT(*name_problem(" a"), HasSubstr("white space"));
  EXPECT_THAT(*name_problem("a\nb"), HasSubstr("control character"));
  EXPECT_THAT(*name_problem("\xff"), HasSubstr("UTF-8"));
  EXPECT_EQ(*name_problem("äää", {2}), "The name has 3 characters; at most 2 are allowed.");
  EXPECT_FALSE(name_problem("ää", {2}));
  EXPECT_THROW(require_name("", "Name"), Error);
}

TEST(Names, Slugs) {
  for (const std::string_view good : {"a", "web-shop", "a1-2"}) EXPECT_TRUE(is_slug(good)) << good;
  for (const std::string_view bad : {"", "-a", "a-", "a--b", "A", "a_b", "ä"}) EXPECT_FALSE(is_slug(bad)) << bad;
  std::set<std::string, std::less<>> used{"web", "web-1"};
  const auto taken = [&](std::string_view slug) { return used.contains(slug); };
  EXPECT_EQ(unique_slug("Web!", taken), "web-2");
  EXPECT_EQ(unique_slug("Shop", taken), "shop");
  EXPECT_TRUE(is_slug(unique_slug(std::string(500, 'x'), taken)));
  EXPECT_THAT(*slug_problem("A b"), HasSubstr("\"A b\" is not valid"));
}

TEST(Names, EphemeralEnvironments) {
  EXPECT_EQ(ephemeral_environment_name("feature/ABC:12*"), "feature-ABC-12");
  EXPECT_EQ(ephemeral_environment_name("_-x{y}_"), "x-y");
  EXPECT_EQ(ephemeral_environment_name(std::string(80, 'a')).size(), 50u);
  EXPECT_EQ(ephemeral_environment_name(std::string(49, 'a') + "/b"), std::string(49, 'a'));
  EXPECT_THROW(ephemeral_environment_name("///"), Error);
}

TEST(SystemVariables, Deployment) {
  DeploymentScopeFacts facts;
  facts.environment = {"Environments-1", "Development", "development"};
  facts.project = {"Projects-1", "Web #{x}", "web"};
  facts.release.number = "1.2.3";
  facts.release.created = parse_iso8601("2026-01-02T03:04:05Z");
  facts.release.custom_fields = {{"PrNumber", "7"}};
  facts.deployment.id = "Deployments-1";
  facts.task.id = "ServerTasks-1";
  facts.targets.push_back({{"Machines-1", "m1", ""}, {"web", "db"}, "", "", {}});
  octostache::VariableSet set;
  add_deployment_variables(set, facts);
  const auto value = [&](std::string_view text) { return octostache::evaluate(text, set).text; };
  EXPECT_EQ(value("#{Octopus.Environment.Name}/#{Octopus.Environment.Slug}"), "Development/development");
  EXPECT_EQ(value("#{Octopus.Project.Name}"), "Web #{x}");
  EXPECT_EQ(value("#{Octopus.Release.Number} #{Octopus.Release.Created}"), "1.2.3 2026-01-02 03:04:05 +00:00");
  EXPECT_EQ(value("#{Octopus.Release.CustomFields[PrNumber]}"), "7");
  EXPECT_EQ(value("#{each t in Octopus.Deployment.Targets}#{t.Name}#{/each}"), "m1");
  EXPECT_EQ(value("#{Octopus.Environment.MachinesInRole[web]}"), "Machines-1");
  EXPECT_FALSE(octostache::evaluate("#{Octopus.Deployment.Tenant.Id}", set).ok());
  facts.tenant.emplace();
  facts.tenant->tenant.id = "Tenants-1";
  facts.tenant->tags = {"A/1", "B/2"};
  add_deployment_variables(set, facts);
  EXPECT_EQ(value("#{Octopus.Deployment.Tenant.Id} #{Octopus.Deployment.Tenant.Tags}"), "Tenants-1 A/1,B/2");
}

TEST(SystemVariables, ActionTargetAndOutputs) {
  octostache::VariableSet set;
  ActionFacts action;
  action.name = "Deploy";
  action.number = "2.1";
  action.properties = {
      {"Octopus.Action.Name", "other"}, {"Octopus.Action.KubernetesContainers.Namespace", "#{Ns}"}, {"Token", "t"}};
  action.sensitive_properties = {"Token"};
  add_action_variables(set, action);
  set.set("Ns", "shop");
  TargetFacts target{{"Machines-1", "m1", ""}, {"web"}, "", "Kubernetes", {{"ClusterUrl", "https://c"}}};
  add_target_variables(set, target);
  add_step_variables(set, {"S-1", "Deploy", 2});
  add_package_variables(set, {"web", "shop/web", "Feeds-1", "1.0", "r/shop/web:1.0", "r", "sha256:1"});
  const auto value = [&](std::string_view text) { return octostache::evaluate(text, set).text; };
  EXPECT_EQ(value("#{Octopus.Action.Name} #{Octopus.Action.Number} #{Octopus.Step.Number}"), "Deploy 2.1 2");
  EXPECT_EQ(value("#{Octopus.Action.KubernetesContainers.Namespace}"), "shop");
  EXPECT_TRUE(octostache::evaluate("#{Token}", set).sensitive());
  EXPECT_EQ(value("#{Octopus.Endpoint.Kubernetes.ClusterUrl} #{Octopus.Machine.Roles}"), "https://c web");
  EXPECT_EQ(value("#{Octopus.Action.Package[web].Image}"), "r/shop/web:1.0");

  add_output(set, {"One", "m1", "Url", "u1", false}, false);
  add_output(set, {"One", "m2", "Url", "u2", true}, false);
  EXPECT_EQ(value("#{Octopus.Action[One].Output[m2].Url} #{Octopus.Action[One].Output.Url}"), "u2 u1");
  add_output(set, {"One", "m2", "Url", "u2", true}, true);
  EXPECT_EQ(value("#{Octopus.Action[One].Output.Url}"), "u2");
  add_step_status(set, "One", {"Failed", "boom", ""});
  add_action_status(set, "Two", {"Skipped", "", ""});
  EXPECT_EQ(
      value("#{Octopus.Step[One].Status.Code} #{Octopus.Step[One].Status.Error} #{Octopus.Action[Two].IsSkipped}"),
      "Failed boom True");
  add_deployment_error(set, "failed", "at step 2");
  EXPECT_EQ(value("#{Octopus.Deployment.Error}: #{Octopus.Deployment.ErrorDetail}"), "failed: at step 2");
}

TEST(SystemVariables, ReservedNames) {
  EXPECT_TRUE(is_reserved_name("octopus.Release.Number"));
  EXPECT_FALSE(is_reserved_name("Octopus.Action.MaxParallelism"));
  EXPECT_FALSE(is_reserved_name("OctopusPrintVariables"));
  EXPECT_FALSE(is_reserved_name("Name"));
}

}  // namespace
}  // namespace fairlead::domain
