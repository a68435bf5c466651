// SPDX-License-Identifier: Apache-2.0
// Flow: feeds -> records -> the expectations that the changed object (or one of its owners) belongs to are marked ->
// once the loop has taken what had arrived, each marked expectation is judged -> progress, a timer for what becomes
// due, or a verdict. A failure is first explained (events, log), then reported.
#include "kube/mirror.h"

#include <algorithm>
#include <map>
#include <mutex>
#include <set>
#include <unordered_map>
#include <unordered_set>

#include "base/log.h"
#include "base/text.h"
#include "kube/explain.h"
#include "kube/feeds.h"
#include "kube/judge.h"
#include "kube/loop.h"
#include "kube/records.h"
#include "kube/verdict.h"

namespace fairlead::kube {

namespace {

using text::format;

constexpr int kOwnerDepth = 6;
constexpr std::uint32_t kNoEpoch = 0xffff'ffff;  // of no list

bool same(const ObjectState& a, const ObjectState& b) {
  return a.found == b.found && a.progress == b.progress && a.health == b.health && a.message == b.message &&
         a.uid == b.uid && a.desired == b.desired && a.ready == b.ready && a.updated == b.updated &&
         a.parent_uid == b.parent_uid;
}

struct Pending {
  Expectation expectation;
  ExpectationListener listener;
  std::int64_t deadline_us = 0;   // steady; 0: none
  std::int64_t extension_us = 0;  // by which outages have moved it so far
  std::int64_t registered_us = 0;
  Loop::TimerId timer = 0;
  bool explaining = false;
  std::int64_t last_progress_us = 0;
  std::map<std::string, ObjectState> shown;  // by uid, or text of the key
  std::map<std::string, std::int64_t> held;  // pod uid -> steady time
};

}  // namespace

class Mirror::Impl : public std::enable_shared_from_this<Mirror::Impl> {
 public:
  Impl(KubeClient& client, const Clock& clock, MirrorOptions options)
      : client_(client),
        clock_(clock),
        options_(std::move(options)),
        records_(options_.field_manager_prefix),
        loop_(clock) {
    loop_.start();
    loop_.post([this] { open_feeds(); });
  }

  void shut_down() {
    // Feeds end on their own thread; what the client still answers finds nobody.
    loop_.post([this] {
      feeds_.reset();
      pending_.clear();
    });
    loop_.drain();
    loop_.stop();
  }

  void add(std::shared_ptr<Pending> pending, std::vector<Resource> resources) {
    loop_.post([this, pending = std::move(pending), resources = std::move(resources)] {
      const std::string id = pending->expectation.id;
      forget(id);
      pending->registered_us = clock_.steady_us();
      if (pending->expectation.timeout_ms > 0)
        pending->deadline_us = pending->registered_us + pending->expectation.timeout_ms * kMillisecond;
      for (std::size_t i = 0; i < resources.size(); ++i) need(resources[i], pending->expectation.objects[i].key);
      for (const ExpectedObject& object : pending->expectation.objects) {
        interested_[object.uid].insert(id);
        interested_in_key_[object.key].insert(id);
      }
      {
        const std::lock_guard lock(mutex_);
        pending_[id] = pending;
      }
      mark(id);
    });
  }

  void remove(const std::string& id) {
    loop_.post([this, id] { forget(id); });
    loop_.drain();
  }

  void watch(std::vector<Resource> resources) {
    loop_.post([this, resources = std::move(resources)] {
      for (const Resource& resource : resources) {
        const std::lock_guard lock(mutex_);
        feeds_->need(resource, "");
      }
    });
  }

  std::optional<LiveMetadata> known(const ObjectKey& key, std::string_view field_manager) const {
    const std::lock_guard lock(mutex_);
    if (feeds_ == nullptr || !feeds_->is_sure(key.group, key.kind, key.namespace_name)) return std::nullopt;
    LiveMetadata live;
    live.key = key;
    const Record* record = records_.by_key(key);
    if (record == nullptr) return live;  // absent, or not ours yet: to be applied in either case
    live.uid = record->uid;
    live.resource_version = record->resource_version;
    live.generation = record->generation;
    live.being_deleted = record->being_deleted;
    live.former_managers = record->former_managers;
    live.applied_hash = record->applied_hash;
    if (record->manager == field_manager && record->entry_fields != nullptr) {
      live.entry_api_version = record->entry_api_version;
      live.entry_fields = *record->entry_fields;
    }
    return live;
  }

