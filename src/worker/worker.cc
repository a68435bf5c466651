// SPDX-License-Identifier: Apache-2.0
#include "worker/worker.h"

#include <cstdio>

#include "base/bytes.h"
#include "base/error.h"
#include "base/file.h"
#include "base/text.h"
#include "executor/flags.h"
#include "executor/host.h"
#include "executor/launcher.h"

namespace fairlead::worker {
namespace {

const std::vector<executor::Flag> kFlags = {
    {"server", "URL", "the server, https://..."},
    {"token", "TOKEN", "one-time registration token; better in FAIRLEAD_TOKEN"},
    {"space", "SPACE", "the space to register in"},
    {"name", "NAME", "the worker's name (default: the host's)"},
    {"worker-pools", "A,B", "pools to register into"},
    {"data-dir", "FOLDER", "where it keeps its identity and its spool"},
    {"proxy", "URL", "HTTP proxy on the way to the server"},
    {"ca-file", "FILE", "certificate authorities for the server, PEM"},
    {"insecure", "", "accept any certificate of the server"},
    {"built-in", "", "the server's own worker: with --socket, --secret-file and --executor"},
    {"socket", "FILE", "the server's socket"},
    {"secret-file", "FILE", "what proves it to the server, 64 hexadecimal digits"},
    {"executor", "ID", "its id on the server"},
    {"patience", "SECONDS", "built-in: ends after this long without a server (default 600)"},
};

Secret read_secret(const std::string& path) {
  const std::optional<std::string> bytes = parse_hex(text::trim(file::read(path, 1'024)));
  if (!bytes || bytes->empty()) throw invalid(text::format("{} must hold hexadecimal digits", path));
  return Secret(*bytes);
}

}  // namespace

int worker_main(const std::vector<std::string>& arguments) {
  const executor::Flags flags("fairlead worker", kFlags, arguments);
  if (flags.help_wanted()) {
    std::fputs(flags.help_text().c_str(), stdout);
    return 0;
  }
  executor::Launcher launcher;
  executor::HostOptions options;
  options.launcher = &launcher;
  options.data_folder = flags.required("data-dir");
  options.registration.kind = "worker";
  options.registration.name = flags.get("name", executor::host_name());
  if (flags.has("built-in")) {
    options.unix_socket = flags.required("socket");
    options.executor = flags.required("executor");
    options.shared_secret = read_secret(flags.required("secret-file"));
    const auto patience = text::parse_int(flags.get("patience", "600"));
    if (!patience || *patience < 0 || *patience > 7 * 24 * 3'600)
      throw invalid("--patience must be a number of seconds, at most a week");
    options.give_up_after_us = std::max<std::int64_t>(*patience, 1) * kSecond;
  } else {
    options.server_url = flags.required("server");
    options.registration.space = flags.get("space");
    options.registration.worker_pools = text::split_list(flags.get("worker-pools"));
    options.token = Secret(flags.get("token"));
    options.proxy = flags.get("proxy");
    options.ca_file = flags.get("ca-file");
    options.insecure = flags.has("insecure");
  }
  executor::run_host(options);
  return 0;
}

}  // namespace fairlead::worker
