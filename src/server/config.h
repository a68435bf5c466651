// SPDX-License-Identifier: Apache-2.0
// Settings of the server: flag over FAIRLEAD_* environment over --config file over default. One table drives all of
// them.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/secret.h"

namespace fairlead::server {

// How many days what is kept in the database.
struct Retention {
  int audit_days = 90;  // then they are archived
  int task_days = 30;   // after the end, of tasks that are no deployment's; those live as long as their deployment
  int run_days = 7;     // of ended runs: the engine's records, for finding out what went wrong
};

struct Config {
  std::string data_dir = "./fairlead-data";
  std::string listen = "127.0.0.1:8080";  // ADDRESS:PORT; port 0: any
  std::string tls_cert, tls_key;          // PEM files; both or none
  std::string worker_user;                // whom the built-in worker runs as; empty: fairlead-worker where it exists
  std::string log_format = "text";        // or json
  std::string log_level = "info";
  int task_cap = 50;
  Retention retention;
  bool builtin_worker = true;
  bool trust_scripts = false;   // scripts may run as the server's own user
  std::string master_key_file;  // empty: <data-dir>/keys/master.key
  Secret admin_api_key;         // FAIRLEAD_ADMIN_API_KEY only: never a flag, never printed
};

// One setting: "--data-dir", FAIRLEAD_DATA_DIR, "data-dir" in the file.
struct Setting {
  std::string_view name;
  std::string_view value_name;  // "DIR"; empty: a switch
  std::string_view help;
};
const std::vector<Setting>& settings();

// Throws Error(invalid) naming the setting, where it came from and what is wrong with it.
Config load_config(const std::map<std::string, std::string>& flags,
                   const std::map<std::string, std::string>& environment);
// Every setting with its value in force, as a --config file; secrets are left out.
std::string print_config(const Config& config);

struct ListenAddress {
  std::string address;
  std::uint16_t port = 0;
};
ListenAddress parse_listen(const std::string& text);

}  // namespace fairlead::server
