// SPDX-License-Identifier: Apache-2.0
// Server-side apply of many objects: in stages, bounded in flight, conflicts named, our former managers absorbed,
// unchanged objects skipped. Blocks the calling thread, which drives asynchronous requests; a cancel stops between
// objects.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "base/cancel.h"
#include "base/clock.h"
#include "base/secret.h"
#include "kube/client.h"
#include "kube/discovery.h"
#include "kube/unchanged.h"
#include "kube/validate.h"

namespace fairlead::kube {

enum class Applied { created, configured, unchanged };
std::string_view name_of(Applied applied);

struct TakenField {
  std::string field;    // ".spec.replicas"
  std::string manager;  // "kubectl-edit"
};

struct ObjectResult {
  ObjectKey key;
  std::string place;
  Applied applied = Applied::unchanged;
  bool written = false;  // a request that may write was sent
  std::string uid;
  std::int64_t generation = 0;
  std::string resource_version;
  std::vector<TakenField> taken_over;
  std::vector<std::string> warnings;
};

struct ApplyOptions {
  std::string field_manager;
  bool force = true;  // take conflicting fields over and name them; false: Error(conflict)
  bool dry_run = false;
  int in_flight = 16;
  std::vector<std::pair<std::string, std::string>> labels;  // added to every object
  Secret hash_key;                                          // see applied_hash
  std::int64_t definition_timeout_ms = 60'000;              // a CRD until Established and served
  // What is known of a live object without asking (the mirror); nullopt: ask the server. May be empty.
  std::function<std::optional<LiveMetadata>(const ObjectKey&)> known;
  // After each object, on the calling thread.
  std::function<void(const ObjectResult&)> on_object;
  CancelToken cancel;
};

struct ApplyReport {
  std::vector<ObjectResult>
      objects;                 // what was done, in the order of `objects`; shorter when it failed or was cancelled
  std::optional<Error> error;  // the first failure; later stages were not begun
  // Everything that went wrong in the failing stage, one per object.
  std::vector<std::pair<std::string, Error>> failures;
};

// Never throws for what the server answers: the report says what has been applied and what failed.
ApplyReport apply_all(KubeClient& client, Discovery& discovery, const Clock& clock,
                      const std::vector<Prepared>& objects, const ApplyOptions& options);

}  // namespace fairlead::kube
