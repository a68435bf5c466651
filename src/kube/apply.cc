// SPDX-License-Identifier: Apache-2.0
// One thread drives up to `in_flight` asynchronous requests. Each object: known or surveyed metadata says "still in
// force"
// -> unchanged, no write; else apply without force, so that every conflicting field can be named; where only former
// managers of ours or, with `force`, others conflict -> apply with force. Former managers found in the answer are
// absorbed.
#include "kube/apply.h"

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <deque>
#include <map>
#include <mutex>

#include "base/text.h"
#include "kube/absorb.h"
#include "kube/constants.h"
#include "kube/fields.h"
#include "kube/order.h"

namespace fairlead::kube {

namespace {

using text::format;

// From this many objects of one kind in one namespace on, one list is cheaper than single reads.
constexpr std::size_t kListInstead = 4;
// How long the API servers of a cluster may take to learn of a new kind.
constexpr std::int64_t kNewKindUs = 30 * kSecond;
constexpr std::int64_t kNewKindPauseMs = 300;
// An object half-way through a deployment is worth more patience than a question that begins one.
constexpr int kApplyAttempts = 10;
constexpr std::int64_t kDefinitionPauseUs = 100 * kMillisecond;
constexpr std::int64_t kIdleWaitUs = kSecond;

struct Work {
  const Prepared* prepared = nullptr;
  Object body;
  std::string hash;
  std::optional<LiveMetadata> live;  // a live object without uid: known to be absent
  ObjectResult result;
  std::optional<Error> error;
  bool finished = false;
  bool force = false;
  int attempts = 0;
  std::int64_t not_before_us = 0;
  std::int64_t first_try_us = 0;
};

// What completions of the client's threads are handed over in.
struct Mailbox {
  std::mutex mutex;
  std::condition_variable changed;
  std::deque<std::pair<std::size_t, KubeOutcome>> answers;
};

class Applier {
 public:
  Applier(KubeClient& client, Discovery& discovery, const Clock& clock, const ApplyOptions& options)
      : client_(client),
        discovery_(discovery),
        clock_(clock),
        options_(options),
        mailbox_(std::make_shared<Mailbox>()) {}

  ApplyReport run(const std::vector<Prepared>& objects) {
    prepare(objects);
    std::vector<ObjectKey> keys;
    for (const Work& work : works_) keys.push_back(work.result.key);
    ApplyReport report;
    try {
      survey();
      for (const auto& stage : order(keys)) {
        options_.cancel.check();
        run_stage(stage);
        if (failed_) break;
        if (stage_of(keys[stage.front()]) == Stage::definitions && !options_.dry_run) await_definitions(stage);
      }
    } catch (const Error& error) {
      report.error = error;
    }
    finish(report);
    return report;
  }

 private:
  void prepare(const std::vector<Prepared>& objects) {
    works_.resize(objects.size());
    for (std::size_t i = 0; i < objects.size(); ++i) {
      Work& work = works_[i];
      work.prepared = &objects[i];
      work.body = objects[i].object;
      work.result.key = work.body.key();
      work.result.place = objects[i].place;
      for (const auto& [name, value] : options_.labels) work.body.set_label(name, value);
      work.hash = applied_hash(work.body, options_.hash_key);
      if (!work.hash.empty()) work.body.set_annotation(kAppliedHashAnnotation, work.hash);
    }
  }

  // --- what is there already ----------------------------------------------------------------------------------------

  void survey() {
    std::map<std::string, std::vector<std::size_t>> groups;
    for (std::size_t i = 0; i < works_.size(); ++i) {
      Work& work = works_[i];
      if (options_.known) work.live = options_.known(work.result.key);
      if (work.live || options_.dry_run || work.hash.empty()) continue;
      groups[work.prepared->resource.text() + " " + work.result.key.namespace_name].push_back(i);
    }
    std::vector<std::size_t> singles;
    for (const auto& [name, members] : groups) {
      if (members.size() < kListInstead || options_.labels.empty()) {
        singles.insert(singles.end(), members.begin(), members.end());
      } else {
        survey_list(members);
      }
    }
    reading_ = true;
    drive(singles);
    reading_ = false;
    for (Work& work : works_) work.attempts = 0;
  }

