// SPDX-License-Identifier: Apache-2.0
// The program `fairlead`: verbs and nothing else.
#include <cstdio>
#include <string>
#include <vector>

#include "agent/agent.h"
#include "base/error.h"
#include "cli/server_command.h"
#include "server/server.h"
#include "worker/worker.h"

namespace {

constexpr const char* kHelp =
    "fairlead VERB [OPTION]...\n"
    "\n"
    "Continuous delivery for Kubernetes.\n"
    "\n"
    "  server    run the server: API, deployments, the link for executors\n"
    "  worker    run a worker\n"
    "  agent     run the agent of a cluster\n"
    "  version   print the version\n"
    "\n"
    "fairlead VERB --help says more.\n";

int run(const std::vector<std::string>& arguments) {
  const std::string verb = arguments.empty() ? "--help" : arguments[0];
  const std::vector<std::string> rest(arguments.begin() + (arguments.empty() ? 0 : 1), arguments.end());
  if (verb == "server") return fairlead::cli::run_server(rest);
  if (verb == "worker") return fairlead::worker::worker_main(rest);
  if (verb == "agent") return fairlead::agent::agent_main(rest);
  if (verb == "version" || verb == "--version") {
    std::printf("%s\n", fairlead::server::kProductVersion);
    return 0;
  }
  if (verb == "--help" || verb == "help" || verb == "-h") {
    std::fputs(kHelp, stdout);
    return 0;
  }
  throw fairlead::invalid("there is no verb \"" + verb + "\"; fairlead --help lists them");
}

}  // namespace

int main(int count, char** values) {
  try {
    return run(std::vector<std::string>(values + 1, values + count));
  } catch (...) {
    const fairlead::Error error = fairlead::error_of(std::current_exception());
    std::fprintf(stderr, "fairlead: %s\n", error.text().c_str());
    return error.fault() == fairlead::Fault::invalid ? 2 : 1;
  }
}
