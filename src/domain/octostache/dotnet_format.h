// SPDX-License-Identifier: Apache-2.0
// Formatting numbers and dates by .NET format strings in the invariant culture. Private to this folder.
// Source: Microsoft's documentation of standard and custom numeric and date and time format strings.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace fairlead::domain::octostache {

// A moment with the form in which it was written.
struct DotnetTime {
  enum class Form { naive, utc, offset };
  std::int64_t local_ticks = 0;  // of 100 ns since 0001-01-01T00:00:00 on the clock that was written
  Form form = Form::naive;
  int offset_minutes = 0;
};

inline constexpr std::size_t kMaxFormatBytes = 1'000;
inline constexpr std::int64_t kTicksPerSecond = 10'000'000;

// Years 1 to 9999.
bool in_range(const DotnetTime& time);
DotnetTime dotnet_time(std::int64_t unix_us, DotnetTime::Form form, int offset_minutes);
// ISO 8601 dates with or without time, fraction and zone, and "MM/dd/yyyy[ HH:mm[:ss]]".
std::optional<DotnetTime> parse_dotnet_time(std::string_view text);

// nullopt for a format that .NET refuses or that is not known here.
std::optional<std::string> format_time(const DotnetTime& time, std::string_view format);
// `digits`: "-12345.678". Rounds half away from zero.
std::optional<std::string> format_number(std::string_view digits, std::string_view format, bool is_integer);

}  // namespace fairlead::domain::octostache