  void survey_list(const std::vector<std::size_t>& members) {
    const Work& first = works_[members.front()];
    std::map<std::string, std::size_t> by_name;
    for (const std::size_t i : members) by_name.emplace(works_[i].result.key.name, i);
    ListQuery query;
    query.namespace_name = first.result.key.namespace_name;
    query.metadata_only = true;
    std::vector<std::string> selectors;
    for (const auto& [name, value] : options_.labels) selectors.push_back(format("{}={}", name, value));
    query.label_selector = text::join(selectors, ",");
    try {
      list(client_, first.prepared->resource, query, options_.cancel, [&](Object&& object) {
        const auto found = by_name.find(std::string(object.name()));
        if (found != by_name.end()) works_[found->second].live = live_metadata(object, options_.field_manager);
      });
    } catch (const Error& error) {
      // Not being allowed to list is no reason to fail: the apply itself will tell. Nor is a missing namespace.
      if (error.fault() != Fault::forbidden && error.fault() != Fault::not_found) throw;
    }
  }

  void take_survey(Work& work, const KubeOutcome& outcome) {
    work.finished = false;
    if (outcome.error || outcome.response.status != 200) return;
    boost::system::error_code error;
    json::Value value = boost::json::parse(outcome.response.body, error);
    if (error || !value.is_object()) return;
    LiveMetadata live = live_metadata(Object(std::move(value)), options_.field_manager);
    live.key = work.result.key;
    work.live = std::move(live);
  }

  // --- one stage ----------------------------------------------------------------------------------------------------

  void run_stage(const std::vector<std::size_t>& stage) {
    std::vector<std::size_t> to_apply;
    for (const std::size_t i : stage) {
      Work& work = works_[i];
      if (!options_.dry_run && work.live && still_applied(work.body, work.hash, *work.live)) {
        work.result.applied = Applied::unchanged;
        work.result.uid = work.live->uid;
        work.result.generation = work.live->generation;
        work.result.resource_version = work.live->resource_version;
        finish_object(work);
      } else {
        to_apply.push_back(i);
      }
    }
    drive(to_apply);
    options_.cancel.check();
  }

  // Sends a request for every index, `in_flight` at a time, until each has finished.
  void drive(const std::vector<std::size_t>& indexes) {
    std::deque<std::size_t> waiting(indexes.begin(), indexes.end());
    std::size_t open = 0;
    const auto ticket = options_.cancel.on_cancel([mailbox = mailbox_] { mailbox->changed.notify_all(); });
    while (open > 0 || !waiting.empty()) {
      if ((options_.cancel.cancelled() || hopeless_) && open == 0) break;
      open += send_ready(waiting, open);
      std::deque<std::pair<std::size_t, KubeOutcome>> answers = collect(waiting, open);
      for (auto& [index, outcome] : answers) {
        --open;
        settle(index, std::move(outcome));
        if (!works_[index].finished && !reading_) waiting.push_back(index);
      }
    }
    options_.cancel.forget(ticket);
  }

  std::size_t send_ready(std::deque<std::size_t>& waiting, std::size_t open) {
    std::size_t sent = 0;
    const std::int64_t now = clock_.steady_us();
    for (std::size_t looked = waiting.size(); looked > 0 && open + sent < limit(); --looked) {
      if (options_.cancel.cancelled() || hopeless_) break;
      const std::size_t index = waiting.front();
      waiting.pop_front();
      if (works_[index].not_before_us > now) {
        waiting.push_back(index);
        continue;
      }
      send(index);
      ++sent;
    }
    return sent;
  }

  std::size_t limit() const { return static_cast<std::size_t>(std::max(options_.in_flight, 1)); }

  std::deque<std::pair<std::size_t, KubeOutcome>> collect(const std::deque<std::size_t>& waiting, std::size_t open) {
    std::int64_t wait_us = kIdleWaitUs;
    if (open < limit()) {
      for (const std::size_t index : waiting) {
        wait_us = std::min(wait_us, std::max<std::int64_t>(works_[index].not_before_us - clock_.steady_us(), 0));
      }
    }
    std::unique_lock lock(mailbox_->mutex);
    mailbox_->changed.wait_for(lock, std::chrono::microseconds(wait_us), [&] { return !mailbox_->answers.empty(); });
    return std::exchange(mailbox_->answers, {});
  }

