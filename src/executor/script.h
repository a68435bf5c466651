// SPDX-License-Identifier: Apache-2.0
// Runs one Bash script: a private folder, a cleared environment, Octopus' script functions, output as log lines with
// secrets hidden, time-out and cancellation. Blocks its thread.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "base/cancel.h"
#include "base/clock.h"
#include "executor/command_log.h"
#include "executor/output_reader.h"
#include "executor/shell.h"
#include "link/commands.h"

namespace fairlead::executor {

inline constexpr std::size_t kMaxScriptBytes = 16 << 20;
inline constexpr std::size_t kMaxWorkingFiles = 1'000;
inline constexpr std::size_t kMaxEnvironmentBytes = 1 << 20;

struct ScriptContext {
  const Clock& clock;
  CommandLog& log;
  CancelToken cancel;
  Shells& shells;
  std::function<Secret(const link::Confidential&)> open;
  SealOutput seal;
  std::string kubeconfig;              // content of the file that KUBECONFIG names; empty: none
  std::function<void()> before_start;  // the last thing before it runs; where this throws, it does not
  std::function<void()> started;       // for tests: the process is running
};

struct ScriptEnd {
  link::Outcome outcome = link::Outcome::failed;
  std::optional<Error> error;
  link::ScriptResult result;
  // Its folder is cleared away, and its supervisor's end waited for, when nobody holds it any more. Everything that the
  // script had started is gone already.
  std::shared_ptr<Shell> shell{};
};

// Throws Error(invalid) for a command that cannot be run (another language, bad file names), before anything has
// started.
ScriptEnd run_script(const link::RunScript& script, const ScriptContext& context);

// What a shell reads when it may go, texts that each end with a byte 0, which Bash cannot hold and which are left out
// of values: name and value of each variable, sorted by name (bytes), then the arguments, then what KUBECONFIG is to be
// (or nothing), then the number of variables. Bash reads that a great deal faster than commands that set variables.
std::string variables_text(const link::RunScript& script, const std::string& kubeconfig,
                           const std::function<Secret(const link::Confidential&)>& open);
// Any bytes as one word of Bash; bytes of value 0, which Bash cannot hold, are left out.
std::string bash_quoted(std::string_view text);

}  // namespace fairlead::executor
