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

std::uint64_t CancelToken::on_cancel(std::function<void()> f) const {
  if (!state_) return 0;
  {
    const std::lock_guard lock(state_->mutex);
    if (!state_->cancelled) {
      state_->callbacks.emplace_back(state_->next_ticket, std::move(f));
      return state_->next_ticket++;
    }
  }
  f();
  return 0;
}

void CancelToken::forget(std::uint64_t ticket) const {
  if (!state_ || ticket == 0) return;
  std::function<void()> dropped;  // destroyed outside of the lock: what it captures may have a destructor of its own
  const std::lock_guard lock(state_->mutex);
  auto& callbacks = state_->callbacks;
  for (auto entry = callbacks.begin(); entry != callbacks.end(); ++entry) {
    if (entry->first != ticket) continue;
    dropped = std::move(entry->second);
    callbacks.erase(entry);
    return;
  }
}

CancelSource::CancelSource() : state_(std::make_shared<CancelToken::State>()) {}

CancelToken CancelSource::token() const {
  CancelToken token;
  token.state_ = state_;
  return token;
}

void CancelSource::cancel(std::string reason) {
  std::vector<std::pair<std::uint64_t, std::function<void()>>> callbacks;
  {
    const std::lock_guard lock(state_->mutex);
    if (state_->cancelled) return;
    state_->cancelled = true;
    state_->reason = std::move(reason);
    callbacks.swap(state_->callbacks);
  }
  state_->changed.notify_all();
  for (const auto& callback : callbacks) callback.second();
}

}  // namespace fairlead
