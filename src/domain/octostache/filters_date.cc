// SPDX-License-Identifier: Apache-2.0
// Dates, and Format for numbers and dates.
#include <cmath>

#include "base/text.h"
#include "domain/octostache/dotnet_format.h"
#include "domain/octostache/evaluator.h"
#include "domain/octostache/filters.h"
#include "domain/octostache/json_lookup.h"

namespace fairlead::domain::octostache {

namespace {

std::string_view format_or(const FilterCall& call, std::string_view otherwise) {
  return call.options.empty() ? otherwise : std::string_view(call.options[0]);
}

std::optional<std::string> now_utc(const FilterCall& call) {
  return format_time(dotnet_time(call.environment.now.us, DotnetTime::Form::utc, 0), format_or(call, "O"));
}

std::optional<std::string> now_local(const FilterCall& call) {
  DotnetTime time = dotnet_time(call.environment.now.us, DotnetTime::Form::naive, call.environment.utc_offset_minutes);
  return format_time(time, format_or(call, "O"));
}

std::optional<std::string> add_seconds(const FilterCall& call, double unit) {
  std::optional<DotnetTime> time = parse_dotnet_time(*call.input);
  const std::optional<double> amount = parse_number(call.options[0]);
  if (!time || !amount) return std::nullopt;
  const double ticks = *amount * unit * static_cast<double>(kTicksPerSecond);
  constexpr double kMost = 4e18;  // well inside 64 bits
  if (!(std::fabs(ticks) < kMost)) return std::nullopt;
  time->local_ticks += std::llround(ticks);
  return format_time(*time, "O");
}

std::optional<std::string> add_hours(const FilterCall& call) { return add_seconds(call, 3600); }
std::optional<std::string> add_days(const FilterCall& call) { return add_seconds(call, 86'400); }

// Digits only, as format_number wants them; nullopt for what is no plain decimal number.
std::optional<std::string> plain_digits(std::string_view text) {
  std::string digits = text::replace_all(std::string(text::trim(text)), ",", "");
  if (digits.starts_with('+')) digits.erase(0, 1);
  if (!parse_number(digits) || digits.find_first_of("eE") != std::string::npos) return std::nullopt;
  return digits;
}

std::optional<std::string> format_date(const FilterCall& call, std::string_view format, bool with_offset) {
  std::optional<DotnetTime> time = parse_dotnet_time(*call.input);
  if (!time) return std::nullopt;
  if (with_offset && time->form != DotnetTime::Form::offset) {
    if (time->form == DotnetTime::Form::naive) time->offset_minutes = call.environment.utc_offset_minutes;
    time->form = DotnetTime::Form::offset;
  }
  return format_time(*time, format);
}

std::optional<std::string> format(const FilterCall& call) {
  if (call.options.size() == 1) {
    if (const auto digits = plain_digits(*call.input)) return format_number(*digits, call.options[0], false);
    return format_date(call, call.options[0], true);
  }
  const std::string type = text::lower(call.options[0]);
  const std::string& wanted = call.options[1];
  if (type == "date" || type == "datetime") return format_date(call, wanted, false);
  if (type == "datetimeoffset") return format_date(call, wanted, true);
  const bool is_integer = type == "int" || type == "int32";
  if (!is_integer && type != "double" && type != "decimal") return std::nullopt;
  std::optional<std::string> digits = plain_digits(*call.input);
  if (is_integer && digits) {
    const std::optional<std::int64_t> value = text::parse_int(*digits);
    if (!value || *value > INT32_MAX || *value < INT32_MIN) return std::nullopt;
  }
  if (!digits && type == "double") {
    if (const std::optional<double> value = parse_number(*call.input)) digits = text::format("{:f}", *value);
  }
  return digits ? format_number(*digits, wanted, is_integer) : std::nullopt;
}

}  // namespace

const std::vector<FilterRow>& date_filters() {
  using Input = FilterRow::Input;
  static const std::vector<FilterRow> rows{
      {"NowDate", 0, 1, Input::refused, now_local},   {"NowDateUtc", 0, 1, Input::refused, now_utc},
      {"AddHours", 1, 1, Input::required, add_hours}, {"AddDays", 1, 1, Input::required, add_days},
      {"Format", 1, 2, Input::required, format},
  };
  return rows;
}

}  // namespace fairlead::domain::octostache
