// SPDX-License-Identifier: Apache-2.0
#include "executor/seen_namespaces.h"

namespace fairlead::executor {

bool SeenNamespaces::has(const std::string& name) const {
  const std::lock_guard lock(state_->mutex);
  const auto found = state_->seen.find(name);
  return found != state_->seen.end() && clock_.steady_us() - found->second < kNamespaceSeenUs;
}

void SeenNamespaces::note(const std::string& name) {
  const std::lock_guard lock(state_->mutex);
  if (state_->seen.size() >= kMaxNamespacesSeen) state_->seen.clear();
  state_->seen[name] = clock_.steady_us();
}

void SeenNamespaces::forget(const std::string& name) {
  const std::lock_guard lock(state_->mutex);
  state_->seen.erase(name);
}

SeenNamespaces::Turn SeenNamespaces::wait_for_turn(const std::string& name, const CancelToken& cancel) {
  const std::uint64_t ticket = cancel.on_cancel([state = state_] {
    {
      const std::lock_guard lock(state->mutex);
    }
    state->changed.notify_all();
  });
  {
    std::unique_lock lock(state_->mutex);
    state_->changed.wait(lock, [&] { return cancel.cancelled() || !state_->asked_for.contains(name); });
    if (!cancel.cancelled()) state_->asked_for.insert(name);
  }
  cancel.forget(ticket);
  cancel.check();
  return {state_, name};
}

SeenNamespaces::Turn::~Turn() {
  {
    const std::lock_guard lock(state_->mutex);
    state_->asked_for.erase(name_);
  }
  state_->changed.notify_all();
}

}  // namespace fairlead::executor
