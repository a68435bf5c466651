// SPDX-License-Identifier: Apache-2.0
// Keeps tables that only grow from growing for ever: one thread that wakes up now and then.
#pragma once

#include <thread>

#include "base/cancel.h"
#include "store/store.h"

namespace fairlead::server {

class Janitor {
 public:
  explicit Janitor(store::Store& store) : store_(store) {}
  ~Janitor() { stop(); }
  void start();
  void stop();  // idempotent

 private:
  void clean();
  store::Store& store_;
  CancelSource stopping_;
  std::thread thread_;
};

}  // namespace fairlead::server
