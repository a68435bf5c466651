// SPDX-License-Identifier: Apache-2.0
#include "features/health_checks/rules.h"

#include <gtest/gtest.h>

namespace fairlead::features::health_checks {
namespace {

CheckedTarget api_target(const std::string& name = "east") {
  CheckedTarget target;
  target.id = "Machines-1";
  target.name = name;
  return target;
}

CheckedTarget agent() {
  CheckedTarget target = api_target("agent");
  target.is_agent = true;
  target.is_connected = true;
  return target;
}

link::HealthResult answer(const std::string& status, const std::string& summary) {
  link::HealthResult result;
  result.status = status;
  result.summary = summary;
  result.executor_version = "1.2.3";
  return result;
}

targets::Finding found(const char* status) {
  targets::Finding finding;
  finding.status = status;
  finding.summary = "It is so.";
  return finding;
}

TEST(HealthCheck, SaysWhatToDoWhereSomethingIsWrong) {
  const auto good = finding_of(api_target(), answer("Healthy", "it answers"));
  EXPECT_EQ(good.summary, "it answers");
  EXPECT_EQ(good.agent_version, "");
  EXPECT_EQ(finding_of(agent(), answer("Healthy", "it answers")).agent_version, "1.2.3");
  const auto refused = finding_of(api_target(), answer("Unhealthy", "the cluster does not accept the credentials"));
  EXPECT_EQ(refused.status, "Unhealthy");
  EXPECT_EQ(refused.summary.rfind("the cluster does not accept the credentials. Check the target's account", 0), 0U)
      << refused.summary;
  EXPECT_NE(finding_of(api_target(), answer("Unavailable", "cannot reach it")).summary.find("cluster URL"),
            std::string::npos);
  EXPECT_NE(finding_of(agent(), answer("Unhealthy", "no")).summary.find("service account"), std::string::npos);
}

TEST(HealthCheck, TellsASilentClusterFromAMissingExecutor) {
  const Error late(Fault::timeout, "late");
  EXPECT_EQ(finding_of(api_target(), late, true).status, "Unavailable");
  EXPECT_EQ(finding_of(api_target(), late, false).status, "Unknown") << "the cluster may be well";
  EXPECT_EQ(finding_of(agent(), late, false).summary, away().summary);
  EXPECT_EQ(finding_of(agent(), late, true).status, "Unavailable");
  const auto lacks = finding_of(api_target(), invalid("The target east has no account."), true);
  EXPECT_EQ(lacks.status, "Unhealthy");
  EXPECT_EQ(lacks.summary, "The target east has no account.");
}

TEST(HealthCheck, FailsForTargetsThatShouldBeThere) {
  std::vector<CheckedTarget> targets = {api_target("a"), api_target("b"), api_target("c")};
  EXPECT_EQ(failure_of(targets, {found("Healthy"), found("HasWarnings"), found("Healthy")}), "");
  EXPECT_EQ(failure_of(targets, {found("Healthy"), found("Unavailable"), found("Unhealthy")}),
            "2 of 3 deployment targets are not healthy: b (Unavailable), c (Unhealthy)");
  targets[1].may_be_offline = true;
  EXPECT_EQ(failure_of(targets, {found("Healthy"), found("Unavailable"), found("Healthy")}), "");
  EXPECT_NE(failure_of(targets, {found("Healthy"), found("Unhealthy"), found("Healthy")}), "")
      << "being wrong is not being away";
  EXPECT_EQ(failure_of({api_target("a")}, {found("Unhealthy")}), "a is Unhealthy: It is so.");
  EXPECT_NE(
      failure_of(std::vector<CheckedTarget>(8, api_target()), std::vector<targets::Finding>(8, found("Unhealthy")))
          .find("and 3 more"),
      std::string::npos);
}

}  // namespace
}  // namespace fairlead::features::health_checks
