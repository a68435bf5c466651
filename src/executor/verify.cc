// SPDX-License-Identifier: Apache-2.0
#include "executor/verify.h"

#include "base/text.h"
#include "kube/object.h"

namespace fairlead::executor {
namespace {

constexpr std::size_t kMaxExpectedObjects = 20'000;

std::string_view name_of(kube::Progress progress) {
  switch (progress) {
    case kube::Progress::successful: return "Successful";
    case kube::Progress::failed: return "Failed";
    case kube::Progress::in_progress: break;
  }
  return "InProgress";
}

kube::ObjectKey key_of(const link::ObjectRef& ref) {
  const kube::GroupVersion group = kube::parse_api_version(ref.api_version);
  return {.group = group.group,
          .version = group.version,
          .kind = ref.kind,
          .namespace_name = ref.namespace_name,
          .name = ref.name};
}

kube::Expectation expectation_of(const std::string& id, const link::Verify& verify) {
  kube::Expectation out;
  out.id = id;
  out.timeout_ms = verify.timeout_ms;
  out.wait_for_jobs = verify.wait_for_jobs;
  out.fail_fast.enabled = verify.fail_fast;
  const link::Thresholds& wanted = verify.thresholds;
  if (wanted.image_pull_ms) out.fail_fast.image_pull_ms = *wanted.image_pull_ms;
  if (wanted.unschedulable_ms) out.fail_fast.unschedulable_ms = *wanted.unschedulable_ms;
  if (wanted.scale_up_ms) out.fail_fast.scale_up_ms = *wanted.scale_up_ms;
  if (wanted.crash_restarts) out.fail_fast.crash_restarts = *wanted.crash_restarts;
  for (const link::ObjectRef& object : verify.objects) {
    out.objects.push_back({key_of(object), object.uid, object.generation, object.resource_version});
  }
  return out;
}

}  // namespace

link::ObjectRef ref_of(const kube::ObjectKey& key) {
  link::ObjectRef ref;
  ref.api_version = key.api_version();
  ref.kind = key.kind;
  ref.namespace_name = key.namespace_name;
  ref.name = key.name;
  return ref;
}

Verification::Verification(link::Verify verify, CommandContext context, SendStatus send, Finish finish)
    : verify_(std::move(verify)), context_(std::move(context)), send_(std::move(send)), finish_(std::move(finish)) {
  for (const link::Confidential& value : verify_.mask) mask_.add(context_.open(value));
}

void Verification::start() {
  if (verify_.objects.size() > kMaxExpectedObjects) {
    throw invalid(text::format("{} objects to verify are more than {}", verify_.objects.size(), kMaxExpectedObjects));
  }
  cluster_ = context_.clusters.of(verify_.cluster, context_.open);
  kube::ExpectationListener listener;
  listener.on_progress = [self = shared_from_this()](const std::string&,
                                                     const std::vector<kube::ObjectState>& changed) {
    self->progress(changed);
  };
  listener.on_verdict = [self = shared_from_this()](const std::string&, const kube::Verdict& verdict) {
    self->verdict(verdict);
  };
  cluster_->mirror().register_expectation(expectation_of(context_.key, verify_), std::move(listener));
}

void Verification::cancel(const std::string& reason) {
  cluster_->mirror().remove_expectation(context_.key);
  end(CommandEnd::failure(Error(Fault::cancelled, reason)));
}

link::ObjectStatus Verification::status_of(const kube::ObjectState& state) const {
  link::ObjectStatus out;
  out.object = ref_of(state.key);
  out.object.uid = state.uid;
  out.parent_uid = state.parent_uid;
  out.status = kube::name_of(state.health);
  out.progress = name_of(state.progress);
  out.message = mask_.apply(state.message);
  out.desired = state.desired;
  out.ready = state.ready;
  out.updated = state.updated;
  return out;
}

void Verification::progress(const std::vector<kube::ObjectState>& changed) {
  if (!send_) return;
  std::vector<std::pair<std::string, link::StatusUpdate>> updates;
  {
    const std::lock_guard lock(mutex_);
    if (ended_) return;
    for (const kube::ObjectState& state : changed) {
      const std::string slot = state.uid.empty() ? state.key.text() : state.uid;
      link::ObjectStatus status = status_of(state);
      states_[slot] = status;
      link::StatusUpdate update{.key = context_.key, .sequence = ++sequence_};
      update.objects.push_back(std::move(status));
      updates.emplace_back(context_.key + "/" + slot, std::move(update));
    }
  }
  for (const auto& [slot, update] : updates) send_(slot, update);
}

void Verification::send_snapshot() {
  link::StatusUpdate update{.key = context_.key, .snapshot = true};
  {
    const std::lock_guard lock(mutex_);
    if (ended_ || states_.empty()) return;
    update.sequence = ++sequence_;
    for (const auto& [slot, status] : states_) update.objects.push_back(status);
  }
  send_(context_.key, update);
}

void Verification::verdict(const kube::Verdict& verdict) {
  link::VerifyResult result;
  switch (verdict.outcome) {
    case kube::Outcome::succeeded: result.verdict = link::Verdict::healthy; break;
    case kube::Outcome::failed: result.verdict = link::Verdict::failed; break;
    case kube::Outcome::timed_out: result.verdict = link::Verdict::timed_out; break;
  }
  result.summary = mask_.apply(verdict.message);
  for (const kube::ObjectState& state : verdict.objects) result.objects.push_back(status_of(state));
  if (verdict.cause) {
    const kube::FailureCause& from = *verdict.cause;
    link::Cause cause;
    cause.object = ref_of(from.object);
    if (!from.pod.empty()) cause.pod = from.namespace_name.empty() ? from.pod : from.namespace_name + "/" + from.pod;
    cause.container = from.container;
    cause.reason = from.reason;
    cause.message = mask_.apply(from.message);
    if (from.exit_code) cause.exit_code = static_cast<int>(*from.exit_code);
    cause.restarts = static_cast<int>(from.restarts);
    for (const kube::EventRecord& event : from.events) {
      cause.events.push_back(
          mask_.apply(text::format("{} {} (x{}): {}", event.type, event.reason, event.count, event.message)));
    }
    if (!from.log.empty()) cause.log_lines = text::split(mask_.apply(from.log), '\n');
    result.cause = std::move(cause);
  }
  log_verdict(result, verdict);
  end(CommandEnd::success(json::encode(result)));
}

void Verification::log_verdict(const link::VerifyResult& result, const kube::Verdict& verdict) {
  for (const std::string& note : verdict.notes) context_.log->info(mask_.apply(note));
  // Any other verdict is an error, which the run that asked for it writes to the log.
  if (result.verdict != link::Verdict::healthy) return;
  const std::size_t line_end = result.summary.find('\n');
  context_.log->info(result.summary.substr(0, line_end),
                     line_end == std::string::npos ? "" : result.summary.substr(line_end + 1));
}

void Verification::end(CommandEnd end) {
  {
    const std::lock_guard lock(mutex_);
    if (ended_) return;
    ended_ = true;
  }
  finish_(std::move(end));
}

}  // namespace fairlead::executor
