// SPDX-License-Identifier: Apache-2.0
// The order in which objects are applied: stages that wait for each other, and a rank of kinds inside a stage (the
// order that Helm and Argo CD agree on). Pure.
#pragma once

#include <cstddef>
#include <vector>

#include "kube/object.h"

namespace fairlead::kube {

enum class Stage { namespaces, definitions, configuration, workloads, last };

// Namespaces; CustomResourceDefinitions; what workloads refer to (accounts, roles, secrets, volumes, services);
// everything else in order of kind; webhook configurations and APIServices, which can block the rest when early.
Stage stage_of(const ObjectKey& key);
// Smaller is earlier; unknown kinds come after all known ones.
int rank_of(const ObjectKey& key);

// Indexes into `keys`, one list per non-empty stage, each sorted by rank and then as given.
std::vector<std::vector<std::size_t>> order(const std::vector<ObjectKey>& keys);

}  // namespace fairlead::kube
