// SPDX-License-Identifier: Apache-2.0
// What other slices need of targets: how to reach the cluster, who does the work, what is known of the health, what a
// plan reads.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "domain/plan.h"
#include "domain/system_variables.h"
#include "features/targets/model.h"
#include "link/commands.h"
#include "store/documents.h"

namespace fairlead::features::targets {

inline constexpr const char* kBuiltInWorker = "Workers-1";

// Connection and credentials; secrets stay sealed. Throws Error(invalid) naming the target and what its endpoint lacks.
link::ClusterAccess access_of(const store::Documents& documents, const store::Tx& tx, const Machine& machine);
// The engine's selector of the executor that works for the target: the agent itself, or the worker that owns the API
// target.
std::string selector_of(const Machine& machine);
// The namespace for objects that name none.
std::string default_namespace_of(const Machine& machine);

// --- health

inline constexpr const char* kHealthy = "Healthy";
inline constexpr const char* kHasWarnings = "HasWarnings";
inline constexpr const char* kUnhealthy =
    "Unhealthy";  // reached, but of no use: credentials, permissions, another server
inline constexpr const char* kUnavailable = "Unavailable";  // not reached
inline constexpr const char* kUnknown = "Unknown";

// What one check found.
struct Finding {
  std::string status = kUnknown;
  std::string summary;                // one sentence; for anything but Healthy also what to do
  std::vector<std::string> warnings;  // of HasWarnings
  std::string agent_version;          // of agents that answered
  bool is_good() const { return status == kHealthy || status == kHasWarnings; }
};
const json::Type& type_of(json::Tag<Finding>);

// Nothing is known any more, for the reason given.
void forget_health(Machine& machine, std::string_view why);
// Takes a finding over.
void set_health(Machine& machine, const Finding& finding, Time now);

// --- for plans

domain::Target to_domain(const Machine& machine);
domain::TargetFacts facts_of(const Machine& machine);

}  // namespace fairlead::features::targets
