// SPDX-License-Identifier: Apache-2.0
#include "features/processes/rules.h"

#include <set>

#include "base/bytes.h"
#include "base/error.h"
#include "base/text.h"
#include "domain/name_rules.h"
#include "features/common/snapshot_id.h"

namespace fairlead::features::processes {

namespace {

template <class T>
const T* named(const std::vector<T>& list, const std::string& id, const std::string& name) {
  for (const T& element : list) {
    if (!id.empty() ? element.id == id : text::equals_ignoring_case(element.name, name)) return &element;
  }
  return nullptr;
}

class Slugs {
 public:
  // Keeps a slug that is given and free; makes one from the name otherwise.
  void settle(std::string& slug, const std::string& name) {
    if (slug.empty() || taken_.contains(slug)) {
      slug = domain::unique_slug(name, [&](std::string_view candidate) { return taken_.contains(candidate); });
    }
    taken_.insert(slug);
  }

 private:
  std::set<std::string, std::less<>> taken_;
};

void complete_action(Action& action, const Step& step, const Step* stored_step, Slugs& slugs) {
  // A step of one action is one thing to its author, so the action has the step's name where none is given.
  if (action.name.empty()) action.name = step.name;
  const Action* stored = stored_step == nullptr ? nullptr : named(stored_step->actions, action.id, action.name);
  if (action.id.empty()) action.id = stored != nullptr ? stored->id : random_uuid();
  if (action.slug.empty() && stored != nullptr) action.slug = stored->slug;
  slugs.settle(action.slug, action.name);
  if (action.condition.empty()) action.condition = "Success";
  for (PackageReference& package : action.packages) {
    if (package.id.empty()) package.id = random_uuid();
  }
}

std::string digest_of(const std::vector<Step>& steps) {
  std::string content;
  for (const Step& step : steps) json::encode_into(type_of(json::Tag<Step>{}), &step, json::Mode::store, content);
  return sha256_hex(content);
}

}  // namespace

void complete_steps(std::vector<Step>& steps, const std::vector<Step>& stored) {
  Slugs step_slugs;
  Slugs action_slugs;
  for (Step& step : steps) {
    if (step.name.empty() && step.actions.size() == 1) step.name = step.actions.front().name;
    const Step* before = named(stored, step.id, step.name);
    if (step.id.empty()) step.id = before != nullptr ? before->id : random_uuid();
    if (step.slug.empty() && before != nullptr) step.slug = before->slug;
    step_slugs.settle(step.slug, step.name);
    if (step.condition.empty()) step.condition = "Success";
    if (step.start_trigger.empty()) step.start_trigger = "StartAfterPrevious";
    if (step.package_requirement.empty()) step.package_requirement = "LetOctopusDecide";
    for (Action& action : step.actions) complete_action(action, step, before, action_slugs);
  }
  domain::validate(to_domain(steps, [](const Action&, const Step&) { return domain::RunsOn::target; }));
}

ProcessSnapshot take_snapshot(store::Documents& documents, store::Tx& tx, const std::string& project) {
  DeploymentProcess process = documents.get<DeploymentProcess>(tx, "deploymentprocess-" + project);
  const std::string digest = digest_of(process.steps);
  std::optional<ProcessSnapshot> existing =
      documents.first<ProcessSnapshot>(tx, store::Query().where("ProjectId", project).where("Digest", digest));
  if (existing) return *std::move(existing);
  ProcessSnapshot snapshot;
  snapshot.id = Id<ProcessSnapshot>(snapshot_id(process.id.str(), process.version, digest));
  snapshot.space_id = process.space_id;
  snapshot.project_id = project;
  snapshot.digest = digest;
  snapshot.version_taken = process.version;
  snapshot.steps = process.steps;
  documents.insert(tx, snapshot);
  return snapshot;
}

bool is_current(const store::Documents& documents, const store::Tx& tx, const ProcessSnapshot& snapshot) {
  const auto process = documents.find<DeploymentProcess>(tx, "deploymentprocess-" + snapshot.project_id);
  return process && digest_of(process->steps) == snapshot.digest;
}

domain::Properties plain_properties(const json::Properties& properties) {
  domain::Properties out;
  for (const auto& [name, value] : properties) {
    if (!value.sensitive) out[name] = value.text;
  }
  return out;
}

domain::Process to_domain(const std::vector<Step>& steps, const RunsOnFunction& runs_on) {
  domain::Process process;
  for (std::size_t i = 0; i < steps.size(); ++i) {
    const Step& step = steps[i];
    domain::ProcessStep& made = process.steps.emplace_back();
    made.id = step.id;
    made.name = step.name;
    made.slug = step.slug;
    const auto condition = domain::parse_run_condition(step.condition);
    if (!condition) {
      throw invalid_at(text::format("Steps[{}].Condition", i), "must be one of Success, Failure, Always, Variable");
    }
    made.condition = *condition;
    const auto start = domain::parse_start_trigger(step.start_trigger);
    if (!start)
      throw invalid_at(text::format("Steps[{}].StartTrigger", i), "must be StartAfterPrevious or StartWithPrevious");
    made.start = *start;
    made.properties = plain_properties(step.properties);
    for (const Action& action : step.actions) {
      domain::ProcessAction& inner = made.actions.emplace_back();
      inner.id = action.id;
      inner.name = action.name;
      inner.slug = action.slug;
      inner.type = action.action_type;
      inner.is_disabled = action.is_disabled;
      inner.is_required = action.is_required;
      inner.environments = action.environments;
      inner.excluded_environments = action.excluded_environments;
      inner.channels = action.channels;
      inner.tenant_tags = action.tenant_tags;
      inner.condition = domain::parse_run_condition(action.condition).value_or(domain::RunCondition::success);
      inner.runs_on = runs_on(action, step);
      inner.properties = plain_properties(action.properties);
    }
  }
  return process;
}

}  // namespace fairlead::features::processes
