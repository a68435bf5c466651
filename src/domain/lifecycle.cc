// SPDX-License-Identifier: Apache-2.0
#include "domain/lifecycle.h"

#include <algorithm>
#include <set>

#include "base/error.h"
#include "base/text.h"

namespace fairlead::domain {

namespace {

template <class Range>
bool contains(const Range& range, std::string_view value) {
  return std::find(range.begin(), range.end(), value) != range.end();
}

std::string environment_name(const std::vector<EnvironmentInfo>& environments, std::string_view id) {
  for (const EnvironmentInfo& environment : environments) {
    if (environment.id == id) return environment.name;
  }
  return std::string(id);
}

std::string names(const std::vector<EnvironmentInfo>& environments, const std::vector<std::string>& ids) {
  std::vector<std::string> quoted;
  for (const std::string& id : ids) quoted.push_back("\"" + environment_name(environments, id) + "\"");
  return text::join(quoted, ", ");
}

std::string phase_key(const Phase& phase, std::size_t position) {
  return phase.id.empty() ? text::format("phase-{}", position + 1) : phase.id;
}

// An optional phase is passed at once: it never holds anything up.
bool holds_up(const PhaseState& state) {
  return !state.effective.phase.is_optional && state.progress != PhaseProgress::complete;
}

std::vector<PhaseState> phase_states(const Lifecycle& lifecycle, const std::vector<EnvironmentInfo>& environments,
                                     const History& history) {
  std::vector<PhaseState> states;
  bool reachable = true;
  bool current_found = false;
  for (EffectivePhase& effective : effective_phases(lifecycle, environments)) {
    PhaseState& state = states.emplace_back();
    for (const std::string& id : effective.environments) {
      if (contains(history.succeeded, id)) state.succeeded.push_back(id);
    }
    state.effective = std::move(effective);
    // A phase that was ever deployed into stays open for redeployment and rollback, whatever the lifecycle says today.
    state.reached = reachable || !state.succeeded.empty();
    const bool complete = state.succeeded.size() >= state.effective.required_successes();
    state.blocked = history.blocked_by_defect && state.succeeded.empty() && states.size() > 1;
    if (complete) {
      state.progress = PhaseProgress::complete;
    } else if (reachable && !current_found) {
      state.progress = PhaseProgress::current;
    }
    if (reachable && holds_up(state)) {
      reachable = false;
      current_found = true;
    }
  }
  return states;
}

std::vector<AutomaticDeployment> automatic(const std::vector<PhaseState>& states, std::size_t first,
                                           const History& history) {
  std::vector<AutomaticDeployment> out;
  for (std::size_t i = first; i < states.size() && states[i].reached; ++i) {
    const EffectivePhase& effective = states[i].effective;
    if (!effective.phase.is_optional && !states[i].blocked) {
      AutomaticDeployment entry{phase_key(effective.phase, i), effective.phase.name, {}};
      for (const std::string& id : effective.phase.automatic_environments) {
        if (contains(effective.environments, id) && !contains(history.succeeded, id)) entry.environments.push_back(id);
      }
      if (!entry.environments.empty()) out.push_back(std::move(entry));
    }
    if (holds_up(states[i])) break;
  }
  return out;
}

// The first required phase that is not complete, or the number of phases.
std::size_t gate(const std::vector<PhaseState>& states) {
  std::size_t position = 0;
  while (position < states.size() && !holds_up(states[position])) ++position;
  return position;
}

std::string blocked_text(const History& history) {
  return text::format("Deployments of this release are blocked: {}.",
                      history.defect.empty() ? "an unresolved problem was reported" : history.defect);
}

std::string not_reached_text(const PhaseState& wanted, const PhaseState& missing,
                             const std::vector<EnvironmentInfo>& environments, std::string_view environment) {
  std::vector<std::string> left;
  for (const std::string& id : missing.effective.environments) {
    if (!contains(missing.succeeded, id)) left.push_back(id);
  }
  const std::size_t count = missing.effective.required_successes() - missing.succeeded.size();
  const std::string what =
      left.empty() ? "there is no environment in it"
                   : text::format("deploy it successfully to {}{}",
                                  count < left.size() ? text::format("{} of ", count) : "", names(environments, left));
  return text::format(
      "The release cannot be deployed to \"{}\" (phase \"{}\") before phase \"{}\" is complete: {} first.", environment,
      wanted.effective.phase.name, missing.effective.phase.name, what);
}

}  // namespace

std::size_t EffectivePhase::required_successes() const {
  if (open)
    return phase.minimum_environments > 0 ? static_cast<std::size_t>(phase.minimum_environments) : environments.size();
  // More than there are can never be reached: environments may have been deleted since.
  if (phase.minimum_environments <= 0) return environments.size();
  return std::min(static_cast<std::size_t>(phase.minimum_environments), environments.size());
}

std::vector<EffectivePhase> effective_phases(const Lifecycle& lifecycle,
                                             const std::vector<EnvironmentInfo>& environments) {
  std::vector<EffectivePhase> out;
  if (lifecycle.phases.empty()) {
    for (const EnvironmentInfo& environment : environments) {
      EffectivePhase& effective = out.emplace_back();
      effective.phase.id = "phase-" + environment.id;
      effective.phase.name = environment.name;
      effective.phase.optional_environments = {environment.id};
      effective.environments = {environment.id};
    }
    return out;
  }
  std::set<std::string, std::less<>> earlier;
  for (const Phase& phase : lifecycle.phases) {
    EffectivePhase& effective = out.emplace_back();
    effective.phase = phase;
    effective.open = phase.automatic_environments.empty() && phase.optional_environments.empty();
    const auto exists = [&](const std::string& id) {
      return std::any_of(environments.begin(), environments.end(),
                         [&](const EnvironmentInfo& e) { return e.id == id; });
    };
    for (const auto* list : {&phase.automatic_environments, &phase.optional_environments}) {
      for (const std::string& id : *list) {
        if (exists(id) && !contains(effective.environments, id)) effective.environments.push_back(id);
      }
    }
    if (effective.open) {
      for (const EnvironmentInfo& environment : environments) {
        if (!earlier.contains(environment.id)) effective.environments.push_back(environment.id);
      }
    }
    // Only what a phase names counts as taken: two phases without environments both take the rest.
    earlier.insert(phase.automatic_environments.begin(), phase.automatic_environments.end());
    earlier.insert(phase.optional_environments.begin(), phase.optional_environments.end());
  }
  return out;
}

std::string_view name_of(PhaseProgress progress) {
  switch (progress) {
    case PhaseProgress::pending: return "Pending";
    case PhaseProgress::current: return "Current";
    case PhaseProgress::complete: return "Complete";
  }
  return "Pending";
}

Progression progression(const Lifecycle& lifecycle, const std::vector<EnvironmentInfo>& environments,
                        const History& history) {
  Progression out;
  out.phases = phase_states(lifecycle, environments, history);
  const std::size_t current = gate(out.phases);
  for (std::size_t i = 0; i < out.phases.size() && i <= current; ++i) {
    const PhaseState& state = out.phases[i];
    if (state.progress == PhaseProgress::complete || state.blocked) continue;
    for (const std::string& id : state.effective.environments) {
      if (!contains(state.succeeded, id) && !contains(out.next_deployments, id)) out.next_deployments.push_back(id);
    }
  }
  if (current < out.phases.size()) {
    const PhaseState& state = out.phases[current];
    out.next_deployments_minimum_required = state.effective.required_successes() - state.succeeded.size();
  }
  return out;
}

Eligibility may_deploy(const Lifecycle& lifecycle, const std::vector<EnvironmentInfo>& environments,
                       const History& history, std::string_view environment_id) {
  const std::vector<PhaseState> states = phase_states(lifecycle, environments, history);
  const std::string name = environment_name(environments, environment_id);
  const PhaseState* wanted = nullptr;
  bool blocked = false;
  for (const PhaseState& state : states) {
    if (!contains(state.effective.environments, environment_id)) continue;
    if (state.reached && !state.blocked) return {true, {}};
    blocked = blocked || (state.reached && state.blocked);
    if (wanted == nullptr) wanted = &state;
  }
  if (wanted == nullptr) {
    return {false,
            text::format("The lifecycle \"{}\" has no phase with the environment \"{}\"; add it to a phase or choose "
                         "another environment.",
                         lifecycle.name, name)};
  }
  if (blocked) return {false, blocked_text(history)};
  const std::size_t first = gate(states);
  // Not reached means that an earlier required phase is open, so there is one.
  return {false, not_reached_text(*wanted, states[std::min(first, states.size() - 1)], environments, name)};
}

std::vector<std::string> deployable_environments(const Lifecycle& lifecycle,
                                                 const std::vector<EnvironmentInfo>& environments,
                                                 const History& history) {
  std::vector<std::string> out;
  for (const PhaseState& state : phase_states(lifecycle, environments, history)) {
    if (!state.reached || state.blocked) continue;
    for (const std::string& id : state.effective.environments) {
      if (!contains(out, id)) out.push_back(id);
    }
  }
  return out;
}

std::vector<AutomaticDeployment> automatic_after_creation(const Lifecycle& lifecycle,
                                                          const std::vector<EnvironmentInfo>& environments) {
  return automatic(phase_states(lifecycle, environments, {}), 0, {});
}

std::vector<AutomaticDeployment> automatic_after_success(const Lifecycle& lifecycle,
                                                         const std::vector<EnvironmentInfo>& environments,
                                                         const History& before, std::string_view environment_id) {
  if (contains(before.succeeded, environment_id)) return {};
  History after = before;
  after.succeeded.emplace_back(environment_id);
  const std::size_t gate_before = gate(phase_states(lifecycle, environments, before));
  const std::vector<PhaseState> states = phase_states(lifecycle, environments, after);
  // Only a required phase that this success completed opens what lies behind it.
  if (gate(states) == gate_before) return {};
  return automatic(states, gate_before + 1, after);
}

void validate(const Lifecycle& lifecycle, const std::vector<EnvironmentInfo>& environments) {
  Error error(Fault::invalid, "The lifecycle is not valid.");
  if (lifecycle.phases.size() > kMaxPhases) {
    error.at("Phases",
             text::format("There are {} phases; at most {} are allowed.", lifecycle.phases.size(), kMaxPhases));
  }
  std::set<std::string, text::LessIgnoringCase> seen;
  for (std::size_t i = 0; i < lifecycle.phases.size(); ++i) {
    const Phase& phase = lifecycle.phases[i];
    const auto at = [&](std::string_view member) { return text::format("Phases[{}].{}", i, member); };
    if (text::trim(phase.name).empty()) {
      error.at(at("Name"), "A phase needs a name.");
    } else if (!seen.insert(phase.name).second) {
      error.at(at("Name"), text::format("Two phases are called \"{}\"; rename one.", phase.name));
    }
    std::vector<std::string> named = phase.automatic_environments;
    named.insert(named.end(), phase.optional_environments.begin(), phase.optional_environments.end());
    std::set<std::string> distinct;
    for (const std::string& id : named) {
      const bool exists =
          std::any_of(environments.begin(), environments.end(), [&](const EnvironmentInfo& e) { return e.id == id; });
      if (!exists) error.at(at("OptionalDeploymentTargets"), text::format("There is no environment \"{}\".", id));
      if (!distinct.insert(id).second) {
        error.at(at("OptionalDeploymentTargets"), text::format("The environment \"{}\" is named twice in the phase.",
                                                               environment_name(environments, id)));
      }
    }
    if (phase.minimum_environments < 0 ||
        (!named.empty() && static_cast<std::size_t>(phase.minimum_environments) > named.size())) {
      error.at(
          at("MinimumEnvironmentsBeforePromotion"),
          text::format("The minimum is {}, but the phase has {}; choose 0 (all) to {}.", phase.minimum_environments,
                       text::counted(static_cast<std::int64_t>(named.size()), "environment"), named.size()));
    }
    if (phase.is_optional && !phase.automatic_environments.empty()) {
      error.at(at("AutomaticDeploymentTargets"),
               "An optional phase is never deployed to automatically; let its environments be deployed by hand.");
    }
  }
  if (!error.details().empty()) throw error;
}

}  // namespace fairlead::domain
