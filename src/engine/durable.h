// SPDX-License-Identifier: Apache-2.0
// Durable<T>: a coroutine that suspends only at journalled points (engine/run.h). It is lazy, owned by whoever holds
// the object, and never resumed after it has parked: a wake runs it from the top, and when it parks the engine keeps
// what was learned and destroys the frame. So destructors run at every park; they must release memory and nothing else.
//
// Rules for authors, which the compilers of 2022 to 2025 make necessary:
//  - Name what you await: no braced aggregate initialiser and no conditional expression inside a `co_await` full
//  expression.
//  - A lambda that is itself a coroutine must outlive its frame; pass it to Run::all, which keeps it, or use a
//  function.
//  - `co_await` is not allowed inside a catch handler; use Run::settle where a failure must be followed by more work.
// Not thread-safe: one wake runs on one thread.
#pragma once

#include <coroutine>
#include <exception>
#include <optional>
#include <utility>

namespace fairlead::engine {

namespace detail {

struct PromiseBase {
  std::exception_ptr error;
  std::coroutine_handle<> waiter;

  struct Final {
    bool await_ready() noexcept { return false; }
    template <class Promise>
    std::coroutine_handle<> await_suspend(std::coroutine_handle<Promise> self) noexcept {
      const std::coroutine_handle<> next = self.promise().waiter;
      return next ? next : std::noop_coroutine();
    }
    void await_resume() noexcept {}
  };
  std::suspend_always initial_suspend() noexcept { return {}; }
  Final final_suspend() noexcept { return {}; }
  void unhandled_exception() { error = std::current_exception(); }
};

template <class T>
struct Promise : PromiseBase {
  std::optional<T> value;
  template <class U>
  void return_value(U&& result) {
    value.emplace(std::forward<U>(result));
  }
  T take() {
    if (error) std::rethrow_exception(error);
    return std::move(*value);
  }
};

template <>
struct Promise<void> : PromiseBase {
  void return_void() {}
  void take() {
    if (error) std::rethrow_exception(error);
  }
};

}  // namespace detail

template <class T = void>
class [[nodiscard]] Durable {
 public:
  using value_type = T;
  struct promise_type : detail::Promise<T> {
    Durable get_return_object() { return Durable(std::coroutine_handle<promise_type>::from_promise(*this)); }
  };

  Durable(Durable&& other) noexcept : frame_(std::exchange(other.frame_, {})) {}
  Durable& operator=(Durable&& other) noexcept {
    std::swap(frame_, other.frame_);
    return *this;
  }
  ~Durable() {
    if (frame_) frame_.destroy();
  }

  // For the engine and Run::all: runs until the first point without a result, or to the end.
  void start() { frame_.resume(); }
  bool done() const { return frame_.done(); }
  // The result, once done; rethrows what the body threw.
  T take() { return frame_.promise().take(); }

  bool await_ready() const noexcept { return false; }
  std::coroutine_handle<> await_suspend(std::coroutine_handle<> waiter) noexcept {
    frame_.promise().waiter = waiter;
    return frame_;
  }
  T await_resume() { return take(); }

 private:
  explicit Durable(std::coroutine_handle<promise_type> frame) : frame_(frame) {}
  std::coroutine_handle<promise_type> frame_;
};

}  // namespace fairlead::engine
