// SPDX-License-Identifier: Apache-2.0
// The plan of a deployment as its run records it first: everything the run depends on, so that a replay days later sees
// the same steps on the same targets whatever has been edited since. It holds names and ids, no values of variables and
// no secrets.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/recent.h"
#include "domain/system_variables.h"
#include "features/deployments/model.h"
#include "features/processes/model.h"
#include "features/services.h"
#include "features/variables/model.h"
#include "json/type.h"

namespace fairlead::features::deployments {

struct PlanTarget {
  std::string id, name, selector, default_namespace;
};
const json::Type& type_of(json::Tag<PlanTarget>);

struct PlanAction {
  std::string id, name, type, number;
  bool once = false;   // once for the deployment instead of once per target
  std::string reason;  // why it does not run; empty: it runs
};
const json::Type& type_of(json::Tag<PlanAction>);

struct PlanStep {
  std::string id, name;
  int number = 0;
  std::string condition = "Success", condition_expression;
  int parallel_targets = 10;
  std::vector<PlanTarget> targets;
  std::vector<PlanAction> actions;
};
const json::Type& type_of(json::Tag<PlanStep>);

struct PlanGroup {
  std::vector<PlanStep> steps;  // started together
};
const json::Type& type_of(json::Tag<PlanGroup>);

struct PlanRecord {
  std::string space, deployment, task, project, project_name, release, environment, channel;
  std::string process_snapshot, variable_snapshot;
  std::vector<PlanGroup> groups;
  std::vector<std::string> warnings;
};
const json::Type& type_of(json::Tag<PlanRecord>);

// What deployments under way read again and again: decoded once. All but `facts` never changes; those are the names of
// project, environment and so on, and the release before, as the deployment's first step finds them.
struct Frozen {
  Recent<processes::ProcessSnapshot> processes{64};
  Recent<variables::VariableSnapshot> variables{64};
  Recent<PlanRecord> plans{64};
  Recent<domain::DeploymentScopeFacts> facts{64};  // by deployment
};
std::shared_ptr<const processes::ProcessSnapshot> process_of(const Services& services, const store::Tx& tx,
                                                             Frozen& frozen, const std::string& id);

// On a snapshot of the database. Throws Error(invalid) when the deployment cannot run: no targets, an unknown step
// type.
PlanRecord make_plan(const Services& services, const store::Tx& tx, Frozen& frozen, const Deployment& deployment);

}  // namespace fairlead::features::deployments