  MirrorStatus status() const {
    const std::lock_guard lock(mutex_);
    MirrorStatus status;
    status.records = records_.size();
    status.expectations = pending_.size();
    if (feeds_ != nullptr) {
      status.watches = feeds_->size();
      status.stale_reason = feeds_->stale_reason();
    }
    status.stale = stale_;
    status.stale_since_us = stale_since_wall_us_;
    return status;
  }

  void drain() {
    // What arrives posts its evaluation behind itself, and so may what follows from that.
    for (int round = 0; round < 4; ++round) loop_.drain();
  }

  std::size_t expectations() const {
    const std::lock_guard lock(mutex_);
    return pending_.size();
  }

 private:
  // --- feeds

  void open_feeds() {
    Feeds::Callbacks callbacks;
    callbacks.changed = [this](Object&& object, bool metadata_only, std::uint32_t feed, std::uint32_t epoch) {
      const std::string uid(object.uid());
      {
        const std::lock_guard lock(mutex_);
        if (records_.size() >= options_.records && records_.by_uid(uid) == nullptr) return note_full();
        if (!records_.put(object, metadata_only, feed, epoch, clock_.steady_us())) return;
      }
      mark_object(uid);
    };
    callbacks.removed = [this](const std::string& uid) { drop(uid); };
    callbacks.list_ended = [this](std::uint32_t feed, std::uint32_t epoch) {
      std::vector<std::string> gone;
      {
        const std::lock_guard lock(mutex_);
        gone = records_.outdated(feed, epoch);
      }
      for (const std::string& uid : gone) drop(uid);
    };
    callbacks.staleness_changed = [this] { loop_.post([this] { check_staleness(); }); };
    {
      const std::lock_guard lock(mutex_);
      feeds_ = std::make_unique<Feeds>(client_, loop_, options_.label_selector, std::move(callbacks));
    }
    look_for_unused();
  }

  // A watch costs the API server something, and us the records of all it brings.
  void look_for_unused() {
    std::vector<std::string> gone;
    {
      const std::lock_guard lock(mutex_);
      for (const auto& [id, pending] : pending_) {
        for (const ExpectedObject& object : pending->expectation.objects) feeds_->touch(object.key);
      }
      for (const std::uint32_t feed : feeds_->close_unused(clock_.steady_us() - options_.unused_grace_us)) {
        const std::vector<std::string> brought = records_.outdated(feed, kNoEpoch);
        gone.insert(gone.end(), brought.begin(), brought.end());
      }
    }
    for (const std::string& uid : gone) drop(uid);
    if (!gone.empty()) check_staleness();
    loop_.at(clock_.steady_us() + options_.unused_grace_us / 4, [this] { look_for_unused(); });
  }

  void note_full() {
    if (std::exchange(full_, true)) return;
    log::warning("the mirror of a cluster is full: objects beyond the limit are not observed",
                 {{"limit", options_.records}});
  }

  void need(const Resource& resource, const ObjectKey& key) {
    const std::lock_guard lock(mutex_);
    feeds_->need_with_descendants(resource, key.namespace_name);
  }

  void drop(const std::string& uid) {
    mark_object(uid);
    std::unique_ptr<Record> record;
    const std::lock_guard lock(mutex_);
    record = records_.remove(uid);
  }

  void check_staleness() {
    bool now_stale = false;
    {
      const std::lock_guard lock(mutex_);
      if (feeds_ == nullptr) return;
      now_stale = feeds_->stale();
    }
    const std::int64_t now = clock_.steady_us();
    if (now_stale && !stale_) {
      const std::lock_guard lock(mutex_);
      stale_ = true;
      stale_since_us_ = now;
      stale_since_wall_us_ = clock_.now().us;
    } else if (!now_stale && stale_) {
      for (auto& [id, pending] : pending_) extend(*pending, now);
      const std::lock_guard lock(mutex_);
      stale_ = false;
      stale_since_wall_us_ = 0;
    }
    // Refused kinds and new outages change texts and deadlines: everything is looked at again.
    for (const auto& [id, pending] : pending_) mark(id);
  }

