// SPDX-License-Identifier: Apache-2.0
// Lifecycles as pure rules: which environments a release may go to, how far it has come, what follows by itself.
// Exactly-once is the store's business (a unique key per release, tenant and phase); here is only the rule.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace fairlead::domain {

struct EnvironmentInfo {
  std::string id;
  std::string name;
};

struct Phase {
  std::string id;
  std::string name;
  std::vector<std::string> automatic_environments;  // AutomaticDeploymentTargets: ids
  std::vector<std::string> optional_environments;   // OptionalDeploymentTargets: ids, deployed by hand
  int minimum_environments = 0;                     // MinimumEnvironmentsBeforePromotion; 0: all
  bool is_optional = false;
  bool is_priority = false;
};

struct Lifecycle {
  std::string name;
  std::vector<Phase> phases;  // empty: one phase per environment in the space's order
};

// A phase with everything implicit written out.
struct EffectivePhase {
  Phase phase;
  std::vector<std::string> environments;  // automatic first, then optional; for an empty phase all not named earlier
  bool open = false;                      // the phase named no environment: it takes all that earlier phases did not
  std::size_t required_successes() const;
};

// `environments` in the space's sort order. Environments that no longer exist are left out.
std::vector<EffectivePhase> effective_phases(const Lifecycle& lifecycle,
                                             const std::vector<EnvironmentInfo>& environments);

// What one release (for one tenant, or untenanted) has achieved. Failures never count.
struct History {
  std::vector<std::string> succeeded;  // environment ids with at least one successful deployment
  bool blocked_by_defect = false;      // an unresolved defect exists
  std::string defect;                  // its description
};

enum class PhaseProgress { pending, current, complete };
std::string_view name_of(PhaseProgress progress);  // "Pending", "Current", "Complete"

struct PhaseState {
  EffectivePhase effective;
  PhaseProgress progress = PhaseProgress::pending;
  bool reached = false;  // deployments into it are allowed as far as the lifecycle says
  bool blocked = false;  // by a defect
  std::vector<std::string> succeeded;
};

struct Progression {
  std::vector<PhaseState> phases;
  std::vector<std::string> next_deployments;  // environment ids of reached, unfinished phases, not yet successful
  std::size_t next_deployments_minimum_required = 0;  // successes still missing in the current required phase
};

Progression progression(const Lifecycle& lifecycle, const std::vector<EnvironmentInfo>& environments,
                        const History& history);

struct Eligibility {
  bool allowed = false;
  std::string reason;  // why not: one sentence with the names and what has to happen first
};

// May the release be deployed to the environment now?
Eligibility may_deploy(const Lifecycle& lifecycle, const std::vector<EnvironmentInfo>& environments,
                       const History& history, std::string_view environment_id);

// Environments the release may go to, in lifecycle order.
std::vector<std::string> deployable_environments(const Lifecycle& lifecycle,
                                                 const std::vector<EnvironmentInfo>& environments,
                                                 const History& history);

// Phases that the release enters by an event, with the environments to deploy to without being asked.
struct AutomaticDeployment {
  std::string
      phase_id;  // part of the store's unique key: (release, tenant, phase); "phase-<n>" where a phase has no id
  std::string phase_name;
  std::vector<std::string> environments;
};
// After the release was created.
std::vector<AutomaticDeployment> automatic_after_creation(const Lifecycle& lifecycle,
                                                          const std::vector<EnvironmentInfo>& environments);
// After a deployment to `environment_id` succeeded; `before` does not hold that success yet. Empty when that success
// completed no phase, so that redeploying an old release never promotes anything.
std::vector<AutomaticDeployment> automatic_after_success(const Lifecycle& lifecycle,
                                                         const std::vector<EnvironmentInfo>& environments,
                                                         const History& before, std::string_view environment_id);

inline constexpr std::size_t kMaxPhases = 100;
// Throws Error(invalid) with one detail per fault ("Phases[1].Name"): names missing or twice, an environment named
// twice, a minimum over the number of environments, automatic deployments in an optional phase, unknown environments.
void validate(const Lifecycle& lifecycle, const std::vector<EnvironmentInfo>& environments);

}  // namespace fairlead::domain
