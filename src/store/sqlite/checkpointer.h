// SPDX-License-Identifier: Apache-2.0
// Brings the write-ahead log into the database beside the writer, whose commits would wait for it otherwise.
#pragma once

#include <condition_variable>
#include <mutex>
#include <string>
#include <thread>

#include "store/sqlite/connection.h"

namespace fairlead::store {

class Checkpointer {
 public:
  explicit Checkpointer(const std::string& path);
  ~Checkpointer();  // waits for the checkpoint under way
  Checkpointer(const Checkpointer&) = delete;
  Checkpointer& operator=(const Checkpointer&) = delete;

  // Asks for a checkpoint and returns at once. Thread-safe.
  void wake();

 private:
  void work();

  SqliteConnection connection_;
  std::mutex mutex_;
  std::condition_variable changed_;
  bool wanted_ = false;
  bool stopped_ = false;
  std::thread thread_;
};

}  // namespace fairlead::store
