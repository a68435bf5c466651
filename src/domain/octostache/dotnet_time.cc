// SPDX-License-Identifier: Apache-2.0
#include <chrono>

#include "base/text.h"
#include "domain/octostache/dotnet_format.h"

namespace fairlead::domain::octostache {

namespace {

using std::chrono::days;
using std::chrono::sys_days;

constexpr std::int64_t kTicksPerDay = 86'400 * kTicksPerSecond;
constexpr std::int64_t kTicksToUnix = 719'162 * kTicksPerDay;  // 0001-01-01 to 1970-01-01
constexpr std::int64_t kMaxTicks = 3'652'059 * kTicksPerDay;   // to 10000-01-01

constexpr std::string_view kDays[] = {"Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"};
constexpr std::string_view kMonths[] = {"January", "February", "March",     "April",   "May",      "June",
                                        "July",    "August",   "September", "October", "November", "December"};

struct Parts {
  int year = 1, month = 1, day = 1, weekday = 0;
  int hour = 0, minute = 0, second = 0;
  std::int64_t fraction = 0;  // ticks
};

Parts split_time(std::int64_t ticks) {
  const sys_days date{days{ticks / kTicksPerDay - kTicksToUnix / kTicksPerDay}};
  const std::chrono::year_month_day civil{date};
  Parts parts;
  parts.year = static_cast<int>(civil.year());
  parts.month = static_cast<int>(static_cast<unsigned>(civil.month()));
  parts.day = static_cast<int>(static_cast<unsigned>(civil.day()));
  parts.weekday = static_cast<int>(std::chrono::weekday{date}.c_encoding());
  const std::int64_t rest = ticks % kTicksPerDay;
  parts.fraction = rest % kTicksPerSecond;
  const std::int64_t seconds = rest / kTicksPerSecond;
  parts.hour = static_cast<int>(seconds / 3600);
  parts.minute = static_cast<int>(seconds / 60 % 60);
  parts.second = static_cast<int>(seconds % 60);
  return parts;
}

// Reads digits and separators from the front of a text.
struct Cursor {
  std::string_view rest;
  bool ok = true;

