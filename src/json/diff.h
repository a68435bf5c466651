// SPDX-License-Identifier: Apache-2.0
// Differences between two JSON values for the audit trail: by path, before and after. Pure.
#pragma once

#include <string>
#include <vector>

#include "json/value.h"

namespace fairlead::json {

struct Difference {
  std::string path;    // "Steps[0].Name"
  std::string before;  // JSON text, empty where it did not exist
  std::string after;   // JSON text, empty where it is gone
};

// At most `limit` differences, in document order; array elements with an "Id" are matched by it, others by position.
std::vector<Difference> diff(const Value& before, const Value& after, std::size_t limit = 200);

}  // namespace fairlead::json
