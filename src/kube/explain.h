// SPDX-License-Identifier: Apache-2.0
// Collects what a person needs to understand a failure: the newest events of the pod or object and, where a container
// ran, its last log lines. Asynchronous: two requests, one answer, also when the cluster gives neither.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "kube/client.h"

namespace fairlead::kube {

struct Evidence {
  std::vector<EventRecord> events;
  std::string log;
  std::int64_t server_time_us = 0;  // 0: unknown
};

struct EvidenceQuery {
  std::string namespace_name;
  std::string uid;  // whose events
  std::string pod;  // "" without log
  LogQuery log;
};
inline constexpr int kEvidenceEvents = 5;
inline constexpr std::int64_t kEvidenceTimeoutMs = 10'000;

// `done` is called once, from a thread of the client.
void collect_evidence(KubeClient& client, const EvidenceQuery& query, std::function<void(Evidence)> done);

}  // namespace fairlead::kube
