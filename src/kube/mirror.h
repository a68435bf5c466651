// SPDX-License-Identifier: Apache-2.0
// The mirror of one cluster: compact records of the objects we own and of the ReplicaSets and pods below them, fed by
// watches of the kinds in use, and the expectations that are waited for. One thread per mirror (a Loop); public calls
// are thread-safe and never block on the network. Listeners are called on the mirror's thread without locks and must
// not block.
//
// An expectation is data: it can be registered again after a restart and comes to the same verdict. A verdict is made
// only from states seen at or past the write (uid, generation, resourceVersion) and from pods of the newest revision.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "kube/client.h"
#include "kube/discovery.h"
#include "kube/health/health.h"
#include "kube/health/pod_failure.h"
#include "kube/unchanged.h"

namespace fairlead::kube {

struct ExpectedObject {
  ObjectKey key;
  std::string uid;
  std::int64_t generation = 0;
  std::string resource_version;
};

struct Expectation {
  std::string id;  // unique; registering it again replaces it
  std::vector<ExpectedObject> objects;
  std::int64_t timeout_ms = 0;  // one budget from registration; 0: none
  bool wait_for_jobs = false;
  FailFast fail_fast;
};

// One line of a task's object list.
struct ObjectState {
  ObjectKey key;
  std::string uid;
  std::string parent_uid;  // "" for an applied object
  bool found = false;
  Progress progress = Progress::in_progress;
  HealthStatus health = HealthStatus::missing;
  std::string message;
  std::int64_t desired = -1, ready = -1, updated = -1;  // replica counts where the kind has them
};

struct FailureCause {
  ObjectKey object;                            // the applied object that fails
  std::string namespace_name, pod, container;  // pod and container where one is to blame
  std::string reason;                          // "ImagePullBackOff"
  std::string message;
  std::optional<std::int64_t> exit_code;
  std::int64_t restarts = 0;
  std::vector<EventRecord> events;  // of that pod or object, newest first
  std::string log;                  // last lines where the container ran; mask secrets before showing
};

enum class Outcome { succeeded, failed, timed_out };
std::string_view name_of(Outcome outcome);

struct Verdict {
  Outcome outcome = Outcome::succeeded;
  std::string message;  // one sentence, then details by line
  std::optional<FailureCause> cause;
  std::vector<ObjectState> objects;
  std::vector<std::string> notes;  // "Deployment default/web is paused", once each
};

struct ExpectationListener {
  // Objects (and descendants) whose line changed; coalesced, at most every kProgressEveryMs.
  std::function<void(const std::string& id, const std::vector<ObjectState>& changed)> on_progress;
  // Exactly once, then the expectation is forgotten.
  std::function<void(const std::string& id, const Verdict& verdict)> on_verdict;
};
inline constexpr std::int64_t kProgressEveryMs = 100;

struct MirrorOptions {
  std::string label_selector;  // for applied objects; "": everything of the kinds in use
  std::string field_manager_prefix = "fairlead/";
  std::size_t records = 1'000'000;
  std::size_t expectations = 100'000;
  // Kinds and namespaces of which nothing is expected any more are watched for so much longer: the next deployment
  // finds them.
  std::int64_t unused_grace_us = 10 * kMinute;
};

struct MirrorStatus {
  std::size_t records = 0, expectations = 0, watches = 0;
  bool stale = false;
  std::int64_t stale_since_us = 0;  // wall clock
  std::string stale_reason;
};

class Mirror {
 public:
  // All references must outlive the mirror.
  Mirror(KubeClient& client, Discovery& discovery, const Clock& clock, MirrorOptions options);
  ~Mirror();

  // Throws Error(invalid) for a kind that the cluster does not serve (asks the cluster only for kinds it does not know
  // yet), Error(unavailable) beyond the limit.
  void register_expectation(Expectation expectation, ExpectationListener listener);
  // No verdict comes any more once this has returned; unknown ids are ignored. Not from a listener.
  void remove_expectation(const std::string& id);

  // Our last apply as the mirror knows it; nullopt where it is not sure (kind not watched, stream stale, never seen).
  std::optional<LiveMetadata> known(const ObjectKey& key, std::string_view field_manager) const;
  // Begins to watch kinds before anything is expected of them.
  void watch_kinds(const std::vector<Resource>& resources);

  MirrorStatus status() const;
  // For tests: everything received so far has been evaluated.
  void drain();

 private:
  class Impl;
  const std::shared_ptr<Impl> impl_;
  Discovery& discovery_;
  const std::size_t expectation_limit_;
};

}  // namespace fairlead::kube
