// SPDX-License-Identifier: Apache-2.0
#include "kube/loop.h"

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <exception>

#include "base/error.h"
#include "base/log.h"
#include "base/thread.h"

namespace fairlead::kube {

namespace {
// The longest sleep without a timer.
constexpr std::int64_t kLongestWaitUs = 60 * kSecond;
}  // namespace

Loop::Loop(const Clock& clock) : clock_(clock) {}

Loop::~Loop() { stop(); }

void Loop::start() {
  thread_ = start_thread("kube-loop", [this] { run(); });
}

void Loop::Inbox::post(std::function<void()> job) {
  {
    const std::lock_guard lock(mutex);
    if (stopped) return;
    jobs.push_back(std::move(job));
  }
  changed.notify_one();
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
  {
    const std::lock_guard lock(inbox_->mutex);
    if (inbox_->stopped) return;
  }
  post([&] {
    const std::lock_guard lock(mutex);
    reached = true;
    done.notify_all();
  });
  std::unique_lock lock(mutex);
  done.wait(lock, [&] { return reached; });
}

void Loop::stop() {
  std::vector<std::function<void()>> dropped;
  {
    const std::lock_guard lock(inbox_->mutex);
    inbox_->stopped = true;
    dropped.swap(inbox_->jobs);
  }
  inbox_->changed.notify_all();
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
      std::unique_lock lock(inbox_->mutex);
      std::int64_t wait_us = kLongestWaitUs;
      if (!timers_.empty())
        wait_us = std::clamp<std::int64_t>(timers_.begin()->first.first - clock_.steady_us(), 0, kLongestWaitUs);
      inbox_->changed.wait_for(lock, std::chrono::microseconds(wait_us),
                               [&] { return inbox_->stopped || !inbox_->jobs.empty(); });
      if (inbox_->stopped) break;
      jobs.swap(inbox_->jobs);
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
