// SPDX-License-Identifier: Apache-2.0
// The program `fairlead-agent`: what goes into clusters. Verbs agent (the default) and worker.
#include <cstdio>
#include <string>
#include <vector>

#include "agent/agent.h"
#include "base/error.h"
#include "executor/host.h"
#include "worker/worker.h"

int main(int count, char** values) {
  std::vector<std::string> arguments(values + 1, values + count);
  try {
    std::string verb = "agent";
    if (!arguments.empty() && !arguments[0].starts_with("-")) {
      verb = arguments[0];
      arguments.erase(arguments.begin());
    }
    if (verb == "agent") return fairlead::agent::agent_main(arguments);
    if (verb == "worker") return fairlead::worker::worker_main(arguments);
    if (verb == "version") {
      std::printf("%s\n", fairlead::executor::kProgramVersion);
      return 0;
    }
    throw fairlead::invalid("there is no verb \"" + verb + "\"; the verbs are agent, worker and version");
  } catch (...) {
    const fairlead::Error error = fairlead::error_of(std::current_exception());
    std::fprintf(stderr, "fairlead-agent: %s\n", error.text().c_str());
    return error.fault() == fairlead::Fault::invalid ? 2 : 1;
  }
}
