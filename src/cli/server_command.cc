// SPDX-License-Identifier: Apache-2.0
#include "cli/server_command.h"

#include <sys/prctl.h>

#include <csignal>
#include <cstdio>
#include <cstring>

#include "base/clock.h"
#include "base/log.h"
#include "base/text.h"
#include "cli/arguments.h"
#include "server/config.h"
#include "server/server.h"

namespace fairlead::cli {

namespace {

std::string help_text() {
  std::string out =
      "fairlead server [OPTION]...\n\nRuns the server until Ctrl-C. Every option can also be set by the environment "
      "(FAIRLEAD_DATA_DIR for\n"
      "--data-dir) or in a file (--config). FAIRLEAD_ADMIN_API_KEY presets the administrator's API key.\n\n";
  for (const server::Setting& setting : server::settings()) {
    const std::string option =
        text::format("--{}{}{}", setting.name, setting.value_name.empty() ? "" : " ", setting.value_name);
    out += text::format("  {:<30} {}\n", option, setting.help);
  }
  out += text::format("  {:<30} {}\n  {:<30} {}\n", "--print-config", "print the settings in force and exit", "--help",
                      "this text");
  return out;
}

log::Level level_of(const std::string& name) {
  if (name == "debug") return log::Level::debug;
  if (name == "warning") return log::Level::warning;
  return name == "error" ? log::Level::error : log::Level::info;
}

// Blocked in every thread, so that sigwait in this one gets them. SIGHUP is what a terminal sends that is closed: there
// is nothing to read again, since certificates are watched.
sigset_t block_stop_signals() {
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGINT);
  sigaddset(&signals, SIGTERM);
  sigaddset(&signals, SIGHUP);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  return signals;
}

}  // namespace

int run_server(const std::vector<std::string>& arguments) {
  std::vector<std::string> with_value;
  std::vector<std::string> switches = {"print-config", "help"};
  for (const server::Setting& setting : server::settings()) {
    (setting.value_name.empty() ? switches : with_value).emplace_back(setting.name);
  }
  const auto flags = parse_options(arguments, with_value, switches);
  if (flags.contains("help")) {
    std::fputs(help_text().c_str(), stdout);
    return 0;
  }
  server::Config config = server::load_config(flags, fairlead_environment());
  if (flags.contains("print-config")) {
    std::fputs(server::print_config(config).c_str(), stdout);
    return 0;
  }
  log::configure(config.log_format == "json" ? log::Format::json : log::Format::text, level_of(config.log_level));
  ::prctl(PR_SET_DUMPABLE, 0);  // secrets are opened in this process: no core file, no debugger of the worker's user
  const sigset_t signals = block_stop_signals();
  std::signal(SIGPIPE, SIG_IGN);
  server::Server server(std::move(config), system_clock());
  server.start();
  std::printf("Fairlead is ready at %s\n", server.url().c_str());
  std::fflush(stdout);
  int received = 0;
  sigwait(&signals, &received);
  log::info("the server is stopping", {{"signal", text::format("SIG{}", ::sigabbrev_np(received))}});
  server.stop();
  return 0;
}

}  // namespace fairlead::cli
