// SPDX-License-Identifier: Apache-2.0
// Keeps what only grows from growing for ever: one thread that wakes up now and then and removes, in short
// transactions, what the rules of retention no longer keep. A step that fails is logged and tried again in the next
// round; the others go on.
//
//   outbox   7 days, and what a consumer has not passed yet
//   runs     ended ones, as long as Retention says; what they did is in task, log and documents
//   audit    as long as Retention says, then moved to <data>/audit/<day>.jsonl (audit_archive.h)
//   tasks    see task_retention.h
#pragma once

#include <thread>

#include "base/cancel.h"
#include "engine/engine.h"
#include "server/config.h"
#include "server/data_directory.h"
#include "server/task_retention.h"
#include "store/store.h"

namespace fairlead::server {

class Janitor {
 public:
  struct Parts {
    store::Store& store;
    store::Documents& documents;
    engine::Engine& engine;
    engine::TaskLog& log;
    const DataDirectory& data;
  };
  Janitor(Parts parts, Retention retention);
  ~Janitor() { stop(); }
  void start();
  void stop();  // idempotent

  // One round, on the caller's thread; start() does it every ten minutes.
  void clean();

 private:
  void trim_events();
  void prune_runs();
  void archive_audit();
  Parts parts_;
  const Retention retention_;
  TaskRetention tasks_;
  CancelSource stopping_;
  std::thread thread_;
};

}  // namespace fairlead::server
