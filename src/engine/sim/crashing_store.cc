// SPDX-License-Identifier: Apache-2.0
#include "engine/sim/crashing_store.h"

#include <utility>

#include "base/error.h"

namespace fairlead::engine::sim {

void CrashingStore::refuse_when_dead() const {
  if (dead_) throw Error(Fault::unavailable, "the simulated server is dead");
}

void CrashingStore::run_read(const std::function<void(const store::Tx&)>& f) {
  refuse_when_dead();
  inner_->read(f);
}

void CrashingStore::run_write(const std::function<void(store::Tx&)>& f) {
  refuse_when_dead();
  if (before_next_write_) std::exchange(before_next_write_, nullptr)();
  const bool crash = ++writes_ == crash_at_;
  inner_->write([&](store::Tx& tx) {
    f(tx);
    if (!crash) return;
    dead_ = true;  // before the hooks of the commit, which must not be noticed by anybody
    if (crash_ == Crash::before_commit) refuse_when_dead();
  });
  refuse_when_dead();
}

void CrashingStore::write_async(std::function<void(store::Tx&)> f, std::function<void(std::exception_ptr)> done) {
  std::exception_ptr failure;
  try {
    run_write(f);
  } catch (...) {
    failure = std::current_exception();
  }
  done(failure);
}

}  // namespace fairlead::engine::sim