  // An outage moves the deadline by its own length, at most by the budget once more.
  void extend(Pending& pending, std::int64_t now) {
    if (pending.deadline_us == 0) return;
    const std::int64_t outage = now - std::max(stale_since_us_, pending.registered_us);
    const std::int64_t room = pending.expectation.timeout_ms * kMillisecond - pending.extension_us;
    const std::int64_t by = std::clamp<std::int64_t>(outage, 0, std::max<std::int64_t>(room, 0));
    pending.extension_us += by;
    pending.deadline_us += by;
  }

  std::int64_t deadline_of(const Pending& pending, std::int64_t now) const {
    if (pending.deadline_us == 0 || !stale_) return pending.deadline_us;
    const std::int64_t outage = now - std::max(stale_since_us_, pending.registered_us);
    const std::int64_t room = pending.expectation.timeout_ms * kMillisecond - pending.extension_us;
    return pending.deadline_us + std::clamp<std::int64_t>(outage, 0, std::max<std::int64_t>(room, 0));
  }

  // --- what to judge

  void mark(const std::string& id) {
    if (marked_.insert(id).second && marked_.size() == 1) loop_.post([this] { judge_marked(); });
  }

  // The expectations of the object and of its owners.
  void mark_object(const std::string& uid) {
    std::vector<std::string> ids;
    {
      const std::lock_guard lock(mutex_);
      std::string at = uid;
      for (int depth = 0; depth < kOwnerDepth && !at.empty(); ++depth) {
        if (const auto found = interested_.find(at); found != interested_.end())
          ids.insert(ids.end(), found->second.begin(), found->second.end());
        const Record* record = records_.by_uid(at);
        if (record == nullptr) break;
        if (depth == 0) {
          const auto by_key = interested_in_key_.find(record->key);
          if (by_key != interested_in_key_.end()) ids.insert(ids.end(), by_key->second.begin(), by_key->second.end());
        }
        at = record->owner_uid;
      }
    }
    for (const std::string& id : ids) mark(id);
  }

  void judge_marked() {
    const std::unordered_set<std::string> ids = std::exchange(marked_, {});
    for (const std::string& id : ids) {
      const auto found = pending_.find(id);
      if (found == pending_.end() || found->second->explaining) continue;
      judge_one(found->second);
    }
  }

  void judge_one(std::shared_ptr<Pending> pending) {
    const std::int64_t now = clock_.steady_us();
    Judgement judgement;
    std::optional<std::string> refusal;
    {
      const std::lock_guard lock(mutex_);
      judgement = judge(pending->expectation, records_, pending->held, now);
      refusal = refused_object(pending->expectation, judgement.notes);
    }
    if (judgement.state == Judgement::State::succeeded) return succeed(*pending, std::move(judgement));
    if (judgement.state == Judgement::State::failed) return explain(std::move(pending), std::move(judgement));
    if (refusal) return refuse(*pending, std::move(judgement), *refusal);
    const std::int64_t deadline = deadline_of(*pending, now);
    if (deadline != 0 && deadline <= now) return time_out(std::move(pending), std::move(judgement));
    progress(*pending, judgement.objects, now);
    std::int64_t wake = judgement.look_again_us;
    if (deadline != 0 && (wake == 0 || deadline < wake)) wake = deadline;
    set_timer(*pending, wake);
  }

  void set_timer(Pending& pending, std::int64_t wake_us) {
    loop_.forget(pending.timer);
    pending.timer = 0;
    if (wake_us != 0) pending.timer = loop_.at(wake_us, [this, id = pending.expectation.id] { mark(id); });
  }

  // An applied kind that may not be watched makes waiting pointless; descendants that may not be watched only a note.
  std::optional<std::string> refused_object(const Expectation& expectation, std::vector<std::string>& notes) const {
    std::optional<std::string> refusal;
    std::set<std::string> said;
    for (const ExpectedObject& object : expectation.objects) {
      const ObjectKey& key = object.key;
      if (!refusal) refusal = feeds_->refusal(key.group, key.kind, key.namespace_name);
      if (!has_descendants(key.group, key.kind)) continue;
      const auto pods = feeds_->refusal("", "Pod", key.namespace_name);
      if (pods && said.insert(key.namespace_name).second) {
        notes.push_back(
            format("pods cannot be observed, so causes of failures stay unknown until a deadline: {}", *pods));
      }
    }
    return refusal;
  }

  // --- progress and verdicts

