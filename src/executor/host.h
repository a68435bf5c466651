// SPDX-License-Identifier: Apache-2.0
// The process of an executor: its identity in the data folder, registration once, the link, the end. What agents and
// workers share.
//
//   <data>/key                the seed of its Ed25519 key, made at the first start (0600)
//   <data>/registration.json  who it is on the server, after registration
//   <data>/spool, <data>/work see executor/spool.h, executor/script.h
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "base/cancel.h"
#include "base/clock.h"
#include "base/secret.h"
#include "kube/http_kube_client.h"
#include "link/registration.h"

namespace fairlead::executor {

class Launcher;

inline constexpr const char* kProgramVersion = "0.1.0";
inline constexpr std::int64_t kBuiltInPatienceUs = 10 * kMinute;

struct HostOptions {
  std::string data_folder;
  std::string server_url;  // https://..., or http:// to this machine
  std::string proxy;
  std::string ca_file;
  bool insecure = false;
  std::optional<kube::ClusterConfig> own_cluster;
  Launcher* launcher = nullptr;  // for scripts; made before any secret was read

  // Registered executors: what to register as; used once. `kind` and `name` are always meant.
  link::RegistrationRequest registration;
  Secret token;  // may be empty once registered

  // The built-in worker instead: no registration.
  std::string unix_socket;
  std::string executor;
  Secret shared_secret;
  std::int64_t give_up_after_us = 0;  // ends when there has been no server for this long and nothing runs; 0: never
};

// Runs until SIGTERM or SIGINT, or until it gives up. Call it before any thread is started: it blocks those signals. On
// the way out scripts are ended, results delivered where the server is there and spooled in any case. Throws Error
// where it cannot begin.
void run_host(const HostOptions& options);

// The host's name, for texts and registration.
std::string host_name();

}  // namespace fairlead::executor
