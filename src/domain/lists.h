// SPDX-License-Identifier: Apache-2.0
// Lists of ids and names compared without case. Private to this folder.
#pragma once

#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

#include "base/text.h"

namespace fairlead::domain {

using List = std::vector<std::string>;

inline bool has(const List& list, std::string_view value) {
  return std::any_of(list.begin(), list.end(),
                     [&](const std::string& item) { return text::equals_ignoring_case(item, value); });
}

inline bool intersects(const List& a, const List& b) {
  return std::any_of(a.begin(), a.end(), [&](const std::string& item) { return has(b, item); });
}

}  // namespace fairlead::domain
