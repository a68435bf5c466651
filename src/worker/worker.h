// SPDX-License-Identifier: Apache-2.0
// The verb `worker`: an executor without a cluster of its own, for API targets and scripts.
#pragma once

#include <string>
#include <vector>

namespace fairlead::worker {

// `arguments`: what follows the verb. Blocks until the worker ends. Returns the exit status; throws Error.
int worker_main(const std::vector<std::string>& arguments);

}  // namespace fairlead::worker
