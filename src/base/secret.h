// SPDX-License-Identifier: Apache-2.0
// A secret value. It has no conversion to std::string, no stream operator and no formatter, so it cannot end in a log
// or an error by accident; its memory is wiped when it dies. Only codecs that seal it and executors that use it call
// reveal().
#pragma once

#include <string>
#include <string_view>

namespace fairlead {

class Secret {
 public:
  Secret() = default;
  explicit Secret(std::string value);
  Secret(const Secret&) = default;
  Secret(Secret&& other) noexcept;
  Secret& operator=(Secret other) noexcept;
  ~Secret();

  bool empty() const { return value_.empty(); }
  // The plain value. Do not store or print it.
  std::string_view reveal() const { return value_; }
  bool operator==(const Secret& other) const;

 private:
  std::string value_;
};

}  // namespace fairlead
