// SPDX-License-Identifier: Apache-2.0
// Prompted variables: those whose value whoever deploys may give, or must.
#pragma once

#include <string>
#include <vector>

#include "features/deployments/model.h"
#include "features/releases/model.h"
#include "store/documents.h"

namespace fairlead::features::deployments {

struct Prompt {
  std::string id, name, label, description;
  std::string display_settings;  // JSON object
  std::string value;             // what it is when nobody gives another; empty for sensitive ones
  bool has_value = false, required = false, sensitive = false;
};
// Of the release, for a deployment to the environment.
std::vector<Prompt> prompts_of(const store::Documents& documents, const store::Tx& tx, const releases::Release& release,
                               const std::string& environment);

// Names the given values as the variables are written (clients send names in any case, labels or ids), and puts
// sensitive ones where they are sealed; sealed ones that it has already (of a deployment that is repeated) stay. Throws
// Error(invalid): a name that is no prompted variable of the release, a required one without a value.
void settle_form_values(const std::vector<Prompt>& prompts, Deployment& deployment);

}  // namespace fairlead::features::deployments
