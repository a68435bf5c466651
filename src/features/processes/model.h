// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "json/type.h"

namespace fairlead::features::processes {

struct Container {
  std::string image, feed_id, git_url, dockerfile;
};
const json::Type& type_of(json::Tag<Container>);

struct PackageReference {
  std::string id, name, package_id, feed_id, acquisition_location, version, step_package_inputs_reference_id;
  std::map<std::string, std::string> properties;
  json::Extra extra;
};
const json::Type& type_of(json::Tag<PackageReference>);

struct Action {
  std::string id, name, slug, action_type, notes;
  bool is_disabled = false, is_required = false, can_be_used_for_project_versioning = false;
  std::string condition = "Success";
  std::string worker_pool_id, worker_pool_variable;
  std::optional<Container> container;
  std::vector<std::string> environments, excluded_environments, channels, tenant_tags;
  std::vector<PackageReference> packages;
  std::vector<json::Raw> git_dependencies;
  json::Properties properties;
  std::string step_package_version;
  json::Raw inputs;
  json::Extra extra;
};
const json::Type& type_of(json::Tag<Action>);

struct Step {
  std::string id, name, slug;
  std::string package_requirement = "LetOctopusDecide";
  std::string condition = "Success";
  std::string start_trigger = "StartAfterPrevious";
  json::Properties properties;
  std::vector<Action> actions;
  json::Extra extra;
};
const json::Type& type_of(json::Tag<Step>);

// The process of a project as it is edited: id "deploymentprocess-Projects-N", changed under optimistic concurrency by
// Version.
struct DeploymentProcess {
  Id<DeploymentProcess> id;
  std::string space_id, project_id, last_snapshot_id;
  int version = 0;
  std::vector<Step> steps;
};
const json::Type& type_of(json::Tag<DeploymentProcess>);

// A process as releases froze it: id "deploymentprocess-Projects-N-s-<Version>-<5 characters>", named by its content,
// so that releases made of the same process share one.
struct ProcessSnapshot {
  Id<ProcessSnapshot> id;
  std::string space_id, project_id;
  std::string digest;  // SHA-256 of the steps as stored
  int version_taken = 0;
  std::vector<Step> steps;
};
const json::Type& type_of(json::Tag<ProcessSnapshot>);

}  // namespace fairlead::features::processes
