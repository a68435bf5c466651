// SPDX-License-Identifier: Apache-2.0
#include "features/deployments/run.h"

#include "features/deployments/plan_record.h"
#include "features/deployments/rules.h"
#include "features/deployments/scope.h"
#include "features/targets/rules.h"

namespace fairlead::features::deployments {

const json::Type& type_of(json::Tag<DeployInput>) {
  static const json::Type type = json::Type::of<DeployInput>("DeployInput")
                                     .field("Deployment", &DeployInput::deployment)
                                     .field("NotBefore", &DeployInput::not_before, json::omit_when_empty)
                                     .field("NotAfter", &DeployInput::not_after, json::omit_when_empty);
  return type;
}

namespace {

using engine::Durable;
using engine::ElementStatus;
using engine::Run;

// What is known so far in this wake: plan and results of ended steps, the same in every replay.
struct Progress {
  Services& services;
  Frozen& frozen;
  const PlanRecord& plan;
  std::vector<RecordedOutput> outputs;
  std::vector<StepState> states;
  bool failed = false;
  std::optional<Error> first_error;
};

// One action on one target (or none) and what it had to say.
struct Work {
  const PlanStep* step;
  const PlanAction* action;
  const PlanTarget* target;
};

struct WorkResult {
  std::vector<RecordedOutput> outputs;
};

// A failure is written to the log once, where it is caught first: steps throw, executors answer.
void write_failure(const Run& run, const Error& error) {
  if (error.fault() == Fault::cancelled) {
    run.log().warning(error.message());
  } else {
    run.log().error(error);
  }
}

// Short manifests are part of their document, which saves a file and its syncs.
constexpr std::size_t kMaxSealedInDocument = 64 << 10;

void keep_manifest(Services& services, const PlanRecord& plan, const Work& work, Run& run, const std::string& text) {
  const store::Sealer& sealer = services.api.documents.sealer();
  AppliedManifest manifest;
  manifest.deployment_id = plan.deployment;
  manifest.project_id = plan.project;
  manifest.environment_id = plan.environment;
  manifest.action = work.action->name;
  manifest.target_id = work.target == nullptr ? "" : work.target->id;
  if (text.size() <= kMaxSealedInDocument) {
    manifest.sealed = sealer.seal(Secret(text));
  } else {
    manifest.sealed_name = services.blobs.put_sealed(sealer, text);
  }
  run.in_commit([&services, manifest](store::Tx& tx) {
    AppliedManifest document = manifest;
    document.created = tx.now();
    services.api.documents.insert(tx, document);
  });
}

void keep_objects(Services& services, const PlanRecord& plan, const Work& work, Run& run,
                  const std::string& activity_path, const std::vector<link::ObjectStatus>& last) {
  tasks::TaskObjects objects;
  objects.id = Id<tasks::TaskObjects>(plan.task + "-" + run.id().str() + "-" + activity_path);
  objects.task_id = plan.task;
  for (const link::ObjectStatus& status : last) {
    objects.objects.push_back(
        tasks::object_of(status, work.step->name, work.target == nullptr ? "" : work.target->name));
  }
  tasks::name_parents(objects.objects);
  run.in_commit([&services, objects](store::Tx& tx) {
    tasks::TaskObjects document = objects;
    if (!services.api.documents.exists<tasks::TaskObjects>(tx, document.id.str()))
      services.api.documents.insert(tx, document);
  });
}

StepInput input_of(Progress& progress, const Work& work) {
  Services& services = progress.services;
  const PlanRecord& plan = progress.plan;
  StepInput input;
  input.space = plan.space;
  input.project_id = plan.project;
  input.project_name = plan.project_name;
  input.deployment_id = plan.deployment;
  input.release_id = plan.release;
  input.task_id = plan.task;
  input.environment_id = plan.environment;
  input.instance = services.facts.instance;
  input.step_name = work.step->name;
  input.action_id = work.action->id;
  input.action_name = work.action->name;
  input.action_type = work.action->type;
  if (work.target != nullptr) {
    input.target =
        StepTarget{work.target->id, work.target->name, work.target->selector, work.target->default_namespace};
  }
  input.sealer = &services.api.documents.sealer();
  input.variables = [&progress, work] {
    return variables_of(progress.services, progress.frozen, progress.plan, *work.step, work.action, work.target,
                        progress.outputs, progress.states);
  };
  input.access = [&services, work] {
    return services.api.store.read([&](const store::Tx& tx) {
      const auto machine = services.api.documents.find<targets::Machine>(tx, work.target->id);
      if (!machine)
        throw invalid(text::format("The target {} was deleted after the deployment had started.", work.target->name));
      return targets::access_of(services.api.documents, tx, *machine);
    });
  };
  input.keep_manifest = [&services, &plan, work](Run& run, const std::string& text) {
    keep_manifest(services, plan, work, run, text);
  };
  input.keep_objects = [&services, &plan, work](Run& run, const std::string& path,
                                                const std::vector<link::ObjectStatus>& last) {
    keep_objects(services, plan, work, run, path, last);
  };
  return input;
}

Durable<StepOutcome> execute_action(Run& run, Progress& progress, Work work) {
  const auto type = progress.services.step_types.find(work.action->type);
  if (type == progress.services.step_types.end()) {
    throw invalid(
        text::format("The step {} has the type {}, which this server cannot run.", work.step->name, work.action->type));
  }
  const StepInput input = input_of(progress, work);
  StepOutcome outcome = co_await type->second.execute(run, input);
  co_return outcome;
}

// The actions of a step on one target, one after the other.
Durable<WorkResult> run_on_target(Run& branch, Progress& progress, const PlanStep& step, const PlanTarget* target) {
  const std::string place = target == nullptr ? "server" : target->id;
  Run run = branch.section("on:" + place, target == nullptr ? "Worker" : target->name);
  WorkResult result;
  for (const PlanAction& action : step.actions) {
    if (action.once != (target == nullptr)) continue;
    if (!action.reason.empty()) {
      run.log().info(text::format("{} is skipped: {}", action.name, action.reason));
      continue;
    }
    Run inner = run.scope("action:" + action.id);
    const Work work{&step, &action, target};
    auto settled = co_await Run::settle(execute_action(inner, progress, work));
    if (settled.error) {
      write_failure(run, *settled.error);
      run.log().status(settled.error->fault() == Fault::cancelled ? ElementStatus::canceled : ElementStatus::failed);
      throw *settled.error;
    }
    for (StepOutput& output : settled.value->outputs) {
      RecordedOutput recorded;
      recorded.action = action.name;
      recorded.machine = target == nullptr ? "" : target->id;
      recorded.machine_name = target == nullptr ? "" : target->name;
      recorded.output = std::move(output);
      result.outputs.push_back(std::move(recorded));
    }
  }
  run.log().status(ElementStatus::success);
  co_return result;
}

// Where the step has something to do: once without a target, then its targets.
std::vector<const PlanTarget*> places_of(const PlanStep& step) {
  std::vector<const PlanTarget*> places;
  for (const PlanAction& action : step.actions) {
    if (!action.once || !action.reason.empty()) continue;
    places.push_back(nullptr);
    break;
  }
  for (const PlanTarget& target : step.targets) places.push_back(&target);
  return places;
}

struct StepEnd {
  StepState state;
  std::vector<RecordedOutput> outputs;
  std::optional<Error> error;
};

domain::RunDecision decide(Run& run, Progress& progress, const PlanStep& step) {
  const auto condition = domain::parse_run_condition(step.condition).value_or(domain::RunCondition::success);
  if (condition != domain::RunCondition::variable) {
    return domain::should_run(condition, {}, progress.failed, domain::octostache::VariableSet());
  }
  const std::string reason = run.once("condition", [&] {
    const auto variables = variables_of(progress.services, progress.frozen, progress.plan, step, nullptr, nullptr,
                                        progress.outputs, progress.states);
    const domain::RunDecision decision =
        domain::should_run(condition, step.condition_expression, progress.failed, variables);
    return decision.run ? std::string() : decision.reason;
  });
  return {reason.empty(), reason};
}

Durable<StepEnd> run_step(Run& branch, Progress& progress, const PlanStep& step) {
  Run run = branch.section("step:" + step.id, text::format("Step {}: {}", step.number, step.name));
  StepEnd end;
  end.state.name = step.name;
  end.state.code = "Skipped";
  const domain::RunDecision decision = decide(run, progress, step);
  std::vector<const PlanTarget*> places = places_of(step);
  if (!decision.run || places.empty()) {
    std::string reason = decision.reason;
    for (const PlanAction& action : step.actions) {
      if (decision.run && reason.empty()) reason = action.reason;
    }
    run.log().info(reason.empty() ? "There is nothing to do in this step." : reason);
    run.log().status(ElementStatus::skipped);
    co_return end;
  }
  auto results = co_await run.settle_all("places", places, step.parallel_targets,
                                         [&progress, &step](Run& inner, const PlanTarget* target) {
                                           return run_on_target(inner, progress, step, target);
                                         });
  for (auto& result : results) {
    if (result.error && (!end.error || end.error->fault() == Fault::cancelled)) end.error = result.error;
    if (!result.value) continue;
    for (RecordedOutput& output : result.value->outputs) end.outputs.push_back(std::move(output));
  }
  end.state.code = end.error ? "Failed" : "Succeeded";
  if (end.error) end.state.error = end.error->message();
  run.log().status(!end.error                               ? ElementStatus::success
                   : end.error->fault() == Fault::cancelled ? ElementStatus::canceled
                                                            : ElementStatus::failed);
  co_return end;
}

void take(Progress& progress, StepEnd end) {
  progress.states.push_back(end.state);
  for (RecordedOutput& output : end.outputs) progress.outputs.push_back(std::move(output));
  if (!end.error) return;
  progress.failed = true;
  if (!progress.first_error) progress.first_error = std::move(end.error);
}

// Waits for the time that the deployment was scheduled for.
Durable<> wait_for_queue_time(Run& run, const DeployInput& input) {
  if (input.not_before.us == 0) co_return;
  co_await run.sleep_until("queue-time", input.not_before);
  if (input.not_after.us != 0 && run.now() > input.not_after) {
    throw Error(Fault::timeout,
                text::format("The deployment was to start before {}, but could not.", iso8601(input.not_after)));
  }
}

std::shared_ptr<const PlanRecord> plan_of(Run& run, Services& services, Frozen& frozen, const std::string& id) {
  try {
    return run.once("plan", frozen.plans, [&] {
      return services.api.store.read([&](const store::Tx& tx) {
        return make_plan(services, tx, frozen, services.api.documents.get<Deployment>(tx, id));
      });
    });
  } catch (const Error& error) {
    write_failure(run, error);
    throw;
  }
}

Durable<> deploy(Run& run, Services& services, Frozen& frozen, const DeployInput& input) {
  co_await wait_for_queue_time(run, input);
  const std::shared_ptr<const PlanRecord> plan = plan_of(run, services, frozen, input.deployment);
  for (const std::string& warning : plan->warnings) run.log().warning(warning);
  Progress progress{services, frozen, *plan, {}, {}, false, std::nullopt};
  int number = 0;
  for (const PlanGroup& group : plan->groups) {
    const int window = static_cast<int>(group.steps.size());
    auto ends = co_await run.settle_all(
        text::format("group-{}", ++number), group.steps, window,
        [&progress](Run& branch, const PlanStep& step) { return run_step(branch, progress, step); });
    for (auto& end : ends) {
      if (end.error) {
        write_failure(run, *end.error);
        throw *end.error;
      }
      take(progress, std::move(*end.value));
    }
  }
  if (progress.first_error) throw *progress.first_error;
}

}  // namespace

engine::Definition deployment_definition(Services& services) {
  engine::Definition definition = engine::definition<DeployInput>(
      kRunKind, 1, [&services, frozen = std::make_shared<Frozen>()](Run& run, const DeployInput& input) {
        return deploy(run, services, *frozen, input);
      });
  definition.on_end = [&services](store::Tx& tx, const engine::RunEnd& end) { finish_deployment(services, tx, end); };
  return definition;
}

}  // namespace fairlead::features::deployments
