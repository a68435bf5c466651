// SPDX-License-Identifier: Apache-2.0
#include "features/lifecycles/rules.h"

#include "features/environments/model.h"

namespace fairlead::features::lifecycles {

domain::Lifecycle to_domain(const Lifecycle& lifecycle) {
  domain::Lifecycle out;
  out.name = lifecycle.name;
  for (const Phase& phase : lifecycle.phases) {
    domain::Phase& made = out.phases.emplace_back();
    made.id = phase.id;
    made.name = phase.name;
    made.automatic_environments = phase.automatic_deployment_targets;
    made.optional_environments = phase.optional_deployment_targets;
    made.minimum_environments = phase.minimum_environments_before_promotion;
    made.is_optional = phase.is_optional;
    made.is_priority = phase.is_priority;
  }
  return out;
}

std::vector<domain::EnvironmentInfo> environments_of(const store::Documents& documents, const store::Tx& tx,
                                                     const std::string& space) {
  std::vector<domain::EnvironmentInfo> out;
  for (const auto& environment :
       documents.all<environments::Environment>(tx, store::Query().in_space(space).by("SortOrder"))) {
    out.push_back({environment.id.str(), environment.name});
  }
  return out;
}

}  // namespace fairlead::features::lifecycles
