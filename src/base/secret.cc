// SPDX-License-Identifier: Apache-2.0
#include "base/secret.h"

#include <sodium.h>

#include <utility>

#include "base/bytes.h"

namespace fairlead {

Secret::Secret(std::string value) : value_(std::move(value)) {}

Secret::Secret(Secret&& other) noexcept : value_(other.value_) {
  // A move of a short string leaves its bytes behind, so copy and wipe instead.
  sodium_memzero(other.value_.data(), other.value_.size());
  other.value_.clear();
}

Secret& Secret::operator=(Secret other) noexcept {
  value_.swap(other.value_);
  return *this;
}

Secret::~Secret() { sodium_memzero(value_.data(), value_.size()); }

bool Secret::operator==(const Secret& other) const { return equal_in_constant_time(value_, other.value_); }

}  // namespace fairlead
