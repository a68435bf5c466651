// SPDX-License-Identifier: Apache-2.0
// Cooperative cancellation with a deadline. The one who may cancel holds a CancelSource; everyone who works holds a
// CancelToken and asks between units of work. Copies share state; all calls are thread-safe.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

namespace fairlead {

class CancelToken {
 public:
  CancelToken() = default;  // never cancelled
  bool cancelled() const;
  std::string reason() const;
  // Throws Error(cancelled, reason).
  void check() const;
  // Waits at most `us` microseconds; true when cancelled meanwhile. The only permitted way for a worker thread to
  // pause.
  bool wait_for_us(std::int64_t us) const;
  // Calls `f` once when cancelled (at once where it already is), on the cancelling thread. `f` must not block.
  // Returns a ticket for forget(); 0 where there is nothing to forget.
  std::uint64_t on_cancel(std::function<void()> f) const;
  // Drops a callback that is no longer wanted, so that a long-lived token does not collect them. It may be running just
  // now.
  void forget(std::uint64_t ticket) const;

 private:
  friend class CancelSource;
  struct State {
    std::mutex mutex;
    std::condition_variable changed;
    bool cancelled = false;
    std::string reason;
    std::vector<std::pair<std::uint64_t, std::function<void()>>> callbacks;
    std::uint64_t next_ticket = 1;
  };
  std::shared_ptr<State> state_;
};

class CancelSource {
 public:
  CancelSource();
  CancelToken token() const;
  void cancel(std::string reason);

 private:
  std::shared_ptr<CancelToken::State> state_;
};

}  // namespace fairlead
