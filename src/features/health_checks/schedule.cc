// SPDX-License-Identifier: Apache-2.0
#include "features/health_checks/schedule.h"

#include <algorithm>

#include "base/log.h"
#include "base/text.h"
#include "features/health_checks/rules.h"
#include "features/machine_policies/rules.h"

namespace fairlead::features::health_checks {

namespace {

using engine::Durable;
using engine::Run;
using machine_policies::MachinePolicy;

constexpr const char* kScheduleKind = "health-schedule";

std::string schedule_id(const std::string& policy) { return "HealthSchedules-" + policy; }

bool is_alive(const Services& services, const store::Tx& tx, const std::string& run) {
  if (run.empty()) return false;
  const auto info = services.engine.find(tx, engine::RunId(run));
  return info && info->state != engine::RunState::ended;
}

void sleep_until(Services& services, store::Tx& tx, HealthSchedule& schedule, Time due) {
  ScheduledWake wake;
  wake.policy_id = schedule.policy_id;
  wake.due = due;
  engine::StartRun run;
  run.kind = kScheduleKind;
  run.input.text = json::encode(wake);
  schedule.due = due;
  schedule.run_id = services.engine.start(tx, run).str();
}

bool has_ended(const Services& services, const store::Tx& tx, const std::string& task_id) {
  const auto task = services.api.documents.find<tasks::Task>(tx, task_id);
  if (!task) return true;
  const auto state = domain::parse_task_state(task->state);
  return !state || domain::is_finished(*state);
}

void start_check(Services& services, store::Tx& tx, const MachinePolicy& policy, HealthSchedule& schedule) {
  HealthCheck check;
  check.space_id = policy.space_id;
  check.policy_id = policy.id.str();
  if (!has_ended(services, tx, schedule.task_id)) {
    log::warning("a scheduled health check is left out: the last one has not ended",
                 {{"policy", check.policy_id}, {"task", schedule.task_id}});
    return;
  }
  const std::vector<CheckedTarget> all = targets_of(services, tx, check);
  if (all.empty()) return;  // no task that says nothing
  if (all.size() <= kMaxTargets) {
    schedule.task_id = start(services, tx, check, "").id.str();
    return;
  }
  for (std::size_t from = 0; from < all.size(); from += kMaxTargets) {
    check.machine_ids.clear();
    for (std::size_t i = from; i < std::min(all.size(), from + kMaxTargets); ++i)
      check.machine_ids.push_back(all[i].id);
    schedule.task_id =
        start(services, tx, check, text::format("Check {} health from {} on", policy.name, all[from].name)).id.str();
  }
}

// The time has come.
void wake(Services& services, store::Tx& tx, const engine::RunEnd& end) {
  if (end.outcome != engine::RunOutcome::success) return;
  const auto woken = json::decode<ScheduledWake>(end.result.text);
  auto schedule = services.api.documents.find<HealthSchedule>(tx, schedule_id(woken.policy_id));
  if (!schedule || schedule->run_id != end.run.str()) return;
  const auto policy = services.api.documents.find<MachinePolicy>(tx, woken.policy_id);
  if (policy) {
    start_check(services, tx, *policy, *schedule);
    schedule->last = tx.now();
  }
  schedule->run_id.clear();
  services.api.documents.update(tx, *schedule);
  plan_next(services, tx, woken.policy_id);
}

Durable<json::Raw> body(Run& run, json::Raw input) {
  const auto woken = json::decode<ScheduledWake>(input.text);
  co_await run.sleep_until("due", woken.due);
  co_return input;
}

}  // namespace

engine::Definition schedule_definition(Services& services) {
  engine::Definition definition;
  definition.kind = kScheduleKind;
  definition.version = 1;
  definition.body = [](Run& run, const json::Raw& input) { return body(run, input); };
  definition.on_end = [&services](store::Tx& tx, const engine::RunEnd& end) { wake(services, tx, end); };
  return definition;
}

void plan_next(Services& services, store::Tx& tx, const std::string& policy_id) {
  store::Documents& documents = services.api.documents;
  auto schedule = documents.find<HealthSchedule>(tx, schedule_id(policy_id));
  const auto policy = documents.find<MachinePolicy>(tx, policy_id);
  if (!policy) return;
  if (!schedule) {
    schedule.emplace();
    schedule->id = Id<HealthSchedule>(schedule_id(policy_id));
    schedule->policy_id = policy_id;
    schedule->last = tx.now();
    documents.insert(tx, *schedule);
  }
  const auto due = machine_policies::next_check(policy->health_check.value_or(machine_policies::HealthCheckPolicy()),
                                                schedule->last, tx.now());
  const bool is_planned = is_alive(services, tx, schedule->run_id);
  const bool is_due = due && *due <= tx.now() && schedule->due <= tx.now();  // the run that sleeps is about to wake
  if (is_planned && due && (schedule->due == *due || is_due)) return;
  if (is_planned) services.engine.cancel(tx, engine::RunId(schedule->run_id), "the schedule was changed");
  schedule->run_id.clear();
  schedule->due = {};
  if (due) sleep_until(services, tx, *schedule, *due);
  documents.update(tx, *schedule);
}

void forget(Services& services, store::Tx& tx, const std::string& policy_id) {
  const auto schedule = services.api.documents.find<HealthSchedule>(tx, schedule_id(policy_id));
  if (!schedule) return;
  if (is_alive(services, tx, schedule->run_id))
    services.engine.cancel(tx, engine::RunId(schedule->run_id), "the policy was deleted");
  services.api.documents.remove(tx, schedule->id);
}

void plan_all(Services& services, store::Tx& tx) {
  for (const auto& policy : services.api.documents.all<MachinePolicy>(tx)) plan_next(services, tx, policy.id.str());
}

}  // namespace fairlead::features::health_checks
