// SPDX-License-Identifier: Apache-2.0
// What a step type is to a deployment: a name, where it runs, and a durable coroutine. The slices of steps/ register
// theirs.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "domain/octostache/template.h"
#include "domain/octostache/variable_set.h"
#include "domain/plan.h"
#include "engine/durable.h"
#include "engine/run.h"
#include "link/commands.h"
#include "store/sealing.h"
#include "store/store.h"

namespace fairlead::features {

// A target as the plan of a deployment froze it.
struct StepTarget {
  std::string id, name;
  std::string selector;           // of the executor that works for it
  std::string default_namespace;  // for objects that name none
};

// An output variable of an action; sensitive ones hold the sealed text.
struct StepOutput {
  std::string name, value;
  bool sensitive = false;
};
const json::Type& type_of(json::Tag<StepOutput>);

struct StepOutcome {
  std::vector<StepOutput> outputs;
  bool warnings = false;
};

// One action on one target (or none), for one deployment. Everything but the functions is the same in every replay.
struct StepInput {
  std::string space, project_id, project_name, deployment_id, release_id, task_id, environment_id;
  std::string instance;  // names our field manager
  std::string step_name, action_id, action_name, action_type;
  std::optional<StepTarget> target;
  // Reads of the database and the sealer; call them inside run.once() only.
  // The variables in scope, system variables and the action's own properties included.
  std::function<domain::octostache::VariableSet()> variables;
  // Connection and credentials of the target. Error(invalid) when they are incomplete or the target is gone.
  std::function<link::ClusterAccess()> access;
  // Keeps the manifest that this action applies to the target, sealed (it may hold secrets). Call it in the wake that
  // makes it.
  std::function<void(engine::Run&, const std::string& text)> keep_manifest;
  // Keeps the last state of the objects of an activity for the task's object list.
  std::function<void(engine::Run&, const std::string& activity_path, const std::vector<link::ObjectStatus>& last)>
      keep_objects;
  const store::Sealer* sealer = nullptr;
};

struct StepType {
  std::string action_type;  // "Octopus.KubernetesDeployRawYaml"
  std::string name;         // for people: "Deploy Kubernetes YAML"
  // `has_roles`: the step asks for target tags.
  std::function<domain::RunsOn(const domain::Properties& properties, bool has_roles)> runs_on;
  std::function<engine::Durable<StepOutcome>(engine::Run& run, const StepInput& input)> execute;
};

using StepTypes = std::map<std::string, StepType, std::less<>>;

}  // namespace fairlead::features
