// SPDX-License-Identifier: Apache-2.0
// A small process that forks supervisors for the worker. Forking the worker itself copies the page tables of all its
// memory, and makes every page that it writes to afterwards a fault; the launcher is a copy from before there was
// anything to copy.
//
//   worker --message with descriptors--> launcher --clone(CLONE_PARENT)--> supervisor, a child of the worker
//
// By CLONE_PARENT (clone(2)) the worker waits for its supervisors as if it had forked them, and the end of the launcher
// means nothing to them. The launcher ends with the last descriptor of the worker's end of the socket, which nobody
// else has. It holds no secret where it was made before any was read, and has the worker's rights and no others.
//
// When it is killed, or does not answer, the worker forks by itself from then on.
//
// Thread-safe.
#pragma once

#include <atomic>
#include <optional>
#include <string>

#include "base/file.h"
#include "executor/supervise.h"

namespace fairlead::executor {

class Launcher {
 public:
  // Forks: to be made early, before other threads and secrets. Where the system refuses, there just is none.
  // `patience_ms`: one that has not answered for so long is killed.
  explicit Launcher(int patience_ms = 10'000);
  // Waits for its end. Supervisors live on.
  ~Launcher();
  Launcher(const Launcher&) = delete;
  Launcher& operator=(const Launcher&) = delete;

  // A supervisor for a packed plan: the pid of a new child of this process, for the caller to wait for. nullopt:
  // nothing was started, and the caller forks.
  std::optional<int> start(const std::string& packed, const SupervisorEnds& ends);
  // -1: there is none any more.
  int pid() const { return gone_ ? -1 : pid_; }

 private:
  void give_up(const char* reason);

  const int patience_ms_;
  int pid_ = -1;
  std::atomic<bool> gone_ = true;
  file::Descriptor socket_;
};

}  // namespace fairlead::executor
