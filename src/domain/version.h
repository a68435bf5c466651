// SPDX-License-Identifier: Apache-2.0
// Version numbers of releases and packages, as Octopus reads them: one to four numbers, a leading "v", any pre-release,
// metadata after '+'. Semantic Versioning 2.0.0 is the special case of three numbers.
#pragma once

#include <array>
#include <compare>
#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "base/text.h"
#include "domain/octostache/variable_set.h"

namespace fairlead::domain {

struct Version {
  std::string text;  // as written, trimmed
  std::array<std::uint64_t, 4> numbers{};
  int count = 0;  // how many numbers were written: 1 to 4
  bool leading_v = false;
  std::string pre_release;  // without its separator
  std::string metadata;

  std::uint64_t major() const { return numbers[0]; }
  std::uint64_t minor() const { return numbers[1]; }
  std::uint64_t patch() const { return numbers[2]; }
  std::uint64_t revision() const { return numbers[3]; }
  bool is_pre_release() const { return !pre_release.empty(); }
  // Pre-release split at its first '.', '-' or '_': "beta.12" is "beta" and "12".
  std::string pre_release_prefix() const;
  std::string pre_release_counter() const;
};

inline constexpr std::size_t kMaxVersionBytes = 349;  // what Octopus accepts for a release number

// v? n(.n)?(.n)?(.n)? ([-._\]? pre-release)? (+metadata)?; nullopt for anything else, or numbers over 64 bits.
std::optional<Version> parse_version(std::string_view text);
// The same, but throws Error(invalid) at `where` that says what is wrong with the text.
Version require_version(std::string_view text, std::string_view where);

// Numbers, then pre-release below none and identifier by identifier (SemVer section 11, without case); metadata last,
// compared as text, so that the order is total up to case.
std::strong_ordering compare(const Version& a, const Version& b);
// Two texts that mean the same version ("1.0" and "v1.0.0"): uniqueness of releases.
bool same_version(std::string_view a, std::string_view b);

// The last releases that a numbering template can refer to.
struct NumberingFacts {
  std::optional<std::string> last;                                             // of the project
  std::optional<std::string> last_in_channel;                                  // of the channel of the new release
  std::map<std::string, std::string, text::LessIgnoringCase> last_by_channel;  // channel name -> version
  std::string channel_name;
  Time now;
  int utc_offset_minutes = 0;
};

inline constexpr std::string_view kDefaultVersionTemplate =
    "#{Octopus.Version.LastMajor}.#{Octopus.Version.LastMinor}.#{Octopus.Version.NextPatch}";

// Octopus.Version.*, Octopus.Date.*, Octopus.Time.*, Octopus.Release.Channel.Name.
void add_numbering_variables(octostache::VariableSet& variables, const NumberingFacts& facts);
// True when some number of the text is a mask: 'i' (increment) or 'c' (keep).
bool is_masked(std::string_view text);
// Applies a mask to the last version: "1.c.i" on 1.4.7 gives 1.4.8; without a last version masked numbers start at 0.
// A number left of a mask that differs from the last version's restarts what follows it at 0.
std::string apply_mask(std::string_view masked, const std::optional<std::string>& last);
// The next number by the project's template; `variables` are the project's unscoped ones. Throws Error(invalid) naming
// the template and the token when a token is unknown or the result is no version.
std::string next_version(std::string_view version_template, const NumberingFacts& facts,
                         const octostache::VariableSet* variables = nullptr);

}  // namespace fairlead::domain
