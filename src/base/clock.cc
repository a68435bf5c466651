// SPDX-License-Identifier: Apache-2.0
#include "base/clock.h"

#include <ctime>

#include "base/text.h"

namespace fairlead {

namespace {

class SystemClock : public Clock {
 public:
  Time now() const override { return Time{read(CLOCK_REALTIME)}; }
  std::int64_t steady_us() const override { return read(CLOCK_MONOTONIC); }

 private:
  static std::int64_t read(clockid_t id) {
    timespec spec{};
    clock_gettime(id, &spec);
    return std::int64_t{spec.tv_sec} * kSecond + spec.tv_nsec / 1000;
  }
};

struct Cursor {
  std::string_view text;
  std::size_t at = 0;
  bool ok = true;

  int digits(int count) {
    int value = 0;
    for (int i = 0; i < count; ++i, ++at) {
      if (at >= text.size() || text[at] < '0' || text[at] > '9') {
        ok = false;
        return 0;
      }
      value = value * 10 + (text[at] - '0');
    }
    return value;
  }
  void expect(char a, char b = '\0') {
    if (at < text.size() && (text[at] == a || (b != '\0' && text[at] == b))) {
      ++at;
    } else {
      ok = false;
    }
  }
  std::int64_t fraction_us() {
    if (at >= text.size() || text[at] != '.') return 0;
    ++at;
    std::int64_t value = 0;
    int count = 0;
    for (; at < text.size() && text[at] >= '0' && text[at] <= '9'; ++at, ++count) {
      if (count < 6) value = value * 10 + (text[at] - '0');
    }
    if (count == 0 || count > 9) ok = false;
    for (; count < 6; ++count) value *= 10;
    return value;
  }
  std::int64_t offset_us() {
    if (at < text.size() && (text[at] == 'Z' || text[at] == 'z')) {
      ++at;
      return 0;
    }
    const bool negative = at < text.size() && text[at] == '-';
    expect('+', '-');
    const int hours = digits(2);
    expect(':');
    const int minutes = digits(2);
    if (hours > 23 || minutes > 59) ok = false;
    const std::int64_t offset = hours * kHour + minutes * kMinute;
    return negative ? -offset : offset;
  }
};

}  // namespace

Clock& system_clock() {
  static SystemClock clock;
  return clock;
}

std::string iso8601(Time time) {
  std::int64_t seconds = time.us / kSecond;
  std::int64_t rest_us = time.us % kSecond;
  if (rest_us < 0) {
    rest_us += kSecond;
    --seconds;
  }
  const std::time_t whole = seconds;
  std::tm parts{};
  gmtime_r(&whole, &parts);
  return text::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:03}Z", parts.tm_year + 1900, parts.tm_mon + 1,
                      parts.tm_mday, parts.tm_hour, parts.tm_min, parts.tm_sec, rest_us / 1000);
}

std::optional<Time> parse_iso8601(std::string_view text) {
  Cursor cursor{text};
  std::tm parts{};
  parts.tm_year = cursor.digits(4) - 1900;
  cursor.expect('-');
  parts.tm_mon = cursor.digits(2) - 1;
  cursor.expect('-');
  parts.tm_mday = cursor.digits(2);
  cursor.expect('T', 't');
  parts.tm_hour = cursor.digits(2);
  cursor.expect(':');
  parts.tm_min = cursor.digits(2);
  cursor.expect(':');
  parts.tm_sec = cursor.digits(2);
  const std::int64_t fraction = cursor.fraction_us();
  const std::int64_t offset = cursor.offset_us();
  const bool in_range = parts.tm_mon >= 0 && parts.tm_mon < 12 && parts.tm_mday >= 1 && parts.tm_mday <= 31 &&
                        parts.tm_hour < 24 && parts.tm_min < 60 && parts.tm_sec <= 60;
  if (!cursor.ok || cursor.at != text.size() || !in_range) return std::nullopt;
  const int day = parts.tm_mday;
  const std::time_t seconds = timegm(&parts);
  if (parts.tm_mday != day) return std::nullopt;  // timegm moved 31 February on to March
  return Time{std::int64_t{seconds} * kSecond + fraction - offset};
}

std::string duration_text(std::int64_t us) {
  if (us < 0) us = 0;
  if (us < kSecond) return text::format("{} ms", us / kMillisecond);
  if (us < kMinute) return text::format("{:.1f} s", static_cast<double>(us) / kSecond);
  if (us < kHour) return text::format("{} min {:02} s", us / kMinute, us % kMinute / kSecond);
  return text::format("{} h {:02} min", us / kHour, us % kHour / kMinute);
}

std::string timespan_text(std::int64_t us) {
  if (us < 0) us = 0;
  const std::int64_t day = 24 * kHour;
  std::string out;
  if (us >= day) out = text::format("{}.", us / day);
  out += text::format("{:02}:{:02}:{:02}", us % day / kHour, us % kHour / kMinute, us % kMinute / kSecond);
  if (us % kSecond != 0) out += text::format(".{:06}0", us % kSecond);
  return out;
}

}  // namespace fairlead
