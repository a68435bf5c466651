// SPDX-License-Identifier: Apache-2.0
// What a slice may use, and the few moments at which slices take part in each other's acts. One instance, made by
// server/; lives as long as the process. Each slice's install() adds its document types, rows, definitions and hooks;
// nothing else runs before start.
#pragma once

#include <functional>
#include <map>
#include <string>
#include <vector>

#include "api/server.h"
#include "base/secret.h"
#include "engine/engine.h"
#include "engine/task_log.h"
#include "features/common/step_type.h"
#include "features/tasks/rules.h"
#include "link/hub.h"
#include "store/blobs.h"

namespace fairlead::features {

namespace targets {
struct Machine;
}

// What is fixed for this server process.
struct ServerFacts {
  std::string version;          // SemVer of the program
  std::string installation_id;  // uuid of the database
  std::string instance;         // 6 characters: names our field manager in clusters
  std::string node_name;
  Time started;
  std::string link_public_key;  // 32 bytes: what executors know the server by
  Secret admin_api_key;         // preset by the environment; empty: made at the first start
};

struct Services {
  api::Server& api;
  engine::Engine& engine;
  engine::TaskLog& task_log;
  store::Blobs& blobs;
  link::Hub& hub;
  tasks::LiveObjects& live_objects;
  ServerFacts facts;
  StepTypes step_types = {};  // filled by the slices of steps/

  // What POST /tasks can start, by the task's name: checks the arguments, inserts the task and starts its run.
  std::map<std::string, std::function<tasks::Task(const api::Context&, store::Tx&, const tasks::TaskRequest&)>>
      task_starters = {};
  // Called in the transaction in which a target comes to be or changes so that nothing is known of its health any more.
  std::vector<std::function<void(store::Tx&, const targets::Machine&)>> target_to_check = {};
  // Called in the transaction that creates, replaces or (with `removed`) deletes a machine policy.
  std::vector<std::function<void(store::Tx&, const std::string& policy, bool removed)>> machine_policy_written = {};
  // Called in the transaction that creates a space: defaults that clients look up at once.
  std::vector<std::function<void(store::Tx&, const std::string& space)>> space_created = {};
  // Called in the transaction that creates a project: what belongs to it (channel, process, variables).
  std::vector<std::function<void(store::Tx&, const std::string& space, const std::string& project)>> project_created =
      {};
  // Called in the transaction that deletes a project, before it goes.
  std::vector<std::function<void(store::Tx&, const std::string& project)>> project_removing = {};
  // Called in the transaction that creates a release.
  std::vector<std::function<void(store::Tx&, const std::string& release)>> release_created = {};
  // Called once after the documents are prepared, before the first request, in the order of the slices.
  std::vector<std::function<void()>> starting = {};
  // Authentication is the users slice's.
  api::Authenticator authenticate = {};
  // Ready when every check returns an empty text; otherwise /readyz says them.
  std::vector<std::function<std::string()>> readiness = {};
};

}  // namespace fairlead::features
