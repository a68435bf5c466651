// SPDX-License-Identifier: Apache-2.0
// What other slices need of variables: the snapshot of a release, and the variables as domain/variables.h resolves
// them.
#pragma once

#include <string>
#include <vector>

#include "domain/variables.h"
#include "features/variables/model.h"
#include "store/documents.h"

namespace fairlead::features::variables {

// The snapshot of the owner's variables as they are now; made where no release froze the same content before.
VariableSnapshot take_snapshot(store::Documents& documents, store::Tx& tx, const std::string& owner);

// The plain values of sensitive variables are opened here: keep the result in memory, and never in a journal.
std::vector<domain::Variable> to_domain(const std::vector<Variable>& variables, const store::Sealer& sealer,
                                        const std::string& set_name);

// Fills ids (from the stored variables of the same name and scope, else new ones), moves sensitive values to their
// sealed place, keeps the stored value where a client sends null (or, with the variable's id, an empty text), and
// checks the whole.
void complete_variables(std::vector<Variable>& variables, const std::vector<Variable>& stored);

domain::VariableScope to_domain(const VariableScope& scope);
// Whether the variables are still what the snapshot froze.
bool is_current(const store::Documents& documents, const store::Tx& tx, const VariableSnapshot& snapshot);

}  // namespace fairlead::features::variables
