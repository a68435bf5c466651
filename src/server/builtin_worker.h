// SPDX-License-Identifier: Apache-2.0
// The worker that the server starts: a process of its own that outlives it, so that a script which runs while the
// server restarts goes on. A starting server finds a living worker by the lock of its spool and leaves it alone, unless
// it runs as a user that is no longer the wanted one; when the worker dies, another is started. What it prints is in
// <data>/worker.log.
#pragma once

#include <sys/types.h>

#include <optional>
#include <string>
#include <thread>

#include "base/cancel.h"
#include "base/file.h"
#include "server/data_directory.h"
#include "server/worker_user.h"

namespace fairlead::server {

struct BuiltInWorkerOptions {
  std::string user;            // whom it runs as; empty: see choose_worker_user
  bool trust_scripts = false;  // no warning when it runs as the server's own user
};

class BuiltInWorker {
 public:
  // Throws Error(invalid) where the user cannot be had; see choose_worker_user.
  BuiltInWorker(const DataDirectory& data, BuiltInWorkerOptions options);
  ~BuiltInWorker() { stop(); }
  // Once the server's socket is there. Ends a living worker of another user, which may take seconds.
  void start();
  // Stops watching. The process lives on.
  void stop();
  // Ends the process too: for a server that stops in order and has nothing outstanding.
  void terminate();

 private:
  // A living worker. `handle` is a pidfd: the pid cannot come to mean another process.
  struct Process {
    pid_t pid = -1;
    file::Descriptor handle;
    uid_t user = 0;
    bool child = false;  // of this process
  };
  void give_files_to_user() const;
  void watch();
  std::optional<Process> living() const;
  bool spool_is_locked() const;
  std::optional<Process> launch();
  // False when the server stops first.
  bool wait_for_end(const Process& process);
  void end(const Process& process) const;

  const DataDirectory& data_;
  const std::optional<WorkerUser> user_;
  uid_t owner_before_ = 0;  // of the worker's folder
  CancelSource stopping_;
  file::Descriptor stop_event_;
  std::thread thread_;
  std::optional<Process> worker_;  // the thread's while it runs
};

}  // namespace fairlead::server
