// SPDX-License-Identifier: Apache-2.0
// The verify command: an expectation in the cluster's mirror, progress by the status channel, one verdict. It holds no
// thread while it waits.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "executor/command_context.h"
#include "link/commands.h"

namespace fairlead::executor {

class Verification : public std::enable_shared_from_this<Verification> {
 public:
  // Sends what changed; `slot` names the object, of which only the latest state matters. Empty: nobody is told.
  using SendStatus = std::function<void(const std::string& slot, const link::StatusUpdate& update)>;
  using Finish = std::function<void(CommandEnd end)>;

  Verification(link::Verify verify, CommandContext context, SendStatus send, Finish finish);

  // Registers the expectation. `finish` is called exactly once, perhaps before this returns, on the mirror's thread or,
  // when cancelled, on the caller's of cancel(). Throws Error when the expectation cannot be registered; `finish` is
  // not called then.
  void start();
  // Ends it as cancelled, unless there is a verdict. May block for a moment; not from the mirror's thread.
  void cancel(const std::string& reason);
  // Everything known, for a server that has just connected.
  void send_snapshot();

 private:
  void progress(const std::vector<kube::ObjectState>& changed);
  void verdict(const kube::Verdict& verdict);
  void end(CommandEnd end);
  link::ObjectStatus status_of(const kube::ObjectState& state) const;
  void log_verdict(const link::VerifyResult& result, const kube::Verdict& verdict);

  const link::Verify verify_;
  const CommandContext context_;
  const SendStatus send_;
  const Finish finish_;
  Mask mask_;
  std::shared_ptr<Cluster> cluster_;
  std::mutex mutex_;
  bool ended_ = false;
  std::int64_t sequence_ = 0;
  std::map<std::string, link::ObjectStatus> states_;  // by uid or text
};

link::ObjectRef ref_of(const kube::ObjectKey& key);

}  // namespace fairlead::executor
