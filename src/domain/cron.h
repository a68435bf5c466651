// SPDX-License-Identifier: Apache-2.0
// Cron expressions as Octopus writes them: six fields (seconds, minutes, hours, day of month, month, day of week), a
// seventh for the year may follow. Understood are "*", "?", numbers, names (JAN, MON), lists, ranges and steps. What
// means different things in different dialects is refused with a reason: numbers for days of the week, "L", "W" and
// "#", both kinds of days at once. Pure; thread-safe.
#pragma once

#include <bitset>
#include <optional>
#include <string_view>

#include "base/clock.h"

namespace fairlead::domain {

class CronExpression {
 public:
  static constexpr std::size_t kMaxCharacters = 200;

  // Throws Error(invalid) that names the field and says what is accepted there.
  static CronExpression parse(std::string_view text);
  // The first time after `after`, in UTC; nullopt: none within the next eight years (30 February, or a year that has
  // passed).
  std::optional<Time> next_after(Time after) const;

 private:
  bool is_day(Time midnight) const;
  std::bitset<60> seconds_, minutes_;
  std::bitset<24> hours_;
  std::bitset<32> days_;      // 1 to 31
  std::bitset<13> months_;    // 1 to 12
  std::bitset<7> week_days_;  // 0: Sunday
  std::bitset<200> years_;    // 0: 1970
};

}  // namespace fairlead::domain
