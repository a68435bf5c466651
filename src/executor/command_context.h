// SPDX-License-Identifier: Apache-2.0
// What a command sees while it runs, and how it ends.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "base/cancel.h"
#include "base/clock.h"
#include "base/error.h"
#include "executor/clusters.h"
#include "executor/command_log.h"
#include "executor/mask.h"
#include "link/commands.h"

namespace fairlead::executor {

struct CommandContext {
  std::string key;
  const Clock& clock;
  std::shared_ptr<CommandLog> log;
  CancelToken cancel;
  Clusters& clusters;
  OpenSecret open;
  std::string version;  // of this program
};

struct CommandEnd {
  link::Outcome outcome = link::Outcome::succeeded;
  std::optional<Error> error;
  std::string value;                  // JSON of the kind's result; may be empty unless succeeded
  std::shared_ptr<void> leftovers{};  // cleared away by its destructor, once the result is on its way

  static CommandEnd success(std::string value) {
    return {link::Outcome::succeeded, std::nullopt, std::move(value), nullptr};
  }
  // Cancelled where the error is a cancellation, else failed.
  static CommandEnd failure(Error error, std::string value = {}) {
    const bool cancelled = error.fault() == Fault::cancelled;
    return {cancelled ? link::Outcome::cancelled : link::Outcome::failed, std::move(error), std::move(value), nullptr};
  }
};

// The error with values hidden in every text of it.
Error masked(const Error& error, const Mask& mask);
// Its details and help, one per line: what a log line unfolds to.
std::string detail_text(const Error& error);

}  // namespace fairlead::executor
