// SPDX-License-Identifier: Apache-2.0
// The verb `agent`: the executor of one cluster, inside it or beside it with a kubeconfig.
#pragma once

#include <string>
#include <vector>

namespace fairlead::agent {

// `arguments`: what follows the verb. Blocks until the agent ends. Returns the exit status; throws Error.
int agent_main(const std::vector<std::string>& arguments);

}  // namespace fairlead::agent
