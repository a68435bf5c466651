// SPDX-License-Identifier: Apache-2.0
// What the mirror keeps of each object: the findings of the health rules, not the object. Internal to the mirror; pure
// data, no threads: the mirror's lock guards it.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "kube/health/health.h"
#include "kube/health/pod_failure.h"
#include "kube/object.h"
#include "kube/unchanged.h"

namespace fairlead::kube {

struct Record {
  ObjectKey key;
  std::string uid;
  std::string owner_uid;  // of the controller
  std::string resource_version;
  std::int64_t generation = 0;
  std::uint32_t feed = 0;   // which watch brought it
  std::uint32_t epoch = 0;  // which list of that watch saw it last
  bool observed = true;     // the controller has seen this generation
  Readiness readiness;      // without waiting for jobs
  Readiness job_readiness;  // of a Job that is waited for
  HealthStatus health = HealthStatus::healthy;
  std::string health_message;
  std::int32_t desired = -1, ready = -1, updated = -1;
  // Deployment and ReplicaSet: the revision number; StatefulSet: updateRevision; DaemonSet: template generation;
  // pods: the controller-revision-hash, or the template generation of a DaemonSet's pod.
  std::string revision;
  std::unique_ptr<PodFailure> failure;  // of a pod in trouble
  std::int64_t trouble_since_us = 0;    // steady
  // Our last apply; empty for what we did not apply.
  std::string applied_hash;
  std::string manager, entry_api_version;
  std::shared_ptr<const std::string> entry_fields;
  bool former_managers = false;
  bool being_deleted = false;
};

class Records {
 public:
  // `manager_prefix` finds our entries among managedFields.
  explicit Records(std::string manager_prefix) : manager_prefix_(std::move(manager_prefix)) {}

  // False when the object is what the record already says (the same resourceVersion).
  bool put(const Object& object, bool metadata_only, std::uint32_t feed, std::uint32_t epoch, std::int64_t now_us);
  // The record that was there.
  std::unique_ptr<Record> remove(const std::string& uid);
  // The uids of a feed that its last list (epoch) did not contain.
  std::vector<std::string> outdated(std::uint32_t feed, std::uint32_t epoch) const;

  const Record* by_uid(const std::string& uid) const;
  const Record* by_key(const ObjectKey& key) const;
  // Uids of the objects that it controls.
  const std::vector<std::string>& children(const std::string& uid) const;
  std::size_t size() const { return records_.size(); }

 private:
  void read_status(Record& record, const Object& object, std::int64_t now_us);
  void read_ownership(Record& record, const Object& object);
  void unlink(const Record& record);

  const std::string manager_prefix_;
  // Field sets repeat from object to object; each text is kept once. Before the records, whose end reaches in here.
  std::unordered_map<std::string_view, std::weak_ptr<const std::string>> field_sets_;
  std::unordered_map<std::string, std::unique_ptr<Record>> records_;
  std::unordered_map<ObjectKey, std::string, ObjectKeyHash> uids_;
  std::unordered_map<std::string, std::vector<std::string>> children_;
};

}  // namespace fairlead::kube