  void progress(Pending& pending, const std::vector<ObjectState>& objects, std::int64_t now) {
    if (!pending.listener.on_progress) return;
    if (pending.last_progress_us != 0 && now - pending.last_progress_us < kProgressEveryMs * kMillisecond) {
      loop_.at(pending.last_progress_us + kProgressEveryMs * kMillisecond,
               [this, id = pending.expectation.id] { mark(id); });
      return;
    }
    send_progress(pending, objects, now);
  }

  void send_progress(Pending& pending, const std::vector<ObjectState>& objects, std::int64_t now) {
    std::vector<ObjectState> changed;
    std::map<std::string, ObjectState> shown;
    for (const ObjectState& state : objects) {
      const std::string key = state.key.text() + " " + state.uid;
      const auto before = pending.shown.find(key);
      if (before == pending.shown.end() || !same(before->second, state)) changed.push_back(state);
      shown.emplace(key, state);
    }
    for (const auto& [key, state] : pending.shown) {
      if (shown.contains(key)) continue;
      ObjectState gone = state;
      gone.found = false;
      gone.message = "gone";
      changed.push_back(std::move(gone));
    }
    pending.shown = std::move(shown);
    if (changed.empty()) return;
    pending.last_progress_us = now;
    if (pending.listener.on_progress) pending.listener.on_progress(pending.expectation.id, changed);
  }

  void succeed(Pending& pending, Judgement judgement) {
    Verdict verdict;
    verdict.outcome = Outcome::succeeded;
    verdict.message = format(
        "{} as expected",
        text::counted(static_cast<std::int64_t>(pending.expectation.objects.size()), "object is", "objects are"));
    deliver(pending, std::move(judgement), std::move(verdict));
  }

  void refuse(Pending& pending, Judgement judgement, const std::string& reason) {
    Verdict verdict;
    verdict.outcome = Outcome::failed;
    verdict.message = format("what was applied cannot be observed: {}", reason);
    deliver(pending, std::move(judgement), std::move(verdict));
  }

  // Looks for the cause where there is one, so that a time-out says more than its list.
  void time_out(std::shared_ptr<Pending> pending, Judgement judgement) {
    for (const ObjectState& state : judgement.objects) {
      if (!state.parent_uid.empty() || state.progress != Progress::in_progress || !state.found) continue;
      const std::lock_guard lock(mutex_);
      const Record* root = records_.by_uid(state.uid);
      const Record* pod = root == nullptr ? nullptr : most_telling_pod(*root, records_);
      if (pod == nullptr) continue;
      judgement.suspect = Suspect{state.uid, pod->uid};
      break;
    }
    if (judgement.suspect) return explain(std::move(pending), std::move(judgement), true);
    deliver(*pending, judgement, timed_out_verdict(pending->expectation, judgement, stale_ ? stale_since_wall_us_ : 0));
  }

  void explain(std::shared_ptr<Pending> pending, Judgement judgement, bool after_deadline = false) {
    FailureCause cause;
    EvidenceQuery query;
    bool unschedulable = false;
    {
      const std::lock_guard lock(mutex_);
      unschedulable = describe_failure(*judgement.suspect, records_, judgement.objects, cause, query);
    }
    pending->explaining = true;
    set_timer(*pending, 0);
    collect_evidence(
        client_, query,
        [weak = weak_from_this(), pending, judgement, cause, unschedulable, after_deadline](Evidence evidence) {
          const auto self = weak.lock();
          if (self == nullptr) return;
          self->loop_.post(
              [weak, pending, judgement, cause, unschedulable, after_deadline, evidence = std::move(evidence)] {
                if (const auto alive = weak.lock())
                  alive->explained(pending, judgement, cause, unschedulable, after_deadline, evidence);
              });
        });
  }

