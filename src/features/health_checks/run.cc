// SPDX-License-Identifier: Apache-2.0
#include "features/health_checks/run.h"

#include <algorithm>

#include "base/error.h"
#include "features/health_checks/rules.h"
#include "features/targets/rules.h"

namespace fairlead::features::health_checks {

namespace {

using engine::Durable;
using engine::ElementStatus;
using engine::Run;
using targets::Finding;

constexpr int kAtATime = 20;
constexpr std::size_t kTargetsOfABatch = 100;  // a replay passes every target of the batch again

bool is_connected(const Services& services, const std::string& executor) {
  const auto session = services.hub.session(executor);
  return session && session->connected;
}

engine::Command command_for(const Services& services, const CheckedTarget& target) {
  return services.api.store.read([&](const store::Tx& tx) {
    const auto machine = services.api.documents.find<targets::Machine>(tx, target.id);
    if (!machine) throw invalid(text::format("The target {} was deleted meanwhile.", target.name));
    link::CheckHealth check;
    check.cluster = targets::access_of(services.api.documents, tx, *machine);
    check.namespace_name = targets::default_namespace_of(*machine);
    check.only_connectivity = target.only_connectivity;
    return engine::command_of(check);
  });
}

// What all targets of a task have in common.
struct Asking {
  Services& services;
  std::int64_t timeout_us;
  bool worker_is_missing = false;  // targets before these have waited for it in vain
};

// Asks, and says in the log what the executor has not said there itself.
Durable<Finding> ask(Run& run, const Asking& asking, const CheckedTarget& target) {
  Services& services = asking.services;
  const bool nobody = target.is_agent ? !target.is_connected : asking.worker_is_missing;
  if (nobody) {
    const Finding finding = target.is_agent ? away() : finding_of(target, Error(Fault::unavailable, ""), false);
    run.log().error(finding.summary);
    co_return finding;
  }
  const std::string selector = target.is_agent ? target.id : std::string(targets::kBuiltInWorker);
  const engine::ActivityOptions options{true, asking.timeout_us, false};
  const std::function<engine::Command()> command = [&services, target] { return command_for(services, target); };
  auto settled = co_await Run::settle(run.execute<link::HealthResult>(selector, "check", command, options));
  if (!settled.error) co_return finding_of(target, *settled.value);
  if (settled.error->fault() == Fault::cancelled) throw *settled.error;
  const bool connected = run.once("connected", [&] { return is_connected(services, selector); });
  const Finding finding = finding_of(target, *settled.error, connected);
  run.log().error(finding.summary);
  co_return finding;
}

ElementStatus element_status(const Finding& finding) {
  if (finding.status == targets::kHealthy) return ElementStatus::success;
  return finding.is_good() ? ElementStatus::success_with_warning : ElementStatus::failed;
}

Durable<Finding> check_target(Run& branch, const Asking& asking, const CheckedTarget& target) {
  Run run = branch.section("target:" + target.id, "Check " + target.name);
  const Finding finding = co_await ask(run, asking, target);
  run.in_commit(
      [&services = asking.services, target, finding](store::Tx& tx) { record(services, tx, target, finding); });
  run.log().status(element_status(finding));
  co_return finding;
}

// The task executes from now on, and is about these targets.
void begin(const Services& services, store::Tx& tx, const std::string& id, const std::vector<CheckedTarget>& checked) {
  auto task = services.api.documents.find<tasks::Task>(tx, id);
  if (!task) return;
  task->machine_ids.clear();
  for (const CheckedTarget& target : checked) task->machine_ids.push_back(target.id);
  tasks::set_state(services.api.documents, tx, *task, domain::TaskState::executing, services.facts.node_name);
}

void note_warnings(const Services& services, store::Tx& tx, const std::string& id) {
  auto task = services.api.documents.find<tasks::Task>(tx, id);
  if (!task) return;
  task->has_warnings_or_errors = true;
  services.api.documents.update(tx, *task);
}

Durable<> check_all(Run& run, Services& services, const HealthCheck& check) {
  if (check.queue_time.us != 0) co_await run.sleep_until("queue-time", check.queue_time);
  const auto checked = run.once("targets", [&] {
    return services.api.store.read([&](const store::Tx& tx) { return targets_of(services, tx, check); });
  });
  run.in_commit([&services, id = run.task(), checked](store::Tx& tx) { begin(services, tx, id, checked); });
  std::vector<Finding> findings;
  Asking asking{services, check.timeout_us};
  for (std::size_t from = 0; from < checked.size(); from += kTargetsOfABatch) {
    const auto end = checked.begin() + static_cast<std::ptrdiff_t>(std::min(checked.size(), from + kTargetsOfABatch));
    const std::vector<CheckedTarget> batch(checked.begin() + static_cast<std::ptrdiff_t>(from), end);
    auto found = co_await run.all(
        text::format("from-{}", from), batch, kAtATime,
        [&asking](Run& branch, const CheckedTarget& target) { return check_target(branch, asking, target); });
    for (std::size_t i = 0; i < found.size(); ++i) {
      if (!batch[i].is_agent && found[i].status == targets::kUnknown) asking.worker_is_missing = true;
      findings.push_back(std::move(found[i]));
    }
  }
  if (checked.empty()) run.log().info("There is no enabled deployment target to check any more.");
  const bool warns =
      std::any_of(findings.begin(), findings.end(), [](const Finding& f) { return f.status != targets::kHealthy; });
  if (warns) run.in_commit([&services, id = run.task()](store::Tx& tx) { note_warnings(services, tx, id); });
  const std::string failure = failure_of(checked, findings);
  if (failure.empty()) co_return;
  if (checked.size() > 1) run.log().error(failure);
  throw invalid(failure);
}

}  // namespace

engine::Definition health_definition(Services& services) {
  engine::Definition definition = engine::definition<HealthCheck>(
      kRunKind, 1, [&services](Run& run, const HealthCheck& check) { return check_all(run, services, check); });
  definition.on_end = [&services](store::Tx& tx, const engine::RunEnd& end) {
    auto task = services.api.documents.first<tasks::Task>(tx, store::Query().where("RunId", end.run.str()));
    if (task) tasks::finish(services.api.documents, tx, *task, end, services.facts.node_name);
  };
  return definition;
}

}  // namespace fairlead::features::health_checks
