// SPDX-License-Identifier: Apache-2.0
#include "domain/cron.h"

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/text.h"

namespace fairlead::domain {

namespace {

constexpr std::int64_t kDayUs = 24 * kHour;
constexpr int kDaysLookedAt = 8 * 366;
constexpr int kFirstYear = 1970;

struct FieldRule {
  std::string_view name;
  int least, most;
  std::vector<std::string_view> names = {};  // of the values from `least` on
  bool numbers = true;
};

const std::vector<FieldRule>& field_rules() {
  static const std::vector<FieldRule> rules = {
      {"seconds", 0, 59},
      {"minutes", 0, 59},
      {"hours", 0, 23},
      {"day of month", 1, 31},
      {"month", 1, 12, {"JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"}},
      {"day of week", 0, 6, {"SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"}, false},
      {"year", kFirstYear, kFirstYear + 199}};
  return rules;
}

[[noreturn]] void refuse(const FieldRule& rule, std::string_view part, std::string_view why) {
  throw invalid(text::format("the field for {} of the cron expression cannot be \"{}\": {}", rule.name,
                             text::shorten(part, 40), why));
}

int value_of(const FieldRule& rule, std::string_view part) {
  for (std::size_t i = 0; i < rule.names.size(); ++i) {
    if (text::equals_ignoring_case(part, rule.names[i])) return rule.least + static_cast<int>(i);
  }
  if (!rule.numbers)
    refuse(rule, part, "write days as SUN, MON, TUE, WED, THU, FRI, SAT (numbers mean different days elsewhere)");
  const auto number = text::parse_int(part);
  if (!number || *number < rule.least || *number > rule.most) {
    refuse(rule, part,
           text::format("numbers from {} to {} are expected; L, W and # are not supported", rule.least, rule.most));
  }
  return static_cast<int>(*number);
}

// One element of a list: "*", "5", "MON-FRI", "*/15", "10-40/5". Calls set(value) for each value.
template <class Set>
void read_part(const FieldRule& rule, std::string_view part, const Set& set) {
  std::int64_t step = 1;
  const std::size_t slash = part.find('/');
  const std::string_view range = part.substr(0, slash);
  if (slash != std::string_view::npos) {
    step = text::parse_int(part.substr(slash + 1)).value_or(0);
    if (step < 1 || step > rule.most) refuse(rule, part, "the step after / must be a whole number from 1 on");
  }
  int first = rule.least;
  int last = rule.most;
  if (range != "*") {
    const std::size_t dash = range.find('-');
    first = value_of(rule, range.substr(0, dash));
    if (dash != std::string_view::npos) {
      last = value_of(rule, range.substr(dash + 1));
    } else if (slash == std::string_view::npos) {
      last = first;
    }
    if (last < first) refuse(rule, part, "a range goes from the smaller to the larger");
  }
  for (std::int64_t value = first; value <= last; value += step) set(static_cast<int>(value));
}

template <std::size_t N>
void read_field(const FieldRule& rule, std::string_view field, int offset, std::bitset<N>& bits) {
  for (const std::string& part : text::split(field, ',')) {
    read_part(rule, part, [&](int value) { bits.set(static_cast<std::size_t>(value - offset)); });
  }
}

bool is_any(std::string_view field) { return field == "*" || field == "?"; }

}  // namespace

CronExpression CronExpression::parse(std::string_view text) {
  if (text.size() > kMaxCharacters) throw invalid("the cron expression is longer than 200 characters");
  std::vector<std::string> fields = text::split_list(text, " \t");
  if (fields.size() != 6 && fields.size() != 7) {
    throw invalid(text::format(
        "the cron expression \"{}\" has {}; six are expected: seconds, minutes, hours, day of month, month, "
        "day of week, as in \"0 0 6 * * MON-FRI\"",
        text::shorten(text, 60), text::counted(static_cast<std::int64_t>(fields.size()), "field")));
  }
  const auto& rules = field_rules();
  if (!is_any(fields[3]) && !is_any(fields[5])) {
    throw invalid("the cron expression names days of the month and days of the week; write ? for one of them");
  }
  for (const std::size_t day : {std::size_t{3}, std::size_t{5}}) {
    if (fields[day] == "?") fields[day] = "*";
  }
  CronExpression cron;
  read_field(rules[0], fields[0], 0, cron.seconds_);
  read_field(rules[1], fields[1], 0, cron.minutes_);
  read_field(rules[2], fields[2], 0, cron.hours_);
  read_field(rules[3], fields[3], 0, cron.days_);
  read_field(rules[4], fields[4], 0, cron.months_);
  read_field(rules[5], fields[5], 0, cron.week_days_);
  read_field(rules[6], fields.size() == 7 ? fields[6] : "*", kFirstYear, cron.years_);
  return cron;
}

bool CronExpression::is_day(Time midnight) const {
  const std::chrono::sys_days day{std::chrono::days{midnight.us / kDayUs}};
  const std::chrono::year_month_day date{day};
  const auto year = static_cast<std::size_t>(static_cast<int>(date.year()) - kFirstYear);
  return year < years_.size() && years_.test(year) && months_.test(static_cast<unsigned>(date.month())) &&
         days_.test(static_cast<unsigned>(date.day())) && week_days_.test(std::chrono::weekday{day}.c_encoding());
}

std::optional<Time> CronExpression::next_after(Time after) const {
  const std::int64_t start = (after.us / kSecond + 1) * kSecond;  // whole seconds only
  Time midnight{start / kDayUs * kDayUs};
  for (int looked = 0; looked < kDaysLookedAt; ++looked, midnight.us += kDayUs) {
    if (!is_day(midnight)) continue;
    for (std::size_t hour = 0; hour < hours_.size(); ++hour) {
      if (!hours_.test(hour)) continue;
      for (std::size_t minute = 0; minute < minutes_.size(); ++minute) {
        if (!minutes_.test(minute)) continue;
        for (std::size_t second = 0; second < seconds_.size(); ++second) {
          const Time time =
              midnight + (static_cast<std::int64_t>(hour) * kHour + static_cast<std::int64_t>(minute) * kMinute +
                          static_cast<std::int64_t>(second) * kSecond);
          if (seconds_.test(second) && time.us >= start) return time;
        }
      }
    }
  }
  return std::nullopt;
}

}  // namespace fairlead::domain
