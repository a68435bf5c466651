// SPDX-License-Identifier: Apache-2.0
// Parts of version numbers; a text that is no version has zeros and empty parts.
#include "domain/octostache/filters.h"
#include "domain/version.h"

namespace fairlead::domain::octostache {

namespace {

Version read(const FilterCall& call) { return parse_version(*call.input).value_or(Version{}); }

template <std::size_t Index>
std::optional<std::string> number(const FilterCall& call) {
  return std::to_string(read(call).numbers[Index]);
}

}  // namespace

const std::vector<FilterRow>& version_filters() {
  using Input = FilterRow::Input;
  static const std::vector<FilterRow> rows{
      {"VersionMajor", 0, kAnyCount, Input::required, number<0>},
      {"VersionMinor", 0, kAnyCount, Input::required, number<1>},
      {"VersionPatch", 0, kAnyCount, Input::required, number<2>},
      {"VersionRevision", 0, kAnyCount, Input::required, number<3>},
      {"VersionPreRelease", 0, kAnyCount, Input::required,
       [](const FilterCall& call) { return std::optional(read(call).pre_release); }},
      {"VersionPreReleasePrefix", 0, kAnyCount, Input::required,
       [](const FilterCall& call) { return std::optional(read(call).pre_release_prefix()); }},
      {"VersionPreReleaseCounter", 0, kAnyCount, Input::required,
       [](const FilterCall& call) { return std::optional(read(call).pre_release_counter()); }},
      {"VersionMetadata", 0, kAnyCount, Input::required,
       [](const FilterCall& call) { return std::optional(read(call).metadata); }},
  };
  return rows;
}

}  // namespace fairlead::domain::octostache
