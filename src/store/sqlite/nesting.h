// SPDX-License-Identifier: Apache-2.0
// What a thread is doing with any store: transactions must not nest, and whoever answers writes must not wait for one.
#pragma once

#include <utility>

#include "base/error.h"

namespace fairlead::store {

enum class Inside { nothing, transaction, hook };
inline thread_local Inside inside = Inside::nothing;

class Entered {
 public:
  explicit Entered(Inside what) : before_(std::exchange(inside, what)) {}
  ~Entered() { inside = before_; }
  Entered(const Entered&) = delete;
  Entered& operator=(const Entered&) = delete;

 private:
  const Inside before_;
};

inline void refuse_nesting() {
  if (inside == Inside::transaction)
    throw Error(Fault::bug, "a transaction was begun inside another one: pass the Tx on");
}

}  // namespace fairlead::store
