// SPDX-License-Identifier: Apache-2.0
#include "features/common/snapshot_id.h"

#include <algorithm>

#include "base/text.h"

namespace fairlead::features {

std::string snapshot_id(const std::string& owner, int version, const std::string& digest) {
  std::string mark = digest.substr(0, 5);
  std::transform(mark.begin(), mark.end(), mark.begin(),
                 [](char c) { return c >= 'a' ? static_cast<char>(c - 'a' + 'A') : c; });
  return text::format("{}-s-{}-{}", owner, version, mark);
}

}  // namespace fairlead::features
