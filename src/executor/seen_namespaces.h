// SPDX-License-Identifier: Apache-2.0
// Namespaces that were seen or made a moment ago, so that many applies into one ask for it once. Whoever relies on it
// must be able to find it gone. Thread-safe.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>

#include "base/cancel.h"
#include "base/clock.h"

namespace fairlead::executor {

inline constexpr std::int64_t kNamespaceSeenUs = kMinute;
inline constexpr std::size_t kMaxNamespacesSeen = 10'000;

class SeenNamespaces {
 public:
  explicit SeenNamespaces(const Clock& clock) : clock_(clock), state_(std::make_shared<State>()) {}

  bool has(const std::string& name) const;
  void note(const std::string& name);
  void forget(const std::string& name);

 private:
  struct State {
    std::mutex mutex;
    std::condition_variable changed;
    std::map<std::string, std::int64_t> seen;  // name -> when, steady
    std::set<std::string> asked_for;           // somebody's turn
  };

 public:
  // While it lives, nobody else has the turn for its namespace.
  class Turn {
   public:
    Turn(std::shared_ptr<State> state, std::string name) : state_(std::move(state)), name_(std::move(name)) {}
    ~Turn();
    Turn(const Turn&) = delete;
    Turn& operator=(const Turn&) = delete;

   private:
    const std::shared_ptr<State> state_;
    const std::string name_;
  };
  // Waits while another caller asks the cluster for this namespace: then has() mostly knows the answer. Throws
  // Error(cancelled).
  Turn wait_for_turn(const std::string& name, const CancelToken& cancel);

 private:
  const Clock& clock_;
  const std::shared_ptr<State> state_;
};

}  // namespace fairlead::executor
