// SPDX-License-Identifier: Apache-2.0
// One thread that runs closures and timers in order: the home of a cluster's watches and mirror, whose state needs no
// locks.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

#include "base/clock.h"

namespace fairlead::kube {

class Loop {
  struct Inbox {
    std::mutex mutex;
    std::condition_variable changed;
    std::vector<std::function<void()>> jobs;
    bool stopped = false;
    void post(std::function<void()> job);
  };

 public:
  explicit Loop(const Clock& clock);
  ~Loop();  // stop()

  // The right to post, which may outlive the loop: for completions of others. Thread-safe.
  class Poster {
   public:
    void post(std::function<void()> job) const { inbox_->post(std::move(job)); }

   private:
    friend class Loop;
    explicit Poster(std::shared_ptr<Inbox> inbox) : inbox_(std::move(inbox)) {}
    std::shared_ptr<Inbox> inbox_;
  };
  Poster poster() const { return Poster(inbox_); }

  // Thread-safe. Closures posted after stop() are dropped.
  void post(std::function<void()> job) { inbox_->post(std::move(job)); }
  // On the loop's thread only. Runs `job` once at `steady_us` of the clock or later.
  using TimerId = std::uint64_t;
  TimerId at(std::int64_t steady_us, std::function<void()> job);
  void forget(TimerId id);
  // Looks at the clock again: for tests that move a ManualClock.
  void wake() {
    post([] {});
  }
  // Runs what was posted before and waits until it is done; not from the loop's own thread. For tests and shutdown.
  void drain();
  void start();
  // Joins; what is still queued is dropped. Idempotent.
  void stop();
  bool on_thread() const { return std::this_thread::get_id() == thread_.get_id(); }
  const Clock& clock() const { return clock_; }

 private:
  void run();
  const Clock& clock_;
  const std::shared_ptr<Inbox> inbox_ = std::make_shared<Inbox>();
  std::map<std::pair<std::int64_t, TimerId>, std::function<void()>> timers_;  // loop's thread only
  std::map<TimerId, std::int64_t> times_;
  TimerId next_timer_ = 1;
  std::thread thread_;
};

}  // namespace fairlead::kube
