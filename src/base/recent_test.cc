// SPDX-License-Identifier: Apache-2.0
#include "base/recent.h"

#include <gtest/gtest.h>

#include <stdexcept>

namespace fairlead {
namespace {

TEST(Recent, KeepsWhatWasUsedLast) {
  Recent<std::string> recent(2);
  int made = 0;
  const auto get = [&](const std::string& key) { return *recent.get(key, [&] { return ++made, "value of " + key; }); };
  EXPECT_EQ(get("a"), "value of a");
  EXPECT_EQ(get("b"), "value of b");
  EXPECT_EQ(get("a"), "value of a");
  EXPECT_EQ(made, 2);
  get("c");  // b goes, which was used before a
  get("a");
  EXPECT_EQ(made, 3);
  get("b");
  EXPECT_EQ(made, 4);
}

TEST(Recent, AFailureIsNotKept) {
  Recent<int> recent(1);
  EXPECT_THROW(recent.get("a", []() -> int { throw std::runtime_error("no"); }), std::runtime_error);
  EXPECT_EQ(*recent.get("a", [] { return 7; }), 7);
}

TEST(Recent, AValueOutlivesItsPlace) {
  Recent<int> recent(1);
  const auto first = recent.get("a", [] { return 1; });
  recent.get("b", [] { return 2; });
  EXPECT_EQ(*first, 1);
}

}  // namespace
}  // namespace fairlead