  int digits(std::size_t minimum, std::size_t maximum) {
    std::size_t count = 0;
    int value = 0;
    while (count < maximum && count < rest.size() && rest[count] >= '0' && rest[count] <= '9') {
      value = value * 10 + (rest[count++] - '0');
    }
    ok = ok && count >= minimum;
    rest.remove_prefix(count);
    return value;
  }
  bool accept(char c) {
    if (!rest.starts_with(c)) return false;
    rest.remove_prefix(1);
    return true;
  }
  void expect(char c) { ok = accept(c) && ok; }
  std::int64_t fraction() {
    std::int64_t value = 0;
    int count = 0;
    for (; !rest.empty() && rest[0] >= '0' && rest[0] <= '9'; rest.remove_prefix(1), ++count) {
      if (count < 7) value = value * 10 + (rest[0] - '0');
    }
    ok = ok && count > 0;
    for (; count < 7; ++count) value *= 10;
    return value;
  }
};

void read_clock(Cursor& cursor, Parts& parts) {
  parts.hour = cursor.digits(1, 2);
  cursor.expect(':');
  parts.minute = cursor.digits(2, 2);
  if (cursor.accept(':')) {
    parts.second = cursor.digits(2, 2);
    if (cursor.accept('.')) parts.fraction = cursor.fraction();
  }
}

void read_zone(Cursor& cursor, DotnetTime& time) {
  while (cursor.accept(' ')) {
  }
  if (cursor.accept('Z') || cursor.accept('z')) {
    time.form = DotnetTime::Form::utc;
    return;
  }
  const bool minus = cursor.rest.starts_with('-');
  if (!minus && !cursor.rest.starts_with('+')) return;
  cursor.rest.remove_prefix(1);
  const int hours = cursor.digits(1, 2);
  cursor.accept(':');
  const int minutes = cursor.rest.empty() ? 0 : cursor.digits(2, 2);
  cursor.ok = cursor.ok && hours <= 14 && minutes < 60;
  time.form = DotnetTime::Form::offset;
  time.offset_minutes = (hours * 60 + minutes) * (minus ? -1 : 1);
}

std::string zone_text(const DotnetTime& time, std::size_t count) {
  const int minutes = std::abs(time.offset_minutes);
  const char sign = time.offset_minutes < 0 ? '-' : '+';
  if (count == 1) return text::format("{}{}", sign, minutes / 60);
  if (count == 2) return text::format("{}{:02}", sign, minutes / 60);
  return text::format("{}{:02}:{:02}", sign, minutes / 60, minutes % 60);
}

// "K" of .NET: nothing, "Z" or the offset.
std::string kind_text(const DotnetTime& time) {
  if (time.form == DotnetTime::Form::naive) return "";
  return time.form == DotnetTime::Form::utc ? "Z" : zone_text(time, 3);
}

std::string fraction_text(std::int64_t fraction, std::size_t count, bool optional_digits) {
  std::string digits = text::format("{:07}", fraction).substr(0, count);
  while (optional_digits && digits.ends_with('0')) digits.pop_back();
  return digits;
}

std::string name_part(char letter, std::size_t count, const Parts& parts) {
  const bool is_day = letter == 'd';
  const int number = is_day ? parts.day : parts.month;
  if (count == 1) return std::to_string(number);
  if (count == 2) return text::format("{:02}", number);
  const std::string_view name = is_day ? kDays[parts.weekday] : kMonths[parts.month - 1];
  return std::string(count == 3 ? name.substr(0, 3) : name);
}

std::string number_part(int value, std::size_t count) {
  return count == 1 ? std::to_string(value) : text::format("{:02}", value);
}

// One run of the same letter of a custom format; nullopt for a letter without meaning that must be copied.
std::optional<std::string> part(char letter, std::size_t count, const Parts& parts, const DotnetTime& time) {
  const int twelve = parts.hour % 12 == 0 ? 12 : parts.hour % 12;
  switch (letter) {
    case 'y':
      if (count <= 2) return number_part(parts.year % 100, count);
      return text::format("{:0{}}", parts.year, count);
    case 'M':
    case 'd': return name_part(letter, count, parts);
    case 'H': return number_part(parts.hour, count);
    case 'h': return number_part(twelve, count);
    case 'm': return number_part(parts.minute, count);
    case 's': return number_part(parts.second, count);
    case 'f':
    case 'F': return fraction_text(parts.fraction, std::min<std::size_t>(count, 7), letter == 'F');
    case 't': {
      const std::string_view half = parts.hour < 12 ? "AM" : "PM";
      return std::string(count == 1 ? half.substr(0, 1) : half);
    }
    case 'z': return zone_text(time, count);
    case 'K': return kind_text(time);
    case 'g': return "A.D.";
    default: return std::nullopt;
  }
}

std::optional<std::string> custom_time(const DotnetTime& time, std::string_view format) {
  const Parts parts = split_time(time.local_ticks);
  std::string out;
  for (std::size_t at = 0; at < format.size();) {
    const char c = format[at];
    if (c == '\\') {
      if (at + 1 >= format.size()) return std::nullopt;
      out += format[at + 1];
      at += 2;
    } else if (c == '\'' || c == '"') {
      const std::size_t end = format.find(c, at + 1);
      if (end == std::string_view::npos) return std::nullopt;
      out += format.substr(at + 1, end - at - 1);
      at = end + 1;
    } else if (c == '%') {
      ++at;
    } else {
      std::size_t count = 1;
      while (at + count < format.size() && format[at + count] == c) ++count;
      const std::optional<std::string> value = part(c, count, parts, time);
      if (c == 'F' && value && value->empty() && out.ends_with('.')) out.pop_back();
      out += value ? *value : std::string(format.substr(at, count));
      at += count;
    }
  }
  return out;
}

// The custom form of a standard format in the invariant culture; empty when there is no such letter.
std::string_view standard_time(char letter) {
  switch (letter) {
    case 'd': return "MM/dd/yyyy";
    case 'D': return "dddd, dd MMMM yyyy";
    case 't': return "HH:mm";
    case 'T': return "HH:mm:ss";
    case 'f': return "dddd, dd MMMM yyyy HH:mm";
    case 'F':
    case 'U': return "dddd, dd MMMM yyyy HH:mm:ss";
    case 'g': return "MM/dd/yyyy HH:mm";
    case 'G': return "MM/dd/yyyy HH:mm:ss";
    case 'm':
    case 'M': return "MMMM dd";
    case 'y':
    case 'Y': return "yyyy MMMM";
    case 'o':
    case 'O': return "yyyy-MM-dd'T'HH:mm:ss.fffffffK";
    case 's': return "yyyy-MM-dd'T'HH:mm:ss";
    case 'r':
    case 'R': return "ddd, dd MMM yyyy HH:mm:ss 'GMT'";
    case 'u': return "yyyy-MM-dd HH:mm:ss'Z'";
    default: return {};
  }
}

}  // namespace

bool in_range(const DotnetTime& time) { return time.local_ticks >= 0 && time.local_ticks < kMaxTicks; }

DotnetTime dotnet_time(std::int64_t unix_us, DotnetTime::Form form, int offset_minutes) {
  DotnetTime time;
  time.form = form;
  time.offset_minutes = offset_minutes;
  time.local_ticks = kTicksToUnix + unix_us * 10 + offset_minutes * 60 * kTicksPerSecond;
  return time;
}

std::optional<DotnetTime> parse_dotnet_time(std::string_view text) {
  Cursor cursor{text::trim(text)};
  Parts parts;
  const bool american = cursor.rest.size() > 2 && (cursor.rest[1] == '/' || cursor.rest[2] == '/');
  if (american) {
    parts.month = cursor.digits(1, 2);
    cursor.expect('/');
    parts.day = cursor.digits(1, 2);
    cursor.expect('/');
    parts.year = cursor.digits(4, 4);
  } else {
    parts.year = cursor.digits(4, 4);
    cursor.expect('-');
    parts.month = cursor.digits(1, 2);
    cursor.expect('-');
    parts.day = cursor.digits(1, 2);
  }
  DotnetTime time;
  if (cursor.accept('T') || cursor.accept('t') || (cursor.rest.size() > 1 && cursor.accept(' '))) {
    read_clock(cursor, parts);
    read_zone(cursor, time);
  }
  if (!cursor.ok || !cursor.rest.empty() || parts.hour > 23 || parts.minute > 59 || parts.second > 59)
    return std::nullopt;
  const std::chrono::year_month_day civil{std::chrono::year{parts.year},
                                          std::chrono::month{static_cast<unsigned>(parts.month)},
                                          std::chrono::day{static_cast<unsigned>(parts.day)}};
  if (!civil.ok() || parts.year < 1) return std::nullopt;
  const std::int64_t day = sys_days{civil}.time_since_epoch().count();
  time.local_ticks = kTicksToUnix + day * kTicksPerDay +
                     (parts.hour * 3600 + parts.minute * 60 + parts.second) * kTicksPerSecond + parts.fraction;
  return time;
}

std::optional<std::string> format_time(const DotnetTime& time, std::string_view format) {
  if (!in_range(time) || format.size() > kMaxFormatBytes) return std::nullopt;
  if (format.empty()) return custom_time(time, "MM/dd/yyyy HH:mm:ss");
  if (format.size() > 1) return custom_time(time, format);
  const std::string_view expanded = standard_time(format[0]);
  if (expanded.empty()) return std::nullopt;
  DotnetTime shown = time;
  const bool in_utc = std::string_view("rRuU").find(format[0]) != std::string_view::npos;
  if (in_utc && time.form == DotnetTime::Form::offset) {
    shown.local_ticks -= time.offset_minutes * 60 * kTicksPerSecond;
    if (!in_range(shown)) return std::nullopt;
  }
  return custom_time(shown, expanded);
}

}  // namespace fairlead::domain::octostache
