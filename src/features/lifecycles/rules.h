// SPDX-License-Identifier: Apache-2.0
// From stored lifecycles and environments to the values that domain/lifecycle.h decides over.
#pragma once

#include <string>
#include <vector>

#include "domain/lifecycle.h"
#include "features/lifecycles/model.h"
#include "store/documents.h"

namespace fairlead::features::lifecycles {

domain::Lifecycle to_domain(const Lifecycle& lifecycle);
// The environments of a space in its sort order.
std::vector<domain::EnvironmentInfo> environments_of(const store::Documents& documents, const store::Tx& tx,
                                                     const std::string& space);

}  // namespace fairlead::features::lifecycles
