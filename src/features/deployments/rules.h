// SPDX-License-Identifier: Apache-2.0
// Where a release may go, how a deployment begins, and what follows from its end. All in the caller's transaction.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "domain/lifecycle.h"
#include "engine/engine.h"
#include "features/deployments/model.h"
#include "features/processes/model.h"
#include "features/releases/model.h"
#include "features/services.h"

namespace fairlead::features::deployments {

// The lifecycle of the release's channel (the project's where the channel names none) with the environments of its
// space.
struct Path {
  domain::Lifecycle lifecycle;
  std::vector<domain::EnvironmentInfo> environments;
};
Path path_of(const store::Documents& documents, const store::Tx& tx, const releases::Release& release);
// What the release has achieved so far.
domain::History history_of(const store::Documents& documents, const store::Tx& tx, const releases::Release& release);

// A deployment as the API shows it, with its links.
std::string encode_deployment(const Deployment& deployment);

// Where an action does its work, by its step type.
domain::RunsOn place_of(const Services& services, const processes::Action& action, const processes::Step& step);

struct CreateDeployment {
  releases::Release release;
  std::string environment_id;
  Deployment options;  // comments, skipped actions, machines, form values, times: what the request may set
  std::string user_id, username;
  bool automatic = false;
};
// Throws Error(invalid) with one sentence when the lifecycle or a defect does not allow it. Starts the run.
Deployment create_deployment(Services& services, store::Tx& tx, const CreateDeployment& request);

// Deployments that the lifecycle makes by itself, each phase at most once.
void deploy_automatically(Services& services, store::Tx& tx, const releases::Release& release,
                          const std::vector<domain::AutomaticDeployment>& automatic);

// The end of a deployment's run: states, audit event, promotion.
void finish_deployment(Services& services, store::Tx& tx, const engine::RunEnd& end);

}  // namespace fairlead::features::deployments
