// SPDX-License-Identifier: Apache-2.0
// Time. Every other folder takes a Clock& instead of reading the machine's clock, so that tests decide what time it is.
// Wall time is microseconds since 1970-01-01T00:00:00Z; steady time is microseconds since an arbitrary start and never
// jumps.
#pragma once

#include <atomic>
#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace fairlead {

struct Time {
  std::int64_t us = 0;
  auto operator<=>(const Time&) const = default;
  Time operator+(std::int64_t plus_us) const { return Time{us + plus_us}; }
  std::int64_t operator-(Time other) const { return us - other.us; }
};

constexpr std::int64_t kMillisecond = 1'000;
constexpr std::int64_t kSecond = 1'000'000;
constexpr std::int64_t kMinute = 60 * kSecond;
constexpr std::int64_t kHour = 60 * kMinute;

// ISO 8601 / RFC 3339 in UTC with milliseconds: "2026-01-02T03:04:05.678Z".
std::string iso8601(Time time);
// Accepts RFC 3339 with 'Z' or an offset, 0 to 9 fractional digits; nothing else.
std::optional<Time> parse_iso8601(std::string_view text);
// "850 ms", "12.4 s", "3 min 05 s", "2 h 04 min": for people.
std::string duration_text(std::int64_t us);
// The .NET TimeSpan text of the Octopus API: "00:03:05", "1.02:03:04.5000000".
std::string timespan_text(std::int64_t us);

class Clock {
 public:
  virtual ~Clock() = default;
  virtual Time now() const = 0;                // wall
  virtual std::int64_t steady_us() const = 0;  // monotonic
};

// The machine's clock. Thread-safe.
Clock& system_clock();

// A clock that moves only when told to. Thread-safe.
class ManualClock : public Clock {
 public:
  explicit ManualClock(Time start = Time{1'767'225'600 * kSecond}) : now_us_(start.us) {}
  Time now() const override { return Time{now_us_.load()}; }
  std::int64_t steady_us() const override { return steady_us_.load(); }
  void advance(std::int64_t us) {
    now_us_ += us;
    steady_us_ += us;
  }
  // A jump of the wall clock alone, as NTP or an administrator makes it.
  void jump_wall(std::int64_t us) { now_us_ += us; }

 private:
  std::atomic<std::int64_t> now_us_;
  std::atomic<std::int64_t> steady_us_{0};
};

}  // namespace fairlead
