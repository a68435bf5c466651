// SPDX-License-Identifier: Apache-2.0
// Between the engine, which knows activities, and the hub, which knows sessions.
//
//   engine: activity committed -> assign / offered -> hub.send            (after mark_sent, unless it was born sent)
//   hub:    reports            -> task log, engine.deliver                 (durable before they are acknowledged)
//   hub:    session            -> engine.executor_connected, pending_for   (what is still to be told)
//
// Selectors are executor ids: an agent's target, or the built-in worker. Thread-safe.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "base/worker_pool.h"
#include "engine/engine.h"
#include "engine/task_log.h"
#include "features/tasks/rules.h"
#include "link/hub.h"
#include "store/documents.h"

namespace fairlead::server {

class ExecutorGateway : public link::HubEvents, public engine::ActivitySink {
 public:
  struct Parts {
    engine::Engine* engine = nullptr;
    engine::TaskLog* log = nullptr;
    link::Hub* hub = nullptr;
    store::Store* store = nullptr;
    store::Documents* documents = nullptr;
    features::tasks::LiveObjects* live_objects = nullptr;
    Secret worker_secret;  // how the built-in worker proves itself
  };
  // Before the hub accepts and the engine runs.
  void connect(Parts parts) { parts_ = std::move(parts); }
  // Ends the dispatching thread.
  void stop() { dispatcher_.stop(); }

  std::optional<link::ExecutorIdentity> find_executor(const std::string& executor) override;
  void on_session(const link::SessionInfo& session) override;
  void on_reports(const std::string& executor, std::vector<link::Report> reports) override;
  void on_status(const std::string& executor, link::StatusUpdate update) override;

  std::optional<engine::Assignment> assign(const engine::Activity& activity) override;
  void offered(const engine::Activity& activity) override;
  void cancelled(const engine::Activity& activity) override;

 private:
  // Where the lines and the state of an activity belong.
  struct Place {
    std::string task, element;
    bool verifies = false;
    bool has_no_lines = false;  // certain: offered by this process, and no line has come since
  };
  Place place_of(const std::string& key);
  void remember(const engine::Activity& activity, bool is_new);
  void forget(const std::string& key);
  // `log_offset`: lines of the command that are kept already, where an earlier executor began it.
  void send(const engine::Activity& activity, const std::string& incarnation, std::int64_t log_offset);
  std::int64_t lines_of(const engine::Activity& activity);
  // Tells a connected executor everything that is meant for it.
  void dispatch(const std::string& executor);
  void append_log(const link::Report& report, const Place& place);
  // Few lines that came with a result: to be written in the transaction that takes the result, which saves an fsync.
  // Nothing where they are many, or none: those have been appended.
  std::vector<engine::LogEntry> lines_with_result(const link::Report& report, const Place& place);
  void set_health(const link::SessionInfo& session);

  Parts parts_;
  WorkerPool dispatcher_{"dispatch", 1, 100'000};
  std::mutex mutex_;
  std::map<std::string, Place> places_;
};

}  // namespace fairlead::server
