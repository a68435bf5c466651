// SPDX-License-Identifier: Apache-2.0
// Decides an expectation from records: pure, given the time. The mirror calls it when something relevant changed.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "kube/mirror.h"
#include "kube/records.h"

namespace fairlead::kube {

struct Suspect {
  std::string root_uid;  // the applied object that fails
  std::string pod_uid;   // "" where the object itself says so
};

struct Judgement {
  enum class State { waiting, succeeded, failed };
  State state = State::waiting;
  std::optional<Suspect> suspect;    // of a failure
  std::int64_t look_again_us = 0;    // steady; 0: only when something changes
  std::vector<ObjectState> objects;  // applied objects first, then descendants of their newest revisions
  std::vector<std::string> notes;
};

// `held` are pods whose Unschedulable is held back until the steady time given (a scale-up is under way).
Judgement judge(const Expectation& expectation, const Records& records, const std::map<std::string, std::int64_t>& held,
                std::int64_t now_us);

// Seen at or past the write: the same object, its generation not older, its resourceVersion not older.
bool is_past(const Record& record, const ExpectedObject& expected);

// The pod of the newest revision below `root` that explains its state best; nullptr where none is in trouble.
const Record* most_telling_pod(const Record& root, const Records& records);

// One line: `Deployment default/web: 0 of 1 replicas are available`.
std::string line_of(const ObjectState& state);

}  // namespace fairlead::kube
