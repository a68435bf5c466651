// SPDX-License-Identifier: Apache-2.0
#include "kube/judge.h"

#include <algorithm>

#include "base/clock.h"
#include "base/text.h"

namespace fairlead::kube {

namespace {

constexpr std::size_t kPodsShown = 50;
constexpr std::size_t kNotes = 100;

bool all_digits(std::string_view text) {
  return !text.empty() && std::ranges::all_of(text, [](char c) { return c >= '0' && c <= '9'; });
}

// resourceVersions are decimal and grow in every Kubernetes so far (guaranteed from 1.35, KEP-5504); others compare by
// equality only.
bool not_older(const std::string& seen, const std::string& wanted) {
  if (wanted.empty() || seen == wanted) return true;
  if (!all_digits(seen) || !all_digits(wanted)) return false;
  return seen.size() != wanted.size() ? seen.size() > wanted.size() : seen > wanted;
}

// Descendants of the newest revision: the newest ReplicaSet and its pods, or the pods of the newest template.
void collect_newest(const Record& root, const Records& records, std::vector<const Record*>& out) {
  // Until the controller has seen the new generation, what it names the newest is the old.
  if (!root.observed && root.key.kind != "Job") return;
  for (const std::string& uid : records.children(root.uid)) {
    const Record* child = records.by_uid(uid);
    if (child == nullptr) continue;
    if (root.key.kind == "Deployment") {
      // An empty revision means that the controller has not numbered it yet.
      if (child->key.kind != "ReplicaSet" || child->revision.empty() || child->revision != root.revision) continue;
      out.push_back(child);
      collect_newest(*child, records, out);
      continue;
    }
    if (child->key.kind != "Pod") continue;
    const bool by_revision = root.key.kind == "StatefulSet" || root.key.kind == "DaemonSet";
    if (by_revision && child->revision != root.revision) continue;
    out.push_back(child);
  }
}

ObjectState state_of(const Record& record, const Readiness& ready) {
  ObjectState state;
  state.key = record.key;
  state.uid = record.uid;
  state.found = true;
  state.progress = ready.progress;
  state.health = record.health;
  state.message = ready.message;
  state.desired = record.desired;
  state.ready = record.ready;
  state.updated = record.updated;
  return state;
}

ObjectState pod_state(const Record& record) {
  ObjectState state = state_of(record, record.readiness);
  if (record.failure != nullptr) state.message = sentence_of(*record.failure);
  return state;
}

bool is_part_of(const Expectation& expectation, const PodFailure& failure, const std::string& namespace_name) {
  return std::ranges::any_of(expectation.objects, [&](const ExpectedObject& object) {
    return object.key.kind == failure.missing_kind && object.key.name == failure.missing_name &&
           object.key.namespace_name == namespace_name;
  });
}

class Judge {
 public:
  Judge(const Expectation& expectation, const Records& records, const std::map<std::string, std::int64_t>& held,
        std::int64_t now_us)
      : expectation_(expectation), records_(records), held_(held), now_us_(now_us) {}

  Judgement run() {
    bool all_done = true;
    for (const ExpectedObject& expected : expectation_.objects) {
      if (!root(expected)) all_done = false;
    }
    for (ObjectState& state : descendants_) result_.objects.push_back(std::move(state));
    if (result_.suspect) {
      result_.state = Judgement::State::failed;
    } else if (all_done) {
      result_.state = Judgement::State::succeeded;
    }
    return std::move(result_);
  }