  void explained(const std::shared_ptr<Pending>& pending, const Judgement& judgement, FailureCause cause,
                 bool unschedulable, bool after_deadline, const Evidence& evidence) {
    const auto found = pending_.find(pending->expectation.id);
    if (found == pending_.end() || found->second != pending) return;
    pending->explaining = false;
    if (unschedulable && !after_deadline) {
      const std::int64_t hold_us = scale_up_hold_us(pending->expectation.fail_fast, evidence, clock_.now().us);
      if (hold_us > 0) {
        pending->held[judgement.suspect->pod_uid] = clock_.steady_us() + hold_us;
        return mark(pending->expectation.id);
      }
    }
    cause.events = evidence.events;
    cause.log = evidence.log;
    Verdict verdict;
    if (after_deadline) {
      verdict = timed_out_verdict(pending->expectation, judgement, stale_ ? stale_since_wall_us_ : 0);
      verdict.message += format("\n{}: {}", cause.object.text(), cause.message);
    } else {
      verdict.outcome = Outcome::failed;
      verdict.message = format("{}: {}", cause.object.text(), cause.message);
    }
    verdict.cause = std::move(cause);
    deliver(*pending, judgement, std::move(verdict));
  }

  void deliver(Pending& pending, Judgement judgement, Verdict verdict) {
    const std::string id = pending.expectation.id;
    const auto keep = pending_.at(id);  // forget() drops the map's share
    send_progress(pending, judgement.objects, clock_.steady_us());
    verdict.objects = std::move(judgement.objects);
    verdict.notes = std::move(judgement.notes);
    forget(id);
    if (keep->listener.on_verdict) keep->listener.on_verdict(id, verdict);
  }

  void forget(const std::string& id) {
    const auto found = pending_.find(id);
    if (found == pending_.end()) return;
    loop_.forget(found->second->timer);
    for (const ExpectedObject& object : found->second->expectation.objects) {
      drop_interest(interested_, object.uid, id);
      drop_interest(interested_in_key_, object.key, id);
    }
    const std::lock_guard lock(mutex_);
    pending_.erase(found);
  }

  template <class Map, class Key>
  static void drop_interest(Map& map, const Key& key, const std::string& id) {
    const auto found = map.find(key);
    if (found == map.end()) return;
    found->second.erase(id);
    if (found->second.empty()) map.erase(found);
  }

  KubeClient& client_;
  const Clock& clock_;
  const MirrorOptions options_;
  // Guards what known() and status() read on other threads; all writing is done on the loop's thread.
  mutable std::mutex mutex_;
  Records records_;
  std::unique_ptr<Feeds> feeds_;
  std::map<std::string, std::shared_ptr<Pending>> pending_;
  bool stale_ = false;
  std::int64_t stale_since_us_ = 0;
  std::int64_t stale_since_wall_us_ = 0;
  // Loop's thread only.
  std::unordered_map<std::string, std::set<std::string>> interested_;
  std::unordered_map<ObjectKey, std::set<std::string>, ObjectKeyHash> interested_in_key_;
  std::unordered_set<std::string> marked_;
  bool full_ = false;
  Loop loop_;
};

std::string_view name_of(Outcome outcome) {
  switch (outcome) {
    case Outcome::succeeded: return "succeeded";
    case Outcome::failed: return "failed";
    case Outcome::timed_out: return "timed out";
  }
  return "failed";
}

Mirror::Mirror(KubeClient& client, Discovery& discovery, const Clock& clock, MirrorOptions options)
    : impl_(std::make_shared<Impl>(client, clock, options)),
      discovery_(discovery),
      expectation_limit_(options.expectations) {}

Mirror::~Mirror() { impl_->shut_down(); }

void Mirror::register_expectation(Expectation expectation, ExpectationListener listener) {
  if (impl_->expectations() >= expectation_limit_) {
    throw Error(Fault::unavailable,
                format("more than {} deployments are waited for in this cluster", expectation_limit_))
        .retry_after(30);
  }
  std::vector<Resource> resources;
  for (const ExpectedObject& object : expectation.objects) {
    resources.push_back(discovery_.resolve(object.key.group, object.key.version, object.key.kind, CancelToken()));
  }
  auto pending = std::make_shared<Pending>();
  pending->expectation = std::move(expectation);
  pending->listener = std::move(listener);
  impl_->add(std::move(pending), std::move(resources));
}

void Mirror::remove_expectation(const std::string& id) { impl_->remove(id); }

std::optional<LiveMetadata> Mirror::known(const ObjectKey& key, std::string_view field_manager) const {
  return impl_->known(key, field_manager);
}

void Mirror::watch_kinds(const std::vector<Resource>& resources) { impl_->watch(resources); }

MirrorStatus Mirror::status() const { return impl_->status(); }

void Mirror::drain() { impl_->drain(); }

}  // namespace fairlead::kube
