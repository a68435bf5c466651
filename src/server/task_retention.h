// SPDX-License-Identifier: Apache-2.0
// Which tasks go, and what goes with them: the log, the objects that were watched, the manifests that were applied.
//
// The task of a deployment is kept as long as its deployment (which lives as long as its release) and goes after it;
// any other task is kept for a number of days after its end. A task that has not ended is never touched.
#pragma once

#include <string>
#include <vector>

#include "base/cancel.h"
#include "base/clock.h"
#include "engine/task_log.h"
#include "store/documents.h"
#include "store/store.h"

namespace fairlead::server {

class TaskRetention {
 public:
  struct Parts {
    store::Store& store;
    store::Documents& documents;
    engine::TaskLog& log;
    std::string log_folder;
    std::string blob_folder;
  };
  // `kept_us`: after the end, for tasks without a deployment.
  TaskRetention(Parts parts, std::int64_t kept_us);

  // Looks at some of the ended tasks, going on where the last round ended, and removes what is to go. Once a day it
  // also removes logs that have lost their task, as a crash may leave them.
  void round(const CancelToken& stopping);

 private:
  struct Ended {
    std::string task, deployment;
  };
  struct Look {
    std::vector<Ended> to_remove;
    bool at_end = true;
  };
  Look next_tasks();
  void remove(const std::vector<Ended>& tasks);
  void retire_manifests(const std::vector<Ended>& tasks);
  void empty_bin();
  void remove_lost_logs(const CancelToken& stopping);
  std::string sealed_path(const std::string& name) const;
  std::string bin() const { return parts_.blob_folder + "/expired"; }

  Parts parts_;
  const std::int64_t kept_us_;
  Time looked_to_;  // the end of the newest task that was looked at; 0: from the start
  std::int64_t looked_at_that_time_ = 0;
  std::int64_t next_sweep_us_ = 0;
};

}  // namespace fairlead::server
