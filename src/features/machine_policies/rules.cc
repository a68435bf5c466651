// SPDX-License-Identifier: Apache-2.0
#include "features/machine_policies/rules.h"

#include <algorithm>

#include "base/error.h"
#include "base/text.h"
#include "domain/cron.h"
#include "json/value.h"

namespace fairlead::features::machine_policies {

namespace {

constexpr std::string_view kMember = "MachineHealthCheckPolicy.";

// Two digits up to `most`; -1: anything else.
int two_digits(std::string_view text, int most) {
  if (text.size() != 2) return -1;
  const auto number = text::parse_int(text);
  return number && *number >= 0 && *number <= most ? static_cast<int>(*number) : -1;
}

void check_interval(const HealthCheckPolicy& policy) {
  if (policy.interval.empty()) return;
  const std::string where = std::string(kMember) + "HealthCheckInterval";
  const auto interval = parse_timespan(policy.interval);
  if (!interval) {
    throw invalid_at(where, text::format("must be a time span such as 01:00:00 or 1.00:00:00, or null, but is \"{}\"",
                                         text::shorten(policy.interval, 60)));
  }
  if (*interval == 0) return;  // some clients write "none" so
  if (*interval < kLeastCheckInterval || *interval > kMostCheckInterval) {
    throw invalid_at(where,
                     text::format("must be from {} to {}; for no scheduled checks let it and HealthCheckCron be null",
                                  timespan_text(kLeastCheckInterval), timespan_text(kMostCheckInterval)));
  }
}

// More often than once a minute would be a load, not a check.
void check_period(std::string_view cron, const domain::CronExpression& expression, const std::string& where) {
  Time at{1'767'225'600 * kSecond};
  for (int i = 0; i < 100; ++i) {
    const auto first = expression.next_after(at);
    const auto second = first ? expression.next_after(*first) : std::nullopt;
    if (!second) return;
    if (*second - *first < kLeastCheckInterval) {
      throw invalid_at(where,
                       text::format("\"{}\" is due more than once a minute; write one number for the seconds", cron));
    }
    at = *first;
  }
}

void check_cron(const HealthCheckPolicy& policy) {
  if (policy.cron.empty()) return;
  const std::string where = std::string(kMember) + "HealthCheckCron";
  try {
    check_period(policy.cron, domain::CronExpression::parse(policy.cron), where);
  } catch (const Error& error) {
    if (!error.details().empty()) throw;
    throw invalid_at(where, error.message());
  }
  const std::string& zone = policy.cron_timezone;
  if (!zone.empty() && !text::equals_ignoring_case(zone, "UTC") && !text::equals_ignoring_case(zone, "Etc/UTC")) {
    throw invalid_at(std::string(kMember) + "HealthCheckCronTimezone",
                     text::format("can only be UTC yet, but is \"{}\"; convert the times of the cron expression",
                                  text::shorten(zone, 60)));
  }
}

// A text member of a part of the policy that is kept as it came.
std::string member_of(const json::Raw& part, std::string_view name) {
  if (part.text.empty()) return {};
  return json::string_or(json::parse(part.text, "the machine policy"), name);
}

std::string connectivity_of(const MachinePolicy& policy) {
  return member_of(policy.connectivity, "MachineConnectivityBehavior");
}

void check_cleanup(const MachinePolicy& policy) {
  const std::string behavior = member_of(policy.cleanup, "DeleteMachinesBehavior");
  if (behavior.empty() || behavior == "DoNotDelete") return;
  if (behavior != "DeleteUnavailableMachines") {
    throw invalid_at(
        "MachineCleanupPolicy.DeleteMachinesBehavior",
        text::format("must be DoNotDelete or DeleteUnavailableMachines, but is \"{}\"", text::shorten(behavior, 60)));
  }
  if (deleted_after_us(policy) < kLeastCheckInterval) {
    throw invalid_at("MachineCleanupPolicy.DeleteMachinesElapsedTimeSpan",
                     "must be a time span of at least 00:01:00 where unavailable targets are to be deleted");
  }
}

}  // namespace

std::optional<std::int64_t> parse_timespan(std::string_view text) {
  std::int64_t days = 0;
  const std::size_t dot = text.find('.');
  const std::size_t colon = text.find(':');
  if (dot != std::string_view::npos && dot < colon) {
    const auto number = text::parse_int(text.substr(0, dot));
    if (!number || *number < 0 || *number > 100'000) return std::nullopt;
    days = *number;
    text.remove_prefix(dot + 1);
  }
  std::int64_t fraction = 0;
  if (const std::size_t point = text.find('.'); point != std::string_view::npos) {
    std::string digits(text.substr(point + 1));
    if (digits.empty() || digits.size() > 7 || digits.find_first_not_of("0123456789") != std::string::npos)
      return std::nullopt;
    digits.resize(7, '0');
    fraction = text::parse_int(digits).value_or(0) / 10;
    text = text.substr(0, point);
  }
  const std::vector<std::string> parts = text::split(text, ':');
  if (parts.size() != 3) return std::nullopt;
  const int hours = two_digits(parts[0], 23);
  const int minutes = two_digits(parts[1], 59);
  const int seconds = two_digits(parts[2], 59);
  if (hours < 0 || minutes < 0 || seconds < 0) return std::nullopt;
  return ((days * 24 + hours) * 60 + minutes) * kMinute + seconds * kSecond + fraction;
}

void check(const MachinePolicy& policy) {
  const HealthCheckPolicy health_check = policy.health_check.value_or(HealthCheckPolicy());
  check_interval(health_check);
  check_cron(health_check);
  const std::string& type = health_check.check_type;
  if (type != "RunScript" && type != "OnlyConnectivity") {
    throw invalid_at(std::string(kMember) + "HealthCheckType",
                     text::format("must be RunScript or OnlyConnectivity, but is \"{}\"", text::shorten(type, 60)));
  }
  check_cleanup(policy);
  const std::string behavior = connectivity_of(policy);
  if (!behavior.empty() && behavior != "ExpectedToBeOnline" && behavior != "MayBeOfflineAndCanBeSkipped") {
    throw invalid_at("MachineConnectivityPolicy.MachineConnectivityBehavior",
                     text::format("must be ExpectedToBeOnline or MayBeOfflineAndCanBeSkipped, but is \"{}\"",
                                  text::shorten(behavior, 60)));
  }
}

std::optional<Time> next_check(const HealthCheckPolicy& policy, Time last, Time now) {
  std::optional<Time> due;
  if (!policy.cron.empty()) {
    due = domain::CronExpression::parse(policy.cron).next_after(last.us == 0 ? now : last);
  } else if (const auto interval = parse_timespan(policy.interval); interval.value_or(0) > 0) {
    due = (last.us == 0 ? now : last) + *interval;
  }
  if (!due) return std::nullopt;
  return std::max(*due, now);
}

bool only_connectivity(const MachinePolicy& policy) {
  return policy.health_check && policy.health_check->check_type == "OnlyConnectivity";
}

bool may_be_offline(const MachinePolicy& policy) { return connectivity_of(policy) == "MayBeOfflineAndCanBeSkipped"; }

std::int64_t deleted_after_us(const MachinePolicy& policy) {
  if (member_of(policy.cleanup, "DeleteMachinesBehavior") != "DeleteUnavailableMachines") return 0;
  return parse_timespan(member_of(policy.cleanup, "DeleteMachinesElapsedTimeSpan")).value_or(0);
}

}  // namespace fairlead::features::machine_policies
