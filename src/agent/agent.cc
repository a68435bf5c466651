// SPDX-License-Identifier: Apache-2.0
#include "agent/agent.h"

#include <cstdio>

#include "base/error.h"
#include "base/text.h"
#include "executor/cluster_config.h"
#include "executor/flags.h"
#include "executor/host.h"
#include "executor/launcher.h"

namespace fairlead::agent {
namespace {

const std::vector<executor::Flag> kFlags = {
    {"server", "URL", "the server, https://... (http:// only on this machine)"},
    {"token", "TOKEN", "one-time registration token; better in FAIRLEAD_TOKEN"},
    {"space", "SPACE", "the space to register in"},
    {"name", "NAME", "the target's name (default: the host's)"},
    {"environments", "A,B", "environments of the target"},
    {"roles", "A,B", "target tags"},
    {"namespace", "NAME", "the target's default namespace"},
    {"kubeconfig", "FILE", "outside a cluster: how to reach it"},
    {"data-dir", "FOLDER", "where it keeps its identity and its spool"},
    {"proxy", "URL", "HTTP proxy on the way to the server"},
    {"ca-file", "FILE", "certificate authorities for the server, PEM"},
    {"insecure", "", "accept any certificate of the server"},
};

}  // namespace

int agent_main(const std::vector<std::string>& arguments) {
  const executor::Flags flags("fairlead agent", kFlags, arguments);
  if (flags.help_wanted()) {
    std::fputs(flags.help_text().c_str(), stdout);
    return 0;
  }
  executor::Launcher launcher;
  executor::HostOptions options;
  options.launcher = &launcher;
  options.server_url = flags.required("server");
  options.data_folder = flags.required("data-dir");
  options.own_cluster = executor::own_cluster_config(flags.get("kubeconfig"));
  options.token = Secret(flags.get("token"));
  options.proxy = flags.get("proxy");
  options.ca_file = flags.get("ca-file");
  options.insecure = flags.has("insecure");
  options.registration.kind = "agent";
  options.registration.name = flags.get("name", executor::host_name());
  options.registration.space = flags.get("space");
  options.registration.environments = text::split_list(flags.get("environments"));
  options.registration.roles = text::split_list(flags.get("roles"));
  options.registration.default_namespace = flags.get("namespace");
  executor::run_host(options);
  return 0;
}

}  // namespace fairlead::agent
