// SPDX-License-Identifier: Apache-2.0
#include "features/health_checks/agents.h"

#include "features/health_checks/rules.h"
#include "features/targets/model.h"

namespace fairlead::features::health_checks {

namespace {

using engine::Durable;
using engine::Run;
using targets::Machine;

constexpr const char* kAgentsKind = "health-agents";

std::vector<Machine> present_agents(const Services& services, const store::Tx& tx) {
  const auto query = store::Query()
                         .where("CommunicationStyle", targets::kKubernetesAgent)
                         .where_none("HealthStatus", {targets::kUnavailable, targets::kUnknown});
  return services.api.documents.all<Machine>(tx, query);
}

void note_absent(const Services& services, store::Tx& tx) {
  for (const Machine& machine : present_agents(services, tx)) {
    CheckedTarget target;
    target.id = machine.id.str();
    target.is_agent = true;
    target.endpoint_revision = machine.endpoint_revision;
    record(services, tx, target, away());  // leaves those alone that are connected
  }
}

Durable<> wait_for_agents(Run& run, Services& services) {
  co_await run.sleep("reconnect", kReconnectUs);
  run.in_commit([&services](store::Tx& tx) { note_absent(services, tx); });
}

}  // namespace

engine::Definition agents_definition(Services& services) {
  return engine::definition<engine::Nothing>(
      kAgentsKind, 1, [&services](Run& run, const engine::Nothing&) { return wait_for_agents(run, services); });
}

void expect_agents(Services& services, store::Tx& tx) {
  if (present_agents(services, tx).empty()) return;
  engine::StartRun run;
  run.kind = kAgentsKind;
  run.input.text = engine::encode_record(engine::Nothing());
  services.engine.start(tx, run);
}

}  // namespace fairlead::features::health_checks
