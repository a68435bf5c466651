// SPDX-License-Identifier: Apache-2.0
#include "kube/explain.h"

#include <mutex>

#include "base/text.h"

namespace fairlead::kube {

namespace {

struct Collection {
  std::mutex mutex;
  Evidence evidence;
  int open = 1;
  std::function<void(Evidence)> done;

  template <class Take>
  void add(Take take) {
    std::unique_lock lock(mutex);
    take(evidence);
    if (--open > 0) return;
    Evidence complete = std::move(evidence);
    lock.unlock();
    done(std::move(complete));
  }
};

}  // namespace

void collect_evidence(KubeClient& client, const EvidenceQuery& query, std::function<void(Evidence)> done) {
  const auto collection = std::make_shared<Collection>();
  collection->done = std::move(done);
  if (!query.pod.empty()) collection->open = 2;
  KubeRequest events = events_request(query.namespace_name, query.uid);
  events.timeout_ms = kEvidenceTimeoutMs;
  client.start(
      std::move(events),
      [collection](KubeOutcome outcome) {
        collection->add([&](Evidence& evidence) {
          if (outcome.error || outcome.response.status != 200) return;
          evidence.server_time_us = outcome.response.server_time_us;
          try {
            evidence.events = read_events(outcome.response.body, kEvidenceEvents);
          } catch (const Error&) {
            evidence.events.clear();  // the verdict stands without them
          }
        });
      },
      CancelToken());
  if (query.pod.empty()) return;
  KubeRequest log = pod_log_request(query.namespace_name, query.pod, query.log);
  log.timeout_ms = kEvidenceTimeoutMs;
  client.start(
      std::move(log),
      [collection](KubeOutcome outcome) {
        collection->add([&](Evidence& evidence) {
          if (!outcome.error && outcome.response.status == 200) evidence.log = std::move(outcome.response.body);
        });
      },
      CancelToken());
}

}  // namespace fairlead::kube
