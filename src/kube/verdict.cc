// SPDX-License-Identifier: Apache-2.0
#include "kube/verdict.h"

#include <algorithm>

#include "base/clock.h"
#include "base/text.h"

namespace fairlead::kube {

namespace {

using text::format;

constexpr std::size_t kLinesShown = 20;
constexpr int kLogLines = 20;
constexpr std::size_t kLogBytes = 4096;

}  // namespace

Verdict timed_out_verdict(const Expectation& expectation, const Judgement& judgement, std::int64_t stale_since_us) {
  Verdict verdict;
  verdict.outcome = Outcome::timed_out;
  verdict.message = format("not ready within {}", duration_text(expectation.timeout_ms * kMillisecond));
  if (stale_since_us != 0) verdict.message += format(" (not observed since {})", iso8601(Time{stale_since_us}));
  std::size_t lines = 0;
  for (const ObjectState& state : judgement.objects) {
    if (!state.parent_uid.empty() || state.progress == Progress::successful) continue;
    if (++lines <= kLinesShown) verdict.message += "\n" + line_of(state);
  }
  if (lines > kLinesShown) verdict.message += format("\nand {} more", lines - kLinesShown);
  return verdict;
}

bool describe_failure(const Suspect& suspect, const Records& records, const std::vector<ObjectState>& states,
                      FailureCause& cause, EvidenceQuery& query) {
  const Record* root = records.by_uid(suspect.root_uid);
  const Record* guilty = suspect.pod_uid.empty() ? root : records.by_uid(suspect.pod_uid);
  if (root == nullptr || guilty == nullptr) return false;
  cause.object = root->key;
  cause.namespace_name = root->key.namespace_name;
  query.namespace_name = root->key.namespace_name;
  query.uid = guilty->uid;
  for (const ObjectState& state : states) {
    if (state.uid == root->uid) cause.message = state.message;
  }
  cause.reason = root->readiness.reason.empty() ? root->job_readiness.reason : root->readiness.reason;
  if (guilty != root && guilty->key.kind != "Pod") {
    cause.reason = guilty->readiness.reason;
    cause.message = format("{}: {}", guilty->key.text(), guilty->readiness.message);
  }
  if (guilty->key.kind != "Pod" || guilty->failure == nullptr) return false;
  const PodFailure& failure = *guilty->failure;
  cause.pod = guilty->key.name;
  cause.container = failure.container;
  cause.reason = failure.reason;
  cause.message = guilty == root ? sentence_of(failure) : format("pod {}: {}", guilty->key.name, sentence_of(failure));
  cause.exit_code = failure.exit_code;
  cause.restarts = failure.restarts;
  if (failure.container_ran) {
    query.pod = guilty->key.name;
    query.log.container = failure.container;
    query.log.previous = failure.previous_logs;
    query.log.tail_lines = kLogLines;
    query.log.limit_bytes = kLogBytes;
  }
  return failure.trouble == PodTrouble::unschedulable;
}

std::int64_t scale_up_hold_us(const FailFast& limits, const Evidence& evidence, std::int64_t now_us) {
  const std::int64_t now = evidence.server_time_us != 0 ? evidence.server_time_us : now_us;
  std::int64_t hold = 0;
  for (const EventRecord& event : evidence.events) {
    if (event.reason != "TriggeredScaleUp") continue;
    const auto time = parse_iso8601(event.time);
    if (time) hold = std::max(hold, time->us + limits.scale_up_ms * kMillisecond - now);
  }
  return hold;
}

}  // namespace fairlead::kube
