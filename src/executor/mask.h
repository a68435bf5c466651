// SPDX-License-Identifier: Apache-2.0
// Hides secret values in text by value: each occurrence becomes "********". Values shorter than kMinimumBytes are left,
// as in Octopus: they would make logs unreadable and give themselves away by where stars are. The base64 form is hidden
// as well, and each line of a value of several lines.
//
// Thread-safe.
#pragma once

#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "base/secret.h"

namespace fairlead::executor {

class Mask {
 public:
  static constexpr std::size_t kMinimumBytes = 4;
  static constexpr std::size_t kMaxValues = 10'000;

  void add(const Secret& value);
  std::string apply(std::string text) const;
  // The longest hidden value: a cut through text that is not complete must leave this many bytes less one for later.
  std::size_t longest() const;
  bool empty() const;

 private:
  void add_value(std::string_view value);
  mutable std::mutex mutex_;
  std::vector<Secret> values_;  // longest first, so that a value that contains another is hidden whole
  std::size_t longest_ = 0;
};

}  // namespace fairlead::executor
