// SPDX-License-Identifier: Apache-2.0
#include "features/targets/rules.h"

#include "base/text.h"

namespace fairlead::features::targets {

namespace {

constexpr std::size_t kMaxSummaryBytes = 1'000;
constexpr std::size_t kMaxLines = 20;

std::string status_of(const Machine& machine, const Finding& finding) {
  if (machine.is_disabled) return "Disabled";
  if (finding.status == kUnknown) return "Unknown";
  return finding.is_good() ? "Online" : "Offline";
}

}  // namespace

const json::Type& type_of(json::Tag<Finding>) {
  static const json::Type type = json::Type::of<Finding>("Finding")
                                     .field("Status", &Finding::status)
                                     .field("Summary", &Finding::summary)
                                     .field("Warnings", &Finding::warnings)
                                     .field("AgentVersion", &Finding::agent_version);
  return type;
}

void forget_health(Machine& machine, std::string_view why) {
  machine.health_status = kUnknown;
  machine.status = machine.is_disabled ? "Disabled" : "Unknown";
  machine.status_summary = why;
  machine.health_checked = {};
  machine.unavailable_since = {};
  machine.health_log.clear();
}

void set_health(Machine& machine, const Finding& finding, Time now) {
  machine.health_status = finding.status;
  machine.status = status_of(machine, finding);
  machine.status_summary = finding.summary;
  for (const std::string& warning : finding.warnings) machine.status_summary += "; " + warning;
  machine.status_summary = text::shorten(machine.status_summary, kMaxSummaryBytes);
  if (!finding.agent_version.empty() && machine.endpoint.agent_details) {
    machine.endpoint.agent_details->agent_version = finding.agent_version;
  }
  machine.health_checked = now;
  if (finding.status != kUnavailable) {
    machine.unavailable_since = {};
  } else if (machine.unavailable_since.us == 0) {
    machine.unavailable_since = now;
  }
  machine.health_log.clear();
  machine.health_log.push_back(
      {finding.is_good() ? "Info" : "Error", text::shorten(finding.summary, kMaxSummaryBytes), now});
  for (const std::string& warning : finding.warnings) {
    if (machine.health_log.size() == kMaxLines) break;
    machine.health_log.push_back({"Warning", text::shorten(warning, kMaxSummaryBytes), now});
  }
}

}  // namespace fairlead::features::targets
