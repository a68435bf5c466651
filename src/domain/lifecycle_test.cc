// SPDX-License-Identifier: Apache-2.0
#include "domain/lifecycle.h"

#include <gmock/gmock.h>

#include "base/error.h"

namespace fairlead::domain {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

using List = std::vector<std::string>;

const std::vector<EnvironmentInfo> kEnvironments{
    {"E-dev", "Development"}, {"E-test", "Test"}, {"E-stage", "Staging"}, {"E-prod", "Production"}};

History succeeded(List environments) { return {std::move(environments), false, {}}; }

Lifecycle phased() {
  return {"Standard",
          {{"P1", "Dev", {"E-dev"}, {}, 0, false, false},
           {"P2", "Check", {}, {"E-test", "E-stage"}, 1, false, false},
           {"P3", "Live", {"E-prod"}, {}, 0, false, false}}};
}

List automatic_names(const std::vector<AutomaticDeployment>& all) {
  List out;
  for (const AutomaticDeployment& one : all) {
    for (const std::string& environment : one.environments) out.push_back(one.phase_id + ":" + environment);
  }
  return out;
}

List progresses(const Progression& progression) {
  List out;
  for (const PhaseState& state : progression.phases) out.emplace_back(name_of(state.progress));
  return out;
}

TEST(Lifecycle, WithoutPhasesGoesThroughAllEnvironmentsInOrder) {
  const Lifecycle empty{"Default", {}};
  EXPECT_THAT(deployable_environments(empty, kEnvironments, {}), ElementsAre("E-dev"));
  EXPECT_THAT(deployable_environments(empty, kEnvironments, succeeded({"E-dev"})), ElementsAre("E-dev", "E-test"));
  const Progression now = progression(empty, kEnvironments, succeeded({"E-dev"}));
  EXPECT_THAT(progresses(now), ElementsAre("Complete", "Current", "Pending", "Pending"));
  EXPECT_THAT(now.next_deployments, ElementsAre("E-test"));
  EXPECT_EQ(now.next_deployments_minimum_required, 1u);
  // An environment made later, in between, holds existing releases up as well.
  std::vector<EnvironmentInfo> more = kEnvironments;
  more.insert(more.begin() + 3, {"E-qa", "QA"});
  const History history = succeeded({"E-dev", "E-test", "E-stage"});
  EXPECT_TRUE(may_deploy(empty, kEnvironments, history, "E-prod").allowed);
  EXPECT_EQ(may_deploy(empty, more, history, "E-prod").reason,
            "The release cannot be deployed to \"Production\" (phase \"Production\") before phase \"QA\" is complete: "
            "deploy it "
            "successfully to \"QA\" first.");
  EXPECT_THAT(automatic_after_creation(empty, kEnvironments), IsEmpty());
}

TEST(Lifecycle, MinimumOpensTheNextPhaseAndKeepsTheRestDeployable) {
  const Lifecycle lifecycle = phased();
  EXPECT_THAT(deployable_environments(lifecycle, kEnvironments, succeeded({"E-dev", "E-stage"})),
              ElementsAre("E-dev", "E-test", "E-stage", "E-prod"));
  const Progression before = progression(lifecycle, kEnvironments, succeeded({"E-dev"}));
  EXPECT_THAT(before.next_deployments, ElementsAre("E-test", "E-stage"));
  EXPECT_EQ(before.next_deployments_minimum_required, 1u);
  EXPECT_EQ(
      may_deploy(lifecycle, kEnvironments, succeeded({"E-dev"}), "E-prod").reason,
      "The release cannot be deployed to \"Production\" (phase \"Live\") before phase \"Check\" is complete: deploy it "
      "successfully to 1 of \"Test\", \"Staging\" first.");
  const Progression done = progression(lifecycle, kEnvironments, succeeded({"E-dev", "E-test", "E-prod"}));
  EXPECT_THAT(progresses(done), ElementsAre("Complete", "Complete", "Complete"));
  EXPECT_THAT(done.next_deployments, IsEmpty());
  EXPECT_EQ(done.next_deployments_minimum_required, 0u);
}

TEST(Lifecycle, OptionalPhaseNeverHoldsUpNorDeploysByItself) {
  Lifecycle lifecycle = phased();
  lifecycle.phases[1].is_optional = true;
  lifecycle.phases[1].automatic_environments = {"E-test"};  // refused by validate, ignored here
  lifecycle.phases[1].optional_environments = {"E-stage"};
  const History history = succeeded({"E-dev"});
  EXPECT_THAT(deployable_environments(lifecycle, kEnvironments, history),
              ElementsAre("E-dev", "E-test", "E-stage", "E-prod"));
  EXPECT_THAT(automatic_names(automatic_after_success(lifecycle, kEnvironments, {}, "E-dev")),
              ElementsAre("P3:E-prod"));
  EXPECT_THAT(progression(lifecycle, kEnvironments, history).next_deployments,
              ElementsAre("E-test", "E-stage", "E-prod"));
  lifecycle.phases[0].is_optional = true;
  EXPECT_TRUE(may_deploy(lifecycle, kEnvironments, {}, "E-prod").allowed);
}

TEST(Lifecycle, PhaseWithoutEnvironmentsTakesAllNotNamedEarlier) {
  Lifecycle lifecycle{"Open", {{"P1", "Dev", {}, {"E-dev"}, 0, false, false}, {"P2", "Rest", {}, {}, 1, false, false}}};
  EXPECT_FALSE(may_deploy(lifecycle, kEnvironments, {}, "E-prod").allowed);
  EXPECT_TRUE(may_deploy(lifecycle, kEnvironments, succeeded({"E-dev"}), "E-prod").allowed);
  std::vector<EnvironmentInfo> more = kEnvironments;
  more.push_back({"E-new", "New"});
  EXPECT_THAT(effective_phases(lifecycle, more)[1].environments, ElementsAre("E-test", "E-stage", "E-prod", "E-new"));
}

TEST(Lifecycle, AutomaticDeployments) {
  const Lifecycle lifecycle = phased();
  EXPECT_THAT(automatic_names(automatic_after_creation(lifecycle, kEnvironments)), ElementsAre("P1:E-dev"));
  // Phase 2 deploys nothing by itself, so nothing follows Development.
  EXPECT_THAT(automatic_after_success(lifecycle, kEnvironments, {}, "E-dev"), IsEmpty());
  const History before = succeeded({"E-dev"});
  EXPECT_THAT(automatic_names(automatic_after_success(lifecycle, kEnvironments, before, "E-test")),
              ElementsAre("P3:E-prod"));
  // The phase was complete already: a second success, or a redeployment, promotes nothing.
  EXPECT_THAT(automatic_after_success(lifecycle, kEnvironments, succeeded({"E-dev", "E-test"}), "E-stage"), IsEmpty());
  EXPECT_THAT(automatic_after_success(lifecycle, kEnvironments, succeeded({"E-dev", "E-test"}), "E-test"), IsEmpty());
  EXPECT_THAT(automatic_after_success(lifecycle, kEnvironments, before, "E-unknown"), IsEmpty());
  History blocked = before;
  blocked.blocked_by_defect = true;
  EXPECT_THAT(automatic_after_success(lifecycle, kEnvironments, blocked, "E-test"), IsEmpty());
}

TEST(Lifecycle, DefectBlocksPhasesWithoutASuccess) {
  const Lifecycle empty{"Default", {}};
  History history = succeeded({"E-dev", "E-test"});
  history.blocked_by_defect = true;
  history.defect = "checkout is broken";
  EXPECT_TRUE(may_deploy(empty, kEnvironments, history, "E-test").allowed);
  EXPECT_TRUE(may_deploy(empty, kEnvironments, history, "E-dev").allowed);
  EXPECT_EQ(may_deploy(empty, kEnvironments, history, "E-stage").reason,
            "Deployments of this release are blocked: checkout is broken.");
  EXPECT_THAT(progression(empty, kEnvironments, history).next_deployments, IsEmpty());
  EXPECT_TRUE(progression(empty, kEnvironments, history).phases[2].blocked);
  History nothing;
  nothing.blocked_by_defect = true;
  EXPECT_TRUE(may_deploy(empty, kEnvironments, nothing, "E-dev").allowed);
}

TEST(Lifecycle, EnvironmentOutsideAndDeleted) {
  Lifecycle lifecycle = phased();
  lifecycle.phases.pop_back();
  EXPECT_THAT(may_deploy(lifecycle, kEnvironments, {}, "E-prod").reason,
              HasSubstr("has no phase with the environment \"Production\""));
  // A deleted environment can never succeed, so it is not waited for.
  lifecycle.phases[0].automatic_environments.push_back("E-gone");
  EXPECT_TRUE(may_deploy(lifecycle, kEnvironments, succeeded({"E-dev"}), "E-test").allowed);
}

TEST(Lifecycle, Validates) {
  EXPECT_NO_THROW(validate(phased(), kEnvironments));
  Lifecycle bad = phased();
  bad.phases[0].name = "";
  bad.phases[1].name = "live";
  bad.phases[1].minimum_environments = 3;
  bad.phases[2].optional_environments = {"E-prod", "E-nope"};
  bad.phases[2].is_optional = true;
  try {
    validate(bad, kEnvironments);
    FAIL();
  } catch (const Error& error) {
    List places;
    for (const ErrorDetail& detail : error.details()) places.push_back(detail.where);
    EXPECT_THAT(places, ElementsAre("Phases[0].Name", "Phases[1].MinimumEnvironmentsBeforePromotion", "Phases[2].Name",
                                    "Phases[2].OptionalDeploymentTargets", "Phases[2].OptionalDeploymentTargets",
                                    "Phases[2].AutomaticDeploymentTargets"));
  }
}

}  // namespace
}  // namespace fairlead::domain
