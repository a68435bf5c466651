// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>

#include "base/text.h"

namespace fairlead::kube {

// Appends "?name=value" or "&name=value", the value percent-encoded.
inline void add_query(std::string& path, std::string_view name, std::string_view value) {
  path += path.find('?') == std::string::npos ? '?' : '&';
  path += name;
  path += '=';
  path += text::percent_encode(value);
}

}  // namespace fairlead::kube
