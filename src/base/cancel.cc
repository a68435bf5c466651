// SPDX-License-Identifier: Apache-2.0
#include "base/cancel.h"

#include <chrono>
#include <utility>

#include "base/error.h"

namespace fairlead {

bool CancelToken::cancelled() const {
  if (!state_) return false;
  const std::lock_guard lock(state_->mutex);
  return state_->cancelled;
}

std::string CancelToken::reason() const {
  if (!state_) return {};
  const std::lock_guard lock(state_->mutex);
  return state_->reason;
}

void CancelToken::check() const {
  if (cancelled()) throw Error(Fault::cancelled, reason());
}

bool CancelToken::wait_for_us(std::int64_t us) const {
  static const std::shared_ptr<State> never = std::make_shared<State>();
  State& state = state_ ? *state_ : *never;
  std::unique_lock lock(state.mutex);
  return state.changed.wait_for(lock, std::chrono::microseconds(us), [&] { return state.cancelled; });
}

void CancelToken::on_cancel(std::function<void()> f) const {
  if (!state_) return;
  {
    const std::lock_guard lock(state_->mutex);
    if (!state_->cancelled) {
      state_->callbacks.push_back(std::move(f));
      return;
    }
  }
  f();
}

CancelSource::CancelSource() : state_(std::make_shared<CancelToken::State>()) {}

CancelToken CancelSource::token() const {
  CancelToken token;
  token.state_ = state_;
  return token;
}

void CancelSource::cancel(std::string reason) {
  std::vector<std::function<void()>> callbacks;
  {
    const std::lock_guard lock(state_->mutex);
    if (state_->cancelled) return;
    state_->cancelled = true;
    state_->reason = std::move(reason);
    callbacks.swap(state_->callbacks);
  }
  state_->changed.notify_all();
  for (const auto& callback : callbacks) callback();
}

}  // namespace fairlead
