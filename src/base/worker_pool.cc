// SPDX-License-Identifier: Apache-2.0
#include "base/worker_pool.h"

#include <utility>

#include "base/error.h"
#include "base/log.h"
#include "base/thread.h"

namespace fairlead {

WorkerPool::WorkerPool(std::string name, int threads, std::size_t queue_limit)
    : name_(std::move(name)), thread_limit_(threads), jobs_(queue_limit) {}

WorkerPool::~WorkerPool() { stop(); }

bool WorkerPool::try_run(std::function<void()> job) {
  if (!jobs_.try_push(std::move(job))) return false;
  const std::lock_guard lock(mutex_);
  if (stopped_) return true;  // accepted before the queue was closed: stop() still runs it
  if (idle_ < static_cast<int>(jobs_.size()) && static_cast<int>(threads_.size()) < thread_limit_) {
    threads_.push_back(start_thread(name_, [this] { work(); }));
  }
  return true;
}

void WorkerPool::stop() {
  std::vector<std::thread> threads;
  {
    const std::lock_guard lock(mutex_);
    stopped_ = true;
    threads.swap(threads_);
  }
  jobs_.close();
  for (std::thread& thread : threads) thread.join();
}

void WorkerPool::work() {
  while (true) {
    {
      const std::lock_guard lock(mutex_);
      ++idle_;
    }
    std::optional<std::function<void()>> job = jobs_.pop();
    {
      const std::lock_guard lock(mutex_);
      --idle_;
    }
    if (!job) return;
    try {
      (*job)();
    } catch (...) {
      log::error("a job of a worker pool threw",
                 {{"pool", name_}, {"error", error_of(std::current_exception()).text()}});
    }
  }
}

}  // namespace fairlead