 private:
  // True when the object is successful.
  bool root(const ExpectedObject& expected) {
    const Record* record = records_.by_uid(expected.uid);
    if (record == nullptr) return missing(expected);
    if (!is_past(*record, expected)) {
      ObjectState state = state_of(*record, {Progress::in_progress, "", "not seen since it was applied", ""});
      result_.objects.push_back(std::move(state));
      return false;
    }
    const Readiness& ready =
        record->key.kind == "Job" && expectation_.wait_for_jobs ? record->job_readiness : record->readiness;
    result_.objects.push_back(state_of(*record, ready));
    if (!ready.note.empty() && result_.notes.size() < kNotes)
      result_.notes.push_back(record->key.text() + " " + ready.note);
    std::vector<const Record*> below;
    collect_newest(*record, records_, below);
    show(*record, below);
    if (ready.progress == Progress::failed) suspect({record->uid, blamed_pod(*record)});
    if (ready.progress != Progress::in_progress) return ready.progress == Progress::successful;
    if (!expectation_.fail_fast.enabled) return false;
    if (record->key.kind == "Pod") pod(*record, *record);
    for (const Record* child : below) {
      if (child->key.kind == "Pod") pod(*record, *child);
      if (child->key.kind == "ReplicaSet" && child->readiness.progress == Progress::failed)
        suspect({record->uid, child->uid});
    }
    return false;
  }

  bool missing(const ExpectedObject& expected) {
    ObjectState state;
    state.key = expected.key;
    state.uid = expected.uid;
    const Record* other = records_.by_key(expected.key);
    state.message = other == nullptr ? "not found: not seen yet, deleted, or its label was removed"
                                     : "was replaced by another object of that name";
    result_.objects.push_back(std::move(state));
    return false;
  }

  void show(const Record& root, const std::vector<const Record*>& below) {
    std::size_t shown = 0;
    for (const Record* child : below) {
      if (++shown > kPodsShown) break;
      ObjectState state = child->key.kind == "Pod" ? pod_state(*child) : state_of(*child, child->readiness);
      state.parent_uid = child->owner_uid.empty() ? root.uid : child->owner_uid;
      descendants_.push_back(std::move(state));
    }
  }

  std::string blamed_pod(const Record& root) const {
    const Record* pod = most_telling_pod(root, records_);
    return pod == nullptr ? std::string() : pod->uid;
  }

  void pod(const Record& root, const Record& pod) {
    if (pod.failure == nullptr) return;
    const PodFailure& failure = *pod.failure;
    const FailFast& limits = expectation_.fail_fast;
    if (failure.trouble == PodTrouble::crash_loop && failure.restarts < limits.crash_restarts) return;
    auto grace = grace_ms(failure.trouble, limits);
    if (!grace) return;
    const bool lost_reference =
        !failure.missing_name.empty() && !is_part_of(expectation_, failure, pod.key.namespace_name);
    if (failure.trouble == PodTrouble::config && lost_reference) grace = 0;
    std::int64_t due = pod.trouble_since_us + *grace * kMillisecond;
    if (const auto hold = held_.find(pod.uid); hold != held_.end()) due = std::max(due, hold->second);
    if (due <= now_us_) return suspect({root.uid, pod.uid});
    if (result_.look_again_us == 0 || due < result_.look_again_us) result_.look_again_us = due;
  }

  void suspect(Suspect who) {
    if (!result_.suspect) result_.suspect = std::move(who);
  }

  const Expectation& expectation_;
  const Records& records_;
  const std::map<std::string, std::int64_t>& held_;
  const std::int64_t now_us_;
  Judgement result_;
  std::vector<ObjectState> descendants_;
};

}  // namespace

bool is_past(const Record& record, const ExpectedObject& expected) {
  return record.uid == expected.uid && record.generation >= expected.generation &&
         not_older(record.resource_version, expected.resource_version);
}

const Record* most_telling_pod(const Record& root, const Records& records) {
  std::vector<const Record*> below;
  if (root.key.kind == "Pod") below.push_back(&root);
  collect_newest(root, records, below);
  const Record* best = nullptr;
  for (const Record* pod : below) {
    if (pod->key.kind != "Pod" || pod->failure == nullptr) continue;
    if (best == nullptr || pod->failure->trouble < best->failure->trouble) best = pod;
  }
  return best;
}

Judgement judge(const Expectation& expectation, const Records& records, const std::map<std::string, std::int64_t>& held,
                std::int64_t now_us) {
  return Judge(expectation, records, held, now_us).run();
}

std::string line_of(const ObjectState& state) {
  return state.message.empty() ? state.key.text() : state.key.text() + ": " + state.message;
}

}  // namespace fairlead::kube
