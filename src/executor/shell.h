// SPDX-License-Identifier: Apache-2.0
// Bash for a script: in a private folder, with a cleared environment and Octopus's script functions, waiting for the
// script itself. Starting Bash takes longer than most of what happens between two steps of a deployment, so once a
// script has run, the shell of the next one is started ahead; it knows nothing yet, has no secret, and ends with the
// worker like any other script.
//
//   <work>/script-<id>/              the working directory
//   <work>/script-<id>/.fairlead/    bootstrap.sh, variables, kubeconfig, tmp/
#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "executor/supervisor.h"

namespace fairlead::executor {

inline constexpr std::int64_t kKeepReadyShellUs = kMinute;

using Environment = std::map<std::string, std::string>;

struct ShellOptions {
  std::string work_folder;  // exists
  std::string program = "/bin/bash";
  int grace_ms = 5'000;          // between SIGTERM and SIGKILL
  Launcher* launcher = nullptr;  // not owned
};

// A new folder, gone when this dies.
class WorkFolder {
 public:
  explicit WorkFolder(const std::string& parent);
  ~WorkFolder();
  WorkFolder(const WorkFolder&) = delete;
  WorkFolder& operator=(const WorkFolder&) = delete;
  const std::string& path() const { return path_; }
  // Of a file in the part that is not the script's: kOwnFolder.
  std::string own(std::string_view name) const;

 private:
  const std::string path_;
};

inline constexpr std::string_view kOwnFolder = ".fairlead";

// One thread at a time, as SupervisedProcess.
class Shell {
 public:
  // Makes the folder. `environment` is added to what every script has. Throws Error(unavailable) naming what the system
  // refused, with a help where Bash is missing; so does everything below.
  Shell(const ShellOptions& options, Environment environment);

  const WorkFolder& folder() const { return folder_; }
  // Begins, and waits for its go.
  void start();
  bool started() const { return process_.has_value(); }
  // Once its files are there: reads its variables and runs Script.sh. Starts it where that is still to be done: what it
  // obeys when it begins (BASH_ENV) may be among the files.
  void go();
  // Waits until its supervisor is gone. What it had started is gone when that says how it ended.
  void end() { process_.reset(); }
  // Once it has started.
  SupervisedProcess& process() { return *process_; }

 private:
  ProcessPlan plan() const;

  const ShellOptions options_;
  const Environment environment_;
  const WorkFolder folder_;
  std::optional<SupervisedProcess> process_;  // ends before its folder is cleared away
};

// Thread-safe.
class Shells {
 public:
  Shells(ShellOptions options, const Clock& clock) : options_(std::move(options)), clock_(clock) {}

  // The one that is ready, if it has this environment, else a new one that has not started. Throws as Shell.
  std::unique_ptr<Shell> take(const Environment& environment);
  // Starts one ahead, where none is ready; for scripts that bring no environment of their own. Never throws.
  void prepare();
  // Ends the one that nobody wanted for kKeepReadyShellUs.
  void drop_idle();
  // Ends it at once.
  void drop();

 private:
  const ShellOptions options_;
  const Clock& clock_;
  std::mutex mutex_;
  std::unique_ptr<Shell> ready_;
  std::int64_t ready_since_us_ = 0;
};

// A new file; Error(unavailable) naming it where it cannot be written.
void write_new_file(const std::string& path, std::string_view content, unsigned mode);
// What Bash is started with: the functions, then the wait for its go, then variables and Script.sh.
std::string bootstrap_text(const WorkFolder& folder);

}  // namespace fairlead::executor
