// SPDX-License-Identifier: Apache-2.0
// The `Octopus.*` variables of a deployment, from plain inputs. Empty inputs define nothing, so that a template that
// asks for them is reported as missing instead of getting an empty text.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "domain/octostache/variable_set.h"

namespace fairlead::domain {

struct NamedResource {
  std::string id;
  std::string name;
  std::string slug;
};

struct ReleaseFacts {
  std::string id;
  std::string number;
  std::string notes;
  std::optional<Time> created;
  std::string git_branch, git_commit, git_ref;
  std::vector<std::pair<std::string, std::string>> custom_fields;
  std::string previous_id, previous_number;                                  // of the project
  std::string previous_for_environment_id, previous_for_environment_number;  // deployed there before this one
  std::string current_for_environment_id, current_for_environment_number;    // last successful there
};

struct UserFacts {
  std::string id, username, display_name, email;
};

struct DeploymentFacts {
  std::string id, name, comments;
  std::optional<Time> created;
  UserFacts created_by;
  std::string previous_successful_id;
  std::string trigger_id, trigger_name;
  bool force_package_download = false;
  std::vector<std::string> machines, specific_machines, excluded_machines;  // ids
};

struct TenantFacts {
  NamedResource tenant;
  std::vector<std::string> tags;
};

struct TaskFacts {
  std::string id, name;
  std::optional<Time> queue_time, queue_time_expiry;
  std::vector<std::pair<std::string, std::string>> arguments;
};

struct TargetFacts {
  NamedResource machine;
  std::vector<std::string> roles;
  std::string hostname;
  std::string endpoint_type;                                             // "Kubernetes"
  std::vector<std::pair<std::string, std::string>> endpoint_properties;  // Octopus.Endpoint.<type>.<property>
};

struct StepFacts {
  std::string id, name;
  int number = 0;
};

struct ActionFacts {
  std::string id, name, slug;
  std::string number;  // "2" or "2.1"
  std::vector<std::string> target_roles;
  std::string template_id, template_version;
  // Every property of the action, as it stands; set under its own name. Names in `sensitive_properties` are sensitive.
  std::vector<std::pair<std::string, std::string>> properties;
  std::vector<std::string> sensitive_properties;
};

struct PackageFacts {
  std::string reference;  // empty: the primary package, without an index
  std::string package_id, feed_id, version;
  std::string image, registry, digest;
};

struct WebFacts {
  std::string server_uri;  // "https://fairlead.example.com"; links are relative to it
  std::string project_link, release_link, deployment_link;
};

struct DeploymentScopeFacts {
  NamedResource space, project, project_group, channel, environment;
  std::optional<int> environment_sort_order;
  std::optional<TenantFacts> tenant;
  ReleaseFacts release;
  DeploymentFacts deployment;
  TaskFacts task;
  WebFacts web;
  // For Octopus.Deployment.Targets[id] and Octopus.Environment.MachinesInRole[role].
  std::vector<TargetFacts> targets;
};

// Everything that is the same for a whole deployment.
void add_deployment_variables(octostache::VariableSet& variables, const DeploymentScopeFacts& facts);
// What changes per step and per target; put on a set of their own whose base is the deployment's.
void add_step_variables(octostache::VariableSet& variables, const StepFacts& step);
void add_action_variables(octostache::VariableSet& variables, const ActionFacts& action);
void add_target_variables(octostache::VariableSet& variables, const TargetFacts& target);
void add_package_variables(octostache::VariableSet& variables, const PackageFacts& package);

// State of earlier steps, for later conditions: Octopus.Step[Name].Status.Code and the like.
struct StatusFacts {
  std::string code;  // StepStatus name: Pending, Skipped, Abandoned, Canceled, Running, Succeeded, Failed
  std::string error, error_detail;
};
void add_step_status(octostache::VariableSet& variables, std::string_view step_name, const StatusFacts& status);
void add_action_status(octostache::VariableSet& variables, std::string_view action_name, const StatusFacts& status);
void add_deployment_error(octostache::VariableSet& variables, std::string_view error, std::string_view detail);

// An output variable as later steps read it: Octopus.Action[Step].Output[Machine].Name and
// Octopus.Action[Step].Output.Name. `on_this_machine` is true where the reading step runs on the machine that wrote it:
// its own value then wins over others.
struct Output {
  std::string action, machine, name, value;
  bool sensitive = false;
};
void add_output(octostache::VariableSet& variables, const Output& output, bool on_this_machine);

// True for names that only the system may set: they begin with "Octopus." and are not user settings such as
// Octopus.Action.MaxParallelism.
bool is_reserved_name(std::string_view name);

// "2026-01-02 03:04:05 +00:00": how dates stand in system variables here, whatever the locale.
std::string date_text(Time time);

}  // namespace fairlead::domain
