// SPDX-License-Identifier: Apache-2.0
#include "kube/loop.h"

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <exception>

#include "base/error.h"
#include "base/log.h"

namespace fairlead::kube {

namespace {
// The longest sleep without a timer.
constexpr std::int64_t kLongestWaitUs = 60 * kSecond;
}  // namespace

Loop::Loop(const Clock& clock) : clock_(clock) {}

Loop::~Loop() { stop(); }

void Loop::start() { thread_ = std::thread([this] { run(); }); }

void Loop::post(std::function<void()> job) {
  {
    const std::lock_guard lock(mutex_);
    if (stopped_) return;
    jobs_.push_back(std::move(job));
  }
  changed_.notify_one();
}

Loop::TimerId Loop::at(std::int64_t steady_us, std::function<void()> job) {
  const TimerId id = next_timer_++;
  timers_.emplace(std::pair(steady_us, id), std::move(job));
  times_.emplace(id, steady_us);
  return id;
}

void Loop::forget(TimerId id) {
  const auto found = times_.find(id);
  if (found == times_.end()) return;
  timers_.erase({found->second, id});
  times_.erase(found);
}

void Loop::drain() {
  std::mutex mutex;
  std::condition_variable done;
  bool reached = false;
  post([&] {
    const std::lock_guard lock(mutex);
    reached = true;
    done.notify_all();
  });
  std::unique_lock lock(mutex);
  done.wait(lock, [&] { return reached; });
}

void Loop::stop() {
  {
    const std::lock_guard lock(mutex_);
    stopped_ = true;
  }
  changed_.notify_all();
  if (thread_.joinable()) thread_.join();
}

void Loop::run() {
  std::vector<std::function<void()>> jobs;
  const auto call = [](const std::function<void()>& job) {
    try {
      job();
    } catch (const std::exception& error) {
      log::error("a job of a cluster's loop failed", {{"error", std::string(error.what())}});
    }
  };
  while (true) {
    {
      std::unique_lock lock(mutex_);
      std::int64_t wait_us = kLongestWaitUs;
      if (!timers_.empty()) wait_us = std::clamp<std::int64_t>(timers_.begin()->first.first - clock_.steady_us(), 0, kLongestWaitUs);
      changed_.wait_for(lock, std::chrono::microseconds(wait_us), [&] { return stopped_ || !jobs_.empty(); });
      if (stopped_) break;
      jobs.swap(jobs_);
    }
    for (const auto& job : jobs) call(job);
    jobs.clear();
    while (!timers_.empty() && timers_.begin()->first.first <= clock_.steady_us()) {
      auto node = timers_.extract(timers_.begin());
      times_.erase(node.key().second);
      call(node.mapped());
    }
  }
  timers_.clear();
  times_.clear();
}

}  // namespace fairlead::kube
