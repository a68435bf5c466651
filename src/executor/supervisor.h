// SPDX-License-Identifier: Apache-2.0
// A script's process under a supervisor, so that scripts die with their worker and leave nobody behind.
//
//   worker --launcher--> supervisor (own session, sub-reaper) --fork, exec--> bash (own process group)
//
// The supervisor is the worker's child, whether the launcher forked it (executor/launcher.h) or the worker did itself.
// The supervisor holds the reading end of a pipe whose writing end only the worker has: when the worker is gone,
// however it went, the supervisor kills every descendant. Orphans, also those that made sessions of their own, become
// its children because it is a sub-reaper (prctl(2), PR_SET_CHILD_SUBREAPER), so no privilege and no PID namespace is
// needed (docs/decisions/0005-scripts.md). When bash ends, what it left in the background is killed: a script has ended
// when its shell has.
#pragma once

#include <string>
#include <vector>

#include "base/file.h"

namespace fairlead::executor {

class Launcher;

// The descriptor on which a gated process waits: end of file there means that its worker is gone, a byte "go".
inline constexpr int kGateOfShell = 3;

struct ProcessPlan {
  std::string program;                   // absolute
  std::vector<std::string> arguments;    // without the program
  std::vector<std::string> environment;  // "NAME=value"; nothing is inherited
  std::string folder;                    // working directory
  int grace_ms = 5'000;                  // between SIGTERM and SIGKILL
  bool gated = false;                    // it reads kGateOfShell before it does anything; see open_gate()
};

// How the process ended.
struct ProcessEnd {
  bool known = false;  // false: the supervisor was killed; nobody can say
  int exit_code = 0;   // 128 + signal where a signal ended it
};

// One thread at a time, but for terminate(). Descriptors may be polled; they do not block.
class SupervisedProcess {
 public:
  // Throws Error(unavailable) naming what the system refused.
  // `launcher`: none, and this process forks.
  explicit SupervisedProcess(const ProcessPlan& plan, Launcher* launcher = nullptr);
  // Kills what is left, and waits for the supervisor's end.
  ~SupervisedProcess();
  SupervisedProcess(const SupervisedProcess&) = delete;
  SupervisedProcess& operator=(const SupervisedProcess&) = delete;

  int out() const { return out_.get(); }
  int err() const { return err_.get(); }
  // Readable once the process and its descendants have ended: then call end().
  int status() const { return status_.get(); }
  ProcessEnd end();
  // Nothing has been said yet about its end. A process that was just killed may still be alive.
  bool lives() const;
  // Once, where the plan says `gated`.
  void open_gate();
  // SIGTERM to the group, after the grace SIGKILL to every descendant. Thread-safe; may be repeated.
  void terminate();
  int supervisor_pid() const { return pid_; }

 private:
  file::Descriptor out_, err_, status_, life_, gate_;
  int pid_ = -1;
};

}  // namespace fairlead::executor
