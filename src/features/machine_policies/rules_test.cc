// SPDX-License-Identifier: Apache-2.0
#include "features/machine_policies/rules.h"

#include <gtest/gtest.h>

#include "base/error.h"

namespace fairlead::features::machine_policies {
namespace {

const Time kNow = parse_iso8601("2026-01-02T10:00:00Z").value();

std::string problem(const MachinePolicy& policy) {
  try {
    check(policy);
  } catch (const Error& error) {
    EXPECT_EQ(error.fault(), Fault::invalid);
    return error.text();
  }
  return "";
}

std::string interval_problem(const std::string& interval) {
  MachinePolicy policy = default_policy();
  policy.health_check->interval = interval;
  return problem(policy);
}

std::string cron_problem(const std::string& cron, const std::string& zone = "UTC") {
  MachinePolicy policy = default_policy();
  policy.health_check->cron = cron;
  policy.health_check->cron_timezone = zone;
  return problem(policy);
}

TEST(MachinePolicy, ReadsTimeSpans) {
  EXPECT_EQ(parse_timespan("01:02:03"), kHour + 2 * kMinute + 3 * kSecond);
  EXPECT_EQ(parse_timespan("2.00:00:00"), 48 * kHour);
  EXPECT_EQ(parse_timespan("00:00:01.5000000"), kSecond + kSecond / 2);
  for (const char* text :
       {"", "1", "24:00:00", "00:60:00", "-1.00:00:00", "1:00:00", "00:00:00.", "00:00:00.x", "x.00:00:00", "00:00"}) {
    EXPECT_EQ(parse_timespan(text), std::nullopt) << text;
  }
}

TEST(MachinePolicy, RefusesSchedulesItCannotFollow) {
  EXPECT_EQ(problem(default_policy()), "");
  EXPECT_EQ(interval_problem(""), "");
  EXPECT_EQ(interval_problem("00:00:00"), "");
  EXPECT_NE(interval_problem("daily").find("HealthCheckInterval"), std::string::npos);
  EXPECT_NE(interval_problem("00:00:30").find("must be from 00:01:00"), std::string::npos);
  EXPECT_NE(interval_problem("400.00:00:00").find("must be from 00:01:00"), std::string::npos);
  EXPECT_EQ(cron_problem("0 0 6 * * MON-FRI"), "");
  EXPECT_NE(cron_problem("0 6 * * *").find("HealthCheckCron"), std::string::npos);
  EXPECT_NE(cron_problem("* * * * * ?").find("more than once a minute"), std::string::npos);
  EXPECT_NE(cron_problem("0,30 0 6 * * ?").find("more than once a minute"), std::string::npos);
  EXPECT_NE(cron_problem("0 0 6 * * ?", "Europe/Berlin").find("HealthCheckCronTimezone"), std::string::npos);
  MachinePolicy odd = default_policy();
  odd.health_check->check_type = "Sometimes";
  EXPECT_NE(problem(odd).find("HealthCheckType"), std::string::npos);
  MachinePolicy lax = default_policy();
  lax.connectivity.text = R"({"MachineConnectivityBehavior":"Whatever"})";
  EXPECT_NE(problem(lax).find("MachineConnectivityBehavior"), std::string::npos);
}

TEST(MachinePolicy, PlansTheNextCheck) {
  HealthCheckPolicy policy;
  policy.interval = "01:00:00";
  EXPECT_EQ(next_check(policy, {}, kNow), kNow + kHour);
  EXPECT_EQ(next_check(policy, kNow + -20 * kMinute, kNow), kNow + 40 * kMinute);
  EXPECT_EQ(next_check(policy, kNow + -50 * kHour, kNow), kNow) << "missed checks are made up for once";
  policy.cron = "0 30 * * * ?";
  EXPECT_EQ(next_check(policy, {}, kNow), kNow + 30 * kMinute) << "cron goes before the interval";
  EXPECT_EQ(next_check(policy, kNow + -2 * kHour, kNow), kNow);
  policy.cron.clear();
  policy.interval = "00:00:00";
  EXPECT_EQ(next_check(policy, {}, kNow), std::nullopt);
  policy.interval.clear();
  EXPECT_EQ(next_check(policy, {}, kNow), std::nullopt);
}

TEST(MachinePolicy, KnowsWhoMayBeAway) {
  MachinePolicy policy = default_policy();
  EXPECT_FALSE(may_be_offline(policy));
  policy.connectivity.text = R"({"MachineConnectivityBehavior":"MayBeOfflineAndCanBeSkipped"})";
  EXPECT_TRUE(may_be_offline(policy));
}

TEST(MachinePolicy, DeletesOnlyWhereItSaysHowLongToWait) {
  MachinePolicy policy = default_policy();
  EXPECT_EQ(deleted_after_us(policy), 0);
  policy.cleanup.text =
      R"({"DeleteMachinesBehavior":"DeleteUnavailableMachines","DeleteMachinesElapsedTimeSpan":"01:00:00"})";
  EXPECT_EQ(problem(policy), "");
  EXPECT_EQ(deleted_after_us(policy), kHour);
  policy.cleanup.text =
      R"({"DeleteMachinesBehavior":"DeleteUnavailableMachines","DeleteMachinesElapsedTimeSpan":"00:00:00"})";
  EXPECT_NE(problem(policy).find("DeleteMachinesElapsedTimeSpan"), std::string::npos);
  policy.cleanup.text = R"({"DeleteMachinesBehavior":"DeleteAll"})";
  EXPECT_NE(problem(policy).find("DeleteMachinesBehavior"), std::string::npos);
}

}  // namespace
}  // namespace fairlead::features::machine_policies
