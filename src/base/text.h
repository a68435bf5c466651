// SPDX-License-Identifier: Apache-2.0
// Small helpers for text. Case rules are ASCII only, as Kubernetes names, HTTP tokens and Octopus ids are.
#pragma once

#include <fmt/core.h>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace fairlead::text {

// {fmt} syntax, checked at compile time; formatting itself is compiled once.
template <class... Args>
std::string format(fmt::format_string<Args...> pattern, Args&&... args) {
  return fmt::vformat(pattern, fmt::make_format_args(args...));
}

std::string lower(std::string_view text);
bool equals_ignoring_case(std::string_view a, std::string_view b);
bool contains_ignoring_case(std::string_view text, std::string_view part);
// Orders as equals_ignoring_case compares: for case-insensitive maps.
struct LessIgnoringCase {
  using is_transparent = void;
  bool operator()(std::string_view a, std::string_view b) const;
};

std::string_view trim(std::string_view text);
std::vector<std::string> split(std::string_view text, char separator);  // "" gives one empty part
// Parts trimmed, empty parts dropped: the shape of Octopus list properties ("a, b\n").
std::vector<std::string> split_list(std::string_view text, std::string_view separators = ",");
std::string join(const std::vector<std::string>& parts, std::string_view separator);
std::string replace_all(std::string text, std::string_view from, std::string_view to);
bool starts_with_ignoring_case(std::string_view text, std::string_view start);

// Decimal integer, whole text, no sign but '-'; nullopt on overflow or anything else.
std::optional<std::int64_t> parse_int(std::string_view text);
// "True"/"False" in any case, as Octopus writes booleans in properties.
std::optional<bool> parse_bool(std::string_view text);

// Lower-case words joined by single hyphens: Octopus slugs ("My Project 2.0" -> "my-project-2-0"). Never empty.
std::string slug(std::string_view name);
// At most `limit` bytes, cut at a UTF-8 boundary, "..." appended where cut.
std::string shorten(std::string_view text, std::size_t limit);
bool is_valid_utf8(std::string_view text);
// RFC 3986 percent decoding; nullopt on a broken escape. '+' stays '+' unless `plus_is_space`.
std::optional<std::string> percent_decode(std::string_view text, bool plus_is_space = false);
std::string percent_encode(std::string_view text);
// "1 object", "3 objects".
std::string counted(std::int64_t count, std::string_view singular, std::string_view plural = {});

}  // namespace fairlead::text
