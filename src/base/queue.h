// SPDX-License-Identifier: Apache-2.0
// A bounded queue between threads. Data crosses by value; no lock is held while an item is used. Thread-safe.
#pragma once

#include <condition_variable>
#include <cstddef>
#include <deque>
#include <mutex>
#include <optional>
#include <utility>

namespace fairlead {

template <class T>
class Queue {
 public:
  explicit Queue(std::size_t limit) : limit_(limit) {}

  // False when the queue is full or closed: the caller decides what overload means for it.
  bool try_push(T item) {
    {
      const std::lock_guard lock(mutex_);
      if (closed_ || items_.size() >= limit_) return false;
      items_.push_back(std::move(item));
    }
    changed_.notify_one();
    return true;
  }
  // Waits for an item; nullopt once the queue is closed and empty.
  std::optional<T> pop() {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return closed_ || !items_.empty(); });
    if (items_.empty()) return std::nullopt;
    T item = std::move(items_.front());
    items_.pop_front();
    return item;
  }
  // Waits for at least one item and takes all that is there; empty once closed.
  std::deque<T> pop_all() {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return closed_ || !items_.empty(); });
    return std::exchange(items_, {});
  }
  // As pop_all, but also ends empty-handed while `enough()` holds, which is asked under the queue's lock. Whoever makes
  // it true calls look_again().
  template <class F>
  std::deque<T> pop_all_unless(F&& enough) {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return closed_ || !items_.empty() || enough(); });
    return std::exchange(items_, {});
  }
  void look_again() {
    // Between the question and the wait nobody may miss the answer's change.
    {
      const std::lock_guard lock(mutex_);
    }
    changed_.notify_all();
  }
  void close() {
    {
      const std::lock_guard lock(mutex_);
      closed_ = true;
    }
    changed_.notify_all();
  }
  std::size_t size() const {
    const std::lock_guard lock(mutex_);
    return items_.size();
  }

 private:
  const std::size_t limit_;
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<T> items_;
  bool closed_ = false;
};

}  // namespace fairlead
