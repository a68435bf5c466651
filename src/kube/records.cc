// SPDX-License-Identifier: Apache-2.0
#include "kube/records.h"

#include <algorithm>

#include "kube/constants.h"
#include "kube/fields.h"

namespace fairlead::kube {

namespace {

// Bounds of what a stranger's status may occupy here.
constexpr std::size_t kMessageBytes = 1024;

std::string clip(std::string text) {
  if (text.size() > kMessageBytes) text.resize(kMessageBytes);
  return text;
}

void read_revision(Record& record, const Object& object) {
  const json::Value& o = object.value();
  const std::string_view kind = record.key.kind;
  if (kind == "Deployment" || kind == "ReplicaSet") {
    record.revision = object.annotation("deployment.kubernetes.io/revision");
  } else if (kind == "StatefulSet") {
    record.revision = text_at(o, {"status", "updateRevision"});
  } else if (kind == "DaemonSet") {
    record.revision = object.annotation("deprecated.daemonset.template.generation");
  } else if (kind == "Pod") {
    // A DaemonSet's pod has both labels; its owner compares the generation, a StatefulSet's the hash.
    record.revision = object.label("pod-template-generation");
    if (record.revision.empty()) record.revision = object.label("controller-revision-hash");
  }
}

void read_counts(Record& record, const json::Value& o) {
  const std::string_view kind = record.key.kind;
  if (kind == "DaemonSet") {
    record.desired = static_cast<std::int32_t>(int_at(o, {"status", "desiredNumberScheduled"}));
    record.ready = static_cast<std::int32_t>(int_at(o, {"status", "numberReady"}));
    record.updated = static_cast<std::int32_t>(int_at(o, {"status", "updatedNumberScheduled"}));
  } else if (kind == "Deployment" || kind == "StatefulSet" || kind == "ReplicaSet") {
    record.desired = static_cast<std::int32_t>(int_at(o, {"spec", "replicas"}, 1));
    record.ready = static_cast<std::int32_t>(int_at(o, {"status", "readyReplicas"}));
    record.updated = kind == "ReplicaSet" ? -1 : static_cast<std::int32_t>(int_at(o, {"status", "updatedReplicas"}));
  }
}

}  // namespace

bool Records::put(const Object& object, bool metadata_only, std::uint32_t feed, std::uint32_t epoch,
                  std::int64_t now_us) {
  const std::string uid(object.uid());
  if (uid.empty()) return false;
  std::unique_ptr<Record>& slot = records_[uid];
  if (slot != nullptr && slot->resource_version == object.resource_version()) {
    slot->epoch = epoch;
    slot->feed = feed;
    return false;
  }
  const bool fresh = slot == nullptr;
  if (fresh) {
    slot = std::make_unique<Record>();
    slot->uid = uid;
    slot->key = object.key();
    slot->owner_uid = object.controller_uid();
  } else if (slot->owner_uid != object.controller_uid()) {
    unlink(*slot);
    slot->owner_uid = object.controller_uid();
    if (!slot->owner_uid.empty()) children_[slot->owner_uid].push_back(uid);
  }
  Record& record = *slot;
  record.feed = feed;
  record.epoch = epoch;
  record.resource_version = object.resource_version();
  record.generation = object.generation().value_or(0);
  record.being_deleted = object.being_deleted();
  read_ownership(record, object);
  if (metadata_only) {
    record.readiness = {record.being_deleted ? Progress::in_progress : Progress::successful, "",
                        record.being_deleted ? "is being deleted" : "exists", ""};
  } else {
    read_status(record, object, now_us);
  }
  uids_[record.key] = uid;
  if (fresh && !record.owner_uid.empty()) children_[record.owner_uid].push_back(uid);
  return true;
}

void Records::read_status(Record& record, const Object& object, std::int64_t now_us) {
  const json::Value& o = object.value();
  const auto observed = find_int(o, {"status", "observedGeneration"});
  record.observed = !observed ? record.key.kind == "Pod" : *observed >= record.generation;
  record.readiness = readiness(object);
  record.readiness.message = clip(std::move(record.readiness.message));
  if (record.key.kind == "Job") {
    ReadinessOptions options;
    options.wait_for_jobs = true;
    record.job_readiness = readiness(object, options);
  }
  Health health = assess(object);
  record.health = health.status;
  record.health_message = clip(std::move(health.message));
  read_revision(record, object);
  read_counts(record, o);
  if (record.key.kind != "Pod" || !record.key.group.empty()) return;
  // Thresholds differ by step; records keep the trouble as soon as there is any, with its counts.
  FailFast first_sign;
  first_sign.crash_restarts = 1;
  PodFailure failure = pod_failure(object, first_sign);
  if (failure.trouble == PodTrouble::none) {
    record.failure.reset();
    return;
  }
  failure.message = clip(std::move(failure.message));
  if (record.failure == nullptr || record.failure->trouble != failure.trouble) record.trouble_since_us = now_us;
  record.failure = std::make_unique<PodFailure>(std::move(failure));
}

void Records::read_ownership(Record& record, const Object& object) {
  record.applied_hash = object.annotation(kAppliedHashAnnotation);
  record.entry_fields.reset();
  record.former_managers = false;
  record.manager.clear();
  if (record.applied_hash.empty()) return;
  for (const json::Value& entry : array_at(object.value(), {"metadata", "managedFields"})) {
    if (text_at(entry, {"operation"}) != "Apply" || !text_at(entry, {"manager"}).starts_with(manager_prefix_)) continue;
    record.manager = text_at(entry, {"manager"});
    break;
  }
  if (record.manager.empty()) return;
  LiveMetadata live = live_metadata(object, record.manager);
  record.entry_api_version = std::move(live.entry_api_version);
  record.former_managers = live.former_managers;
  if (const auto known = field_sets_.find(live.entry_fields); known != field_sets_.end()) {
    record.entry_fields = known->second.lock();
  }
  if (record.entry_fields != nullptr) return;
  // The key views the shared text, so its last owner takes the key away before the text goes.
  auto* text = new std::string(std::move(live.entry_fields));
  record.entry_fields = std::shared_ptr<const std::string>(text, [this](const std::string* last) {
    field_sets_.erase(std::string_view(*last));
    delete last;
  });
  field_sets_[std::string_view(*text)] = record.entry_fields;
}

void Records::unlink(const Record& record) {
  const auto siblings = children_.find(record.owner_uid);
  if (siblings == children_.end()) return;
  std::erase(siblings->second, record.uid);
  if (siblings->second.empty()) children_.erase(siblings);
}

std::unique_ptr<Record> Records::remove(const std::string& uid) {
  const auto found = records_.find(uid);
  if (found == records_.end()) return nullptr;
  std::unique_ptr<Record> record = std::move(found->second);
  records_.erase(found);
  const auto key = uids_.find(record->key);
  if (key != uids_.end() && key->second == uid) uids_.erase(key);
  unlink(*record);
  return record;
}

std::vector<std::string> Records::outdated(std::uint32_t feed, std::uint32_t epoch) const {
  std::vector<std::string> result;
  for (const auto& [uid, record] : records_) {
    if (record->feed == feed && record->epoch != epoch) result.push_back(uid);
  }
  return result;
}

const Record* Records::by_uid(const std::string& uid) const {
  const auto found = records_.find(uid);
  return found == records_.end() ? nullptr : found->second.get();
}

const Record* Records::by_key(const ObjectKey& key) const {
  const auto found = uids_.find(key);
  return found == uids_.end() ? nullptr : by_uid(found->second);
}

const std::vector<std::string>& Records::children(const std::string& uid) const {
  static const std::vector<std::string> none;
  const auto found = children_.find(uid);
  return found == children_.end() ? none : found->second;
}

}  // namespace fairlead::kube