  void send(std::size_t index) {
    Work& work = works_[index];
    if (work.attempts++ == 0) work.first_try_us = clock_.steady_us();
    KubeRequest request;
    if (reading_) {
      request.path = work.prepared->resource.path(work.result.key.namespace_name, work.result.key.name);
      request.accept = "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1,application/json";
    } else {
      ApplyRequest how;
      how.field_manager = options_.field_manager;
      how.force = work.force;
      how.dry_run = options_.dry_run;
      request = apply_request(work.prepared->resource, work.body, how);
      work.result.written = !options_.dry_run;
    }
    // Not the caller's token: a request under way is allowed to end, so that its outcome is known.
    client_.start(
        std::move(request),
        [mailbox = mailbox_, index](KubeOutcome outcome) {
          const std::lock_guard lock(mailbox->mutex);
          mailbox->answers.emplace_back(index, std::move(outcome));
          mailbox->changed.notify_one();
        },
        CancelToken());
  }

  // --- answers ------------------------------------------------------------------------------------------------------

  void settle(std::size_t index, KubeOutcome outcome) {
    Work& work = works_[index];
    if (reading_) return take_survey(work, outcome);
    if (!outcome.error && outcome.response.status / 100 == 2) return accept(work, outcome.response);
    if (may_try_again(work, outcome)) return;
    if (outcome.error) return fail(work, *outcome.error);
    if (outcome.response.status == 409 && !work.force && take_over(work, outcome.response)) return;
    fail(work, error_of(outcome.response, "apply", work.result.key.text()));
  }

  bool may_try_again(Work& work, const KubeOutcome& outcome) {
    const std::int64_t now = clock_.steady_us();
    const bool new_kind = !outcome.error && outcome.response.status == 404 && work.prepared->of_new_kind &&
                          now - work.first_try_us < kNewKindUs;
    if (new_kind) {
      work.not_before_us = now + kNewKindPauseMs * kMillisecond;
      return true;
    }
    if (work.attempts >= kApplyAttempts || !worth_retrying(outcome)) return false;
    work.not_before_us = now + pause_before_retry_ms(outcome, work.attempts) * kMillisecond;
    return true;
  }

  // A conflict that is ours to decide: true when the object is to be applied again with force.
  bool take_over(Work& work, const KubeResponse& response) {
    const Error conflict = error_of(response, "apply", work.result.key.text());
    Error foreign(Fault::conflict, conflict.message());
    std::vector<TakenField> taken;
    constexpr std::string_view kManagedBy = "managed by ";
    if (conflict.details().empty()) return false;
    for (const ErrorDetail& detail : conflict.details()) {
      const std::string manager = detail.text.substr(std::min(kManagedBy.size(), detail.text.size()));
      if (is_former_manager(manager, options_.field_manager)) continue;
      taken.push_back({detail.where, manager});
      foreign.at(detail.where, detail.text);
    }
    if (!taken.empty() && !options_.force) {
      fail(work, std::move(foreign).with_help(conflict.help()));
      return true;
    }
    work.result.taken_over = std::move(taken);
    work.force = true;
    work.attempts = 0;
    return true;
  }

  void accept(Work& work, KubeResponse& response) {
    try {
      json::ParseLimits limits;
      limits.max_bytes = 64u << 20;
      limits.max_depth = 200;
      Object object(json::parse(response.body, "the answer", limits));
      if (!options_.dry_run && absorb_patch(object, options_.field_manager)) {
        object = absorb_former_managers(client_, work.prepared->resource, work.body, std::move(object),
                                        options_.field_manager, options_.cancel);
      }
      const bool same =
          work.live && work.live->uid == object.uid() && work.live->resource_version == object.resource_version();
      work.result.applied = response.status == 201 ? Applied::created : same ? Applied::unchanged : Applied::configured;
      work.result.uid = object.uid();
      work.result.generation = object.generation().value_or(0);
      work.result.resource_version = object.resource_version();
      work.result.warnings = std::move(response.warnings);
      finish_object(work);
    } catch (const Error& error) {
      fail(work, error);
    }
  }

  void finish_object(Work& work) {
    work.finished = true;
    if (options_.on_object) options_.on_object(work.result);
  }

