// SPDX-License-Identifier: Apache-2.0
// A fixed number of threads that run closures in order of arrival. Threads start with the first jobs and live until
// stop(). A job must not throw: an escaped exception is logged as a bug and the thread goes on.
#pragma once

#include <functional>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "base/queue.h"

namespace fairlead {

class WorkerPool {
 public:
  // `name` (at most 15 characters) is shown by debuggers; `queue_limit` is how many jobs may wait.
  WorkerPool(std::string name, int threads, std::size_t queue_limit);
  ~WorkerPool();  // stop()
  // False when the queue is full or the pool is stopped. Thread-safe.
  bool try_run(std::function<void()> job);
  // Finishes what has been accepted and joins the threads. Idempotent.
  void stop();
  std::size_t waiting() const { return jobs_.size(); }

 private:
  void work();
  const std::string name_;
  const int thread_limit_;
  Queue<std::function<void()>> jobs_;
  std::mutex mutex_;
  std::vector<std::thread> threads_;
  int idle_ = 0;
  bool stopped_ = false;
};

}  // namespace fairlead
