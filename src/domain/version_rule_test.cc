// SPDX-License-Identifier: Apache-2.0
#include "domain/version_rule.h"

#include <gmock/gmock.h>

#include "base/error.h"

namespace fairlead::domain {
namespace {

using ::testing::HasSubstr;

TEST(VersionRule, Ranges) {
  struct Row {
    const char* range;
    std::vector<const char*> inside, outside;
  };
  const Row rows[] = {
      {"", {"0.1", "9.9-beta"}, {}},
      {"1.0", {"1.0", "v1.0.0", "2.5"}, {"0.9", "1.0-rc"}},
      {"[1.0,2.0)", {"1.0", "1.9.9", "2.0-rc"}, {"0.9", "2.0", "2.0.0.0"}},
      {"(1.0, 2.0]", {"1.0.1", "2.0"}, {"1.0", "2.0.1"}},
      {"(,2.0]", {"0", "2.0"}, {"2.1"}},
      {"[1.5]", {"1.5", "1.5.0"}, {"1.5.1", "1.4"}},
      {"[1.0,1.2),[2.0,)", {"1.1", "2.0", "7"}, {"1.2", "1.9"}},
  };
  for (const Row& row : rows) {
    const VersionRange range = VersionRange::parse(row.range);
    for (const char* text : row.inside)
      EXPECT_TRUE(range.contains(*parse_version(text))) << text << " in " << row.range;
    for (const char* text : row.outside)
      EXPECT_FALSE(range.contains(*parse_version(text))) << text << " in " << row.range;
  }
}

TEST(VersionRule, RangesThatAreNone) {
  for (const char* text :
       {"[1.0", "[1.0,2.0", "latest", "[a,b]", "(1.0)", "[2.0,1.0]", "[1.0],", "[1.0] [2.0]", "[1.0],2.0", "[]"}) {
    EXPECT_THROW(VersionRange::parse(text), Error) << text;
    EXPECT_TRUE(problem_of({text, ""}).has_value()) << text;
  }
  EXPECT_THROW(VersionRange::parse(std::string(VersionRange::kMaxBytes + 1, '[')), Error);
}

TEST(VersionRule, Tags) {
  EXPECT_EQ(refusal_of({"", "^$"}, "1.0"), std::nullopt);
  EXPECT_THAT(*refusal_of({"", "^$"}, "1.0-beta.2"), HasSubstr("beta.2"));
  EXPECT_EQ(refusal_of({"", "^(|\\+.*)$"}, "1.0+sha.5"), std::nullopt);
  EXPECT_EQ(refusal_of({"", "^beta"}, "1.0-beta.2+sha"), std::nullopt);
  EXPECT_TRUE(refusal_of({"", ".+"}, "1.0").has_value());
  EXPECT_THAT(*refusal_of({"[1.0,2.0)", ""}, "2.1"), HasSubstr("[1.0,2.0)"));
  EXPECT_THAT(*problem_of({"", "(beta"}), HasSubstr("(beta"));
  EXPECT_THROW(refusal_of({"", "(beta"}, "1.0"), Error);
  EXPECT_THROW(refusal_of({"", ""}, "no version"), Error);
}

}  // namespace
}  // namespace fairlead::domain