  void fail(Work& work, const Error& error) {
    work.error = error;
    work.finished = true;
    failed_ = true;
    const Fault fault = error.fault();
    // Asking a cluster that does not answer, or does not know us, for every further object only costs time.
    if (fault == Fault::unavailable || fault == Fault::timeout || fault == Fault::unauthenticated) hopeless_ = true;
  }

  // --- definitions --------------------------------------------------------------------------------------------------

  void await_definitions(const std::vector<std::size_t>& stage) {
    const std::int64_t deadline = clock_.steady_us() + options_.definition_timeout_ms * kMillisecond;
    for (const std::size_t index : stage) {
      Work& work = works_[index];
      std::string problem = "no answer";
      while (!is_established(work, problem)) {
        if (clock_.steady_us() >= deadline) {
          throw Error(Fault::timeout, format("{} was not established within {}: {}", work.result.key.text(),
                                             duration_text(options_.definition_timeout_ms * kMillisecond), problem));
        }
        options_.cancel.wait_for_us(kDefinitionPauseUs);
        options_.cancel.check();
      }
    }
    const bool any_written =
        std::ranges::any_of(stage, [&](std::size_t i) { return works_[i].result.applied != Applied::unchanged; });
    if (any_written) discovery_.refresh(options_.cancel);
  }

  bool is_established(Work& work, std::string& problem) {
    if (work.result.applied == Applied::unchanged) return true;
    const auto live = get(client_, work.prepared->resource, "", work.result.key.name, options_.cancel);
    if (!live) throw not_found(format("{} was deleted while it was waited for", work.result.key.text()));
    const auto names = find_condition(live->value(), "NamesAccepted");
    if (names && names->is_false()) {
      throw invalid(format("{} cannot be established: {}", work.result.key.text(), names->message));
    }
    const auto established = find_condition(live->value(), "Established");
    problem = established ? std::string(established->message) : "not processed yet";
    if (!established || !established->is_true()) return false;
    return is_served(*live, problem);
  }

  bool is_served(const Object& definition, std::string& problem) {
    for (const json::Value& version : array_at(definition.value(), {"spec", "versions"})) {
      if (!bool_at(version, {"served"})) continue;
      KubeRequest request;
      request.path = format("/apis/{}/{}", text_at(definition.value(), {"spec", "group"}), text_at(version, {"name"}));
      const KubeResponse response = perform(client_, request, options_.cancel);
      const std::string plural = format("\"{}\"", text_at(definition.value(), {"spec", "names", "plural"}));
      if (response.status == 200 && response.body.find(plural) != std::string::npos) continue;
      problem = "the API server does not serve it yet";
      return false;
    }
    return true;
  }

  // --- report -------------------------------------------------------------------------------------------------------

  void finish(ApplyReport& report) {
    std::size_t applied = 0;
    for (Work& work : works_) {
      if (work.finished && !work.error) {
        ++applied;
        report.objects.push_back(std::move(work.result));
      } else if (work.error) {
        report.failures.emplace_back(work.prepared->place, *work.error);
      }
    }
    if (report.error || report.failures.empty()) return;
    Error error = report.failures.front().second;
    error.at(report.failures.front().first, format("{} of {} have been applied before this", applied,
                                                   text::counted(static_cast<std::int64_t>(works_.size()), "object")));
    for (std::size_t i = 1; i < report.failures.size() && i < 50; ++i) {
      error.at(report.failures[i].first, report.failures[i].second.message());
    }
    report.error = std::move(error);
  }

  KubeClient& client_;
  Discovery& discovery_;
  const Clock& clock_;
  const ApplyOptions& options_;
  const std::shared_ptr<Mailbox> mailbox_;
  std::vector<Work> works_;
  bool reading_ = false;
  bool failed_ = false;
  bool hopeless_ = false;
};

}  // namespace

std::string_view name_of(Applied applied) {
  switch (applied) {
    case Applied::created: return "created";
    case Applied::configured: return "configured";
    case Applied::unchanged: return "unchanged";
  }
  return "unchanged";
}

ApplyReport apply_all(KubeClient& client, Discovery& discovery, const Clock& clock,
                      const std::vector<Prepared>& objects, const ApplyOptions& options) {
  return Applier(client, discovery, clock, options).run(objects);
}

}  // namespace fairlead::kube
