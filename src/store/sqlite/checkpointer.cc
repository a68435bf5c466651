// SPDX-License-Identifier: Apache-2.0
#include "store/sqlite/checkpointer.h"

#include "base/error.h"
#include "base/log.h"
#include "base/thread.h"

namespace fairlead::store {

Checkpointer::Checkpointer(const std::string& path) : connection_(path, SqliteConnection::Use::write) {
  thread_ = start_thread("store-checkpt", [this] { work(); });
}

Checkpointer::~Checkpointer() {
  {
    const std::lock_guard lock(mutex_);
    stopped_ = true;
  }
  changed_.notify_all();
  thread_.join();
}

void Checkpointer::wake() {
  {
    const std::lock_guard lock(mutex_);
    wanted_ = true;
  }
  changed_.notify_all();
}

void Checkpointer::work() {
  std::unique_lock lock(mutex_);
  while (true) {
    changed_.wait(lock, [&] { return stopped_ || wanted_; });
    if (stopped_) return;
    wanted_ = false;
    lock.unlock();
    try {
      connection_.checkpoint();
    } catch (const Error& error) {
      log::error("the write-ahead log could not be brought into the database", {{"error", error.text()}});
    }
    lock.lock();
  }
}

}  // namespace fairlead::store
