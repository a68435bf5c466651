// SPDX-License-Identifier: Apache-2.0
// The worker that the server starts: a process of its own that outlives it, so that a script which runs while the server restarts goes
// on. A starting server finds a living worker by the lock of its spool and leaves it alone; when the worker dies, another is started.
#pragma once

#include <sys/types.h>

#include <optional>
#include <string>
#include <thread>

#include "base/cancel.h"
#include "server/data_directory.h"

namespace fairlead::server {

struct BuiltInWorkerOptions {
  std::string user;            // whom it runs as; empty: fairlead-worker where there is one and we are root
  bool trust_scripts = false;  // no warning when it runs as the server's own user
};

class BuiltInWorker {
 public:
  // Throws Error(invalid) when `user` is named and does not exist, or this process may not change to it.
  BuiltInWorker(const DataDirectory& data, BuiltInWorkerOptions options);
  ~BuiltInWorker() { stop(); }
  // Once the server's socket is there.
  void start();
  // Stops watching. The process lives on.
  void stop();
  // Ends the process too: for a server that stops in order and has nothing outstanding.
  void terminate();

 private:
  struct User {
    std::string name;
    uid_t uid = 0;
    gid_t gid = 0;
  };
  void give_files_to_user() const;
  void watch();
  bool alive() const;
  void launch();

  const DataDirectory& data_;
  const BuiltInWorkerOptions options_;
  std::optional<User> user_;
  CancelSource stopping_;
  std::thread thread_;
  pid_t child_ = -1;
};

}  // namespace fairlead::server
