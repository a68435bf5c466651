// SPDX-License-Identifier: Apache-2.0
#include "domain/cron.h"

#include <gtest/gtest.h>

#include "base/error.h"

namespace fairlead::domain {
namespace {

std::string next(std::string_view cron, std::string_view after) {
  const auto time = CronExpression::parse(cron).next_after(parse_iso8601(after).value());
  return time ? iso8601(*time) : "never";
}

std::string problem(std::string_view cron) {
  try {
    CronExpression::parse(cron);
  } catch (const Error& error) {
    EXPECT_EQ(error.fault(), Fault::invalid);
    return error.message();
  }
  return "no problem";
}

TEST(Cron, FindsTheNextTime) {
  EXPECT_EQ(next("0 0 6 * * MON-FRI", "2026-01-02T06:00:00Z"),
            "2026-01-05T06:00:00.000Z");  // Friday six o'clock is over
  EXPECT_EQ(next("0 0 6 * * mon-fri", "2026-01-02T05:59:59.999Z"), "2026-01-02T06:00:00.000Z");
  EXPECT_EQ(next("30 */15 * ? * *", "2026-01-01T00:45:30Z"), "2026-01-01T01:00:30.000Z");
  EXPECT_EQ(next("0 10-40/20,55 8 * * ?", "2026-01-01T08:30:00Z"), "2026-01-01T08:55:00.000Z");
  EXPECT_EQ(next("0 0 0 29 FEB ?", "2026-03-01T00:00:00Z"), "2028-02-29T00:00:00.000Z");
  EXPECT_EQ(next("0 0 12 31 * ?", "2026-01-31T12:00:00Z"), "2026-03-31T12:00:00.000Z");
  EXPECT_EQ(next("0 0 0 1 1 ? 2027", "2026-01-01T00:00:00Z"), "2027-01-01T00:00:00.000Z");
  EXPECT_EQ(next("0 0 0 * DEC SUN", "2026-01-01T00:00:00Z"), "2026-12-06T00:00:00.000Z");
}

TEST(Cron, KnowsThatATimeNeverComes) {
  EXPECT_EQ(next("0 0 0 30 2 ?", "2026-01-01T00:00:00Z"), "never");
  EXPECT_EQ(next("0 0 0 1 1 ? 2020", "2026-01-01T00:00:00Z"), "never");
}

TEST(Cron, RefusesWithAReason) {
  EXPECT_NE(problem("0 6 * * *").find("5 fields; six are expected"), std::string::npos);
  EXPECT_NE(problem("").find("0 fields"), std::string::npos);
  EXPECT_NE(problem("0 60 6 * * ?").find("minutes"), std::string::npos);
  EXPECT_NE(problem("0 0 6 * * 1-5").find("SUN, MON"), std::string::npos);
  EXPECT_NE(problem("0 0 6 L * ?").find("L, W and # are not supported"), std::string::npos);
  EXPECT_NE(problem("0 0 6 1 * MON").find("write ? for one"), std::string::npos);
  EXPECT_NE(problem("0 0 6 20-10 * ?").find("smaller to the larger"), std::string::npos);
  EXPECT_NE(problem("0 */0 6 * * ?").find("step"), std::string::npos);
  EXPECT_NE(problem("0 1,,2 6 * * ?").find("minutes"), std::string::npos);
  EXPECT_NE(problem(std::string(300, '*')).find("200 characters"), std::string::npos);
}

}  // namespace
}  // namespace fairlead::domain
