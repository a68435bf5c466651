// SPDX-License-Identifier: Apache-2.0
// Runs the commands that come over the link and reports how they end: agents and workers are this, a Dialer and a
// main().
//
//   on_command -> (known key? answered from memory) -> pool thread -> apply | script | ... -> Reports -> link ->
//   acknowledged -> forgotten
//
// A command that is not repeatable is in the spool, fsynced, before it starts: when this process is killed, its
// successor reports it as lost and never runs it again. A repeatable one is simply run again by the server's asking.
//
// Lease: commands that write to a cluster stop between two objects once the server has not been heard for their lease,
// and report what they did (Outcome::stopped). Scripts and verifications go on: they end by themselves and their
// results wait in the spool.
//
// Thread-safe. DialerEvents come from the dialer's threads; commands run on `threads` pool threads; verifications wait
// without one.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "base/cancel.h"
#include "base/clock.h"
#include "base/signing.h"
#include "base/worker_pool.h"
#include "executor/clusters.h"
#include "executor/reports.h"
#include "executor/script.h"
#include "executor/spool.h"
#include "executor/verify.h"
#include "link/dialer.h"
#include "net/http_client.h"

namespace fairlead::executor {

struct ExecutorOptions {
  std::string data_folder;  // spool/ and work/ are made in it
  std::string name;         // for texts: "worker w1"
  std::string version;
  SigningKey key;  // opens secrets in commands
  std::optional<kube::ClusterConfig> own_cluster;
  int threads = 64;
  std::size_t queue_limit = 10'000;
  std::string shell = "/bin/bash";
  Launcher* launcher = nullptr;  // not owned; see executor/launcher.h
};

class Executor : public link::DialerEvents {
 public:
  Executor(ExecutorOptions options, const Clock& clock);
  ~Executor() override;  // stop()

  // For the dialer's Hello.
  std::uint64_t epoch() const { return spool_.epoch(); }
  const std::string& incarnation() const { return spool_.incarnation(); }

  // Reports what an earlier process left behind, then takes commands. The dialer must outlive stop().
  void start(link::Dialer& dialer);
  // Cancels what runs (scripts get their grace), waits for it, lets results reach the spool. The dialer may live on for
  // a last delivery; call its stop() afterwards. Idempotent.
  void stop();

  // Commands at work or waiting for a thread, and results on their way.
  std::size_t active() const;
  std::size_t undelivered() const { return reports_.open_count(); }
  // Waits until the server has every result; false when it still lacks some after that time.
  bool wait_delivered(std::int64_t us);

  void on_command(link::Command command, std::function<void()> taken) override;
  void on_cancel(link::Cancel cancel) override;
  void on_connected(const link::Connected& connected) override;
  void on_ready() override;
  void on_disconnected(const std::string& reason) override;
  void on_acknowledged(std::uint64_t tag) override;
  void on_sign_of_life() override;
  std::vector<std::string> running() override;

 private:
  struct Running {
    link::Command command;
    std::shared_ptr<CommandLog> log;
    std::shared_ptr<CancelSource> cancel;
    std::shared_ptr<Verification> verification;
    Time started;
    std::int64_t started_us = 0;
    std::int64_t look_until_us = 0;  // not 0: the verification is given up then (the look after an apply)
    bool needs_lease = false;
    bool lease_ended = false;
    bool done = false;  // the result is on its way
    // Sent again while the news that it was stopped was on its way: begun anew once that has arrived.
    std::optional<link::Command> again;
    std::function<void()> again_taken;
    bool was_stopped = false;
  };
  void run(const std::string& key, const std::function<void()>& taken);
  // `before_start`: to be called before anything is changed; may throw.
  CommandEnd dispatch(const link::Command& command, const CommandContext& context,
                      const std::function<void()>& before_start);
  CommandEnd script(const link::Command& command, const CommandContext& context,
                    const std::function<void()>& before_start);
  void verify(const link::Command& command, const CommandContext& context);
  // Applies, and then looks for a moment whether all is healthy already: most often it is, and the server is saved the
  // question.
  void apply(const link::Command& command, const CommandContext& context);
  void watch_over(const std::shared_ptr<Verification>& verification, const CommandContext& context,
                  std::int64_t look_until_us);
  void complete(const std::string& key, CommandEnd end);
  void refuse(const link::Command& command, link::Outcome outcome, const Error& error);
  void delivered(const std::string& key);
  void recover();
  void watch_deadlines();
  void announce_deadline();
  void stop_command(const std::shared_ptr<Running>& running, const std::string& reason);
  Secret open(const link::Confidential& value) const;
  CommandContext context_of(const Running& running);

  const ExecutorOptions options_;
  const Clock& clock_;
  Spool spool_;
  net::HttpClient http_;
  Clusters clusters_;
  Shells shells_;
  Reports reports_;
  WorkerPool pool_;
  link::Dialer* dialer_ = nullptr;

  mutable std::mutex mutex_;  // guards everything below; not held while calling others
  std::condition_variable changed_;
  bool deadline_added_ = false;
  bool stopped_ = false;
  std::string server_public_key_;
  std::int64_t last_sign_of_life_us_ = 0;
  std::map<std::string, std::shared_ptr<Running>> running_;
  std::thread lease_thread_;
};

}  // namespace fairlead::executor
