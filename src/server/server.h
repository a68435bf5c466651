// SPDX-License-Identifier: Apache-2.0
// The server process: opens the data directory, wires the layers, starts and stops them in order. No product rule lives
// here.
#pragma once

#include <memory>
#include <string>

#include "base/clock.h"
#include "server/config.h"

namespace fairlead::server {

inline constexpr const char* kProductVersion = "0.1.0";

class Server {
 public:
  // Opens everything that can fail for reasons a person can mend; throws Error. `clock` must outlive it.
  Server(Config config, Clock& clock);
  ~Server();  // stop()
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  // Accepts requests and advances runs from here on.
  void start();
  std::string url() const;
  // Finishes requests and wakes in progress, closes sessions and the database. The built-in worker lives on for a
  // while, so that a starting server finds it. Idempotent.
  void stop();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace fairlead::server
