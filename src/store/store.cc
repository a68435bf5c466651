// SPDX-License-Identifier: Apache-2.0
#include "store/store.h"

namespace fairlead::store {

std::int64_t Tx::next_number(std::string_view sequence, std::int64_t first) {
  return *integer(
      "INSERT INTO sequence (name, next) VALUES (?,?) ON CONFLICT (name) DO UPDATE SET next = sequence.next + 1 "
      "RETURNING next - 1",
      sequence, first + 1);
}

}  // namespace fairlead::store
