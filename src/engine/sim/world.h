// SPDX-License-Identifier: Apache-2.0
// A simulated world for the engine: a store on a scratch folder that can crash, a clock that moves when told, and
// executors that do what a script says and lose their memory when told. Everything happens on one thread in an order
// that the test chooses.
#pragma once

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "base/clock.h"
#include "engine/engine.h"
#include "engine/sim/crashing_store.h"
#include "engine/task_log.h"

namespace fairlead::engine::sim {

// An executor as the link shows it: it has an inbox, remembers what it has done in this incarnation, and keeps results
// until they are acknowledged.
struct Executor {
  std::string name;
  int incarnation = 1;
  bool connected = true;
  std::deque<Activity> inbox;
  std::map<std::string, ActivityResult> done;  // memory of this incarnation, and what is to be reported
  std::set<std::string> acknowledged;
  std::set<std::string> reporting;  // sent, not yet acknowledged
  std::string incarnation_text() const { return name + "#" + std::to_string(incarnation); }
};

class World : public ActivitySink {
 public:
  struct Options {
    Engine::Options engine;
    // What an executor answers; default: success with the JSON text of the activity's path.
    std::function<ActivityResult(const Activity&)> perform;
    std::vector<std::string> executors = {"w1"};
    bool with_log = false;
    bool reports_with_wakes = false;  // every second result waits for the wake that takes it, as the product's do
  };
  World(std::vector<Definition> definitions, Options options);
  ~World() override;

  // Ends the server process as kill -9 does, and starts another one on the same files.
  void restart();
  Engine& engine() { return *engine_; }
  CrashingStore& store() { return *store_; }
  ManualClock& clock() { return clock_; }
  TaskLog& log() { return *log_; }
  Executor& executor(std::size_t index = 0) { return executors_[index]; }
  std::size_t executor_count() const { return executors_.size(); }
  const std::string& folder() const { return folder_; }

  RunId start(const StartRun& start);
  bool cancel(const RunId& run, const std::string& reason = "stop it");
  bool answer(const RunId& run, const std::string& path, const std::string& json);
  RunInfo info(const RunId& run);
  std::vector<WaitInfo> waits(const RunId& run);
  std::int64_t count(const std::string& sql);

  // One thing that can happen. False: there was nothing of the kind to do.
  bool wake() { return engine_->wake_one(); }
  void settle_wakes();
  bool perform_one(Executor& executor);  // takes the oldest of the inbox and does it
  bool report_one(Executor& executor);   // reports one result to the server
  void lose_memory(Executor& executor);  // dies and comes back with a new incarnation
  void reconnect(Executor& executor);    // the same incarnation says hello again
  // Moves the clock to the next due time and fires; false when there is none within the given time.
  bool fire_next_timer(std::int64_t within_us = 365 * 24 * kHour);

  // Wakes, performs and reports until nothing is left to do but wait for timers or answers.
  void settle();
  // As settle, and lets time pass, until the run has ended or nothing more can happen.
  RunInfo finish(const RunId& run);

  // How often each activity was really done, over all incarnations.
  const std::map<std::string, int>& effects() const { return effects_; }
  const std::map<std::string, Activity>& known() const { return known_; }
  const std::vector<std::string>& cancelled() const { return cancelled_; }

  std::optional<Assignment> assign(const Activity& activity) override;
  void offered(const Activity& activity) override;
  void cancelled(const Activity& activity) override;

 private:
  void open();
  Executor& of(const std::string& selector);

  const std::vector<Definition> definitions_;
  const Options options_;
  const std::string folder_;
  ManualClock clock_;
  std::unique_ptr<CrashingStore> store_;
  std::unique_ptr<TaskLog> log_;
  std::unique_ptr<Engine> engine_;
  std::deque<Executor> executors_;
  void acknowledge(Executor& executor, const std::string& key);
  int last_run_ = 0;
  int reports_ = 0;
  std::map<std::string, int> effects_;
  std::map<std::string, Activity> known_;
  std::vector<std::string> cancelled_;
};

// A run of `kind` whose input is JSON text.
StartRun start_of(std::string kind = "test", std::string input = "\"in\"");

// A folder in memory where the machine has one: simulations make thousands of commits and survive no power cut anyway.
std::string make_scratch_folder();

}  // namespace fairlead::engine::sim
