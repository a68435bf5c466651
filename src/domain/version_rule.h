// SPDX-License-Identifier: Apache-2.0
// The rule of a channel about versions of packages: a range and an expression for the pre-release part.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "domain/version.h"

namespace fairlead::domain {

// Intervals as NuGet and Maven write them: "[1.0,2.0)", "(,2.0]", "[1.5]", "1.0" (that or later); several with commas
// between them. Nothing means every version.
class VersionRange {
 public:
  static constexpr std::size_t kMaxBytes = 2'000;
  // Throws Error(invalid) that says what is wrong.
  static VersionRange parse(std::string_view text);
  bool contains(const Version& version) const;

 private:
  struct Interval {
    std::optional<Version> low, high;
    bool with_low = false, with_high = false;
  };
  std::vector<Interval> intervals_;
};

// One rule; texts as people write them. `tag` is a regular expression (RE2's syntax) that must be found in the
// pre-release part of the version and its metadata ("beta.2", "+sha.5", "beta.2+sha.5"); nothing means any.
struct VersionRule {
  std::string range, tag;
};
// nullopt when the rule can be used, else one sentence.
std::optional<std::string> problem_of(const VersionRule& rule);
// nullopt when the version is let through, else one sentence that says why not. Throws Error(invalid) for a rule or a
// version that is none.
std::optional<std::string> refusal_of(const VersionRule& rule, std::string_view version);

}  // namespace fairlead::domain
