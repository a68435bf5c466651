// SPDX-License-Identifier: Apache-2.0
#include "engine/sim/world.h"

#include <stdlib.h>

#include <algorithm>

#include "base/file.h"
#include "base/log.h"
#include "base/text.h"
#include "store/sqlite/sqlite_store.h"

namespace fairlead::engine::sim {

std::string make_scratch_folder() {
  std::string path = "/dev/shm/fairlead-sim-XXXXXX";
  if (file::exists("/dev/shm") && ::mkdtemp(path.data()) != nullptr) return path;
  return file::make_temporary_folder("fairlead-sim");
}

StartRun start_of(std::string kind, std::string input) {
  StartRun start;
  start.kind = std::move(kind);
  start.input = {std::move(input)};
  return start;
}

World::World(std::vector<Definition> definitions, Options options)
    : definitions_(std::move(definitions)), options_(std::move(options)), folder_(make_scratch_folder()) {
  for (const std::string& name : options_.executors) executors_.push_back(Executor{name, 1, true, {}, {}, {}});
  log::configure(log::Format::text, log::Level::error);
  open();
}

World::~World() {
  engine_.reset();
  log_.reset();
  store_.reset();
  file::remove_tree(folder_);
}

void World::open() {
  store_ = std::make_unique<CrashingStore>(store::open_sqlite({folder_ + "/fairlead.db"}, clock_));
  Engine::Options options = options_.engine;
  options.workers = 0;
  options.new_run_id = [this] { return text::format("{:032x}", ++last_run_); };  // so that a seed is a schedule
  if (options_.with_log) {
    TaskLog::Options log_options;
    log_options.folder = folder_ + "/logs";
    log_options.background = false;
    log_ = std::make_unique<TaskLog>(*store_, clock_, log_options);
    log_->recover();
    options.log = log_.get();
  }
  engine_ = std::make_unique<Engine>(*store_, clock_, options);
  for (const Definition& definition : definitions_) engine_->register_definition(definition);
  engine_->set_sink(*this);
  engine_->run();
}

void World::restart() {
  store_->kill();
  engine_.reset();
  log_.reset();
  store_.reset();
  open();
  for (Executor& executor : executors_) reconnect(executor);
}

RunId World::start(const StartRun& start) {
  return store_->write([&](store::Tx& tx) { return engine_->start(tx, start); });
}

bool World::cancel(const RunId& run, const std::string& reason) {
  return store_->write([&](store::Tx& tx) { return engine_->cancel(tx, run, reason); });
}

bool World::answer(const RunId& run, const std::string& path, const std::string& json) {
  return store_->write([&](store::Tx& tx) { return engine_->answer(tx, run, path, {json}); });
}

RunInfo World::info(const RunId& run) {
  return store_->read([&](const store::Tx& tx) { return engine_->find(tx, run).value(); });
}

std::vector<WaitInfo> World::waits(const RunId& run) {
  return store_->read([&](const store::Tx& tx) { return engine_->waits(tx, run); });
}

std::int64_t World::count(const std::string& sql) {
  return store_->read([&](const store::Tx& tx) { return tx.integer(sql).value_or(0); });
}

void World::settle_wakes() {
  while (wake()) continue;
}

Executor& World::of(const std::string& selector) {
  for (Executor& executor : executors_) {
    if (executor.name == selector) return executor;
  }
  throw Error(Fault::bug, "no simulated executor is called " + selector);
}

std::optional<Assignment> World::assign(const Activity& activity) {
  const Executor& executor = of(activity.selector);
  if (!executor.connected) return std::nullopt;
  return Assignment{executor.name, executor.incarnation_text()};
}

void World::offered(const Activity& activity) {
  if (store_->is_dead()) return;  // nobody is left to send it
  known_[activity.key] = activity;
  Executor& executor = of(activity.selector);
  if (activity.state == ActivityState::sent && executor.connected) executor.inbox.push_back(activity);
}

void World::cancelled(const Activity& activity) {
  if (!store_->is_dead()) cancelled_.push_back(activity.key);
}

bool World::perform_one(Executor& executor) {
  if (executor.inbox.empty()) return false;
  const Activity activity = std::move(executor.inbox.front());
  executor.inbox.pop_front();
  if (executor.done.contains(activity.key) || executor.acknowledged.contains(activity.key)) return true;
  ++effects_[activity.key];
  ActivityResult result = ActivityResult::success({text::format("\"{}\"", activity.path)});
  if (options_.perform) result = options_.perform(activity);
  executor.done.emplace(activity.key, std::move(result));
  return true;
}

bool World::report_one(Executor& executor) {
  if (!executor.connected) return false;
  const auto first = std::find_if(executor.done.begin(), executor.done.end(),
                                  [&](const auto& result) { return !executor.reporting.contains(result.first); });
  if (first == executor.done.end()) return false;
  const std::string key = first->first;
  if (!options_.reports_with_wakes || ++reports_ % 2 == 0) {
    engine_->deliver(key, first->second);
    acknowledge(executor, key);
    return true;
  }
  executor.reporting.insert(key);
  engine_->deliver(key, first->second, {}, [this, &executor, key](bool, const std::exception_ptr& failure) {
    executor.reporting.erase(key);
    if (failure == nullptr && !store_->is_dead()) acknowledge(executor, key);
  });
  return true;
}

void World::acknowledge(Executor& executor, const std::string& key) {
  executor.acknowledged.insert(key);
  executor.done.erase(key);
}

void World::lose_memory(Executor& executor) {
  ++executor.incarnation;
  executor.inbox.clear();
  executor.done.clear();
  executor.acknowledged.clear();
  reconnect(executor);
}

void World::reconnect(Executor& executor) {
  executor.connected = true;
  executor.inbox.clear();  // what was on its way is lost with the connection
  engine_->executor_connected(executor.name, executor.incarnation_text(), {executor.name});
  for (Activity& activity : engine_->pending_for(executor.name, {executor.name})) {
    if (activity.state == ActivityState::pending &&
        !engine_->mark_sent(activity.key, executor.name, executor.incarnation_text())) {
      continue;
    }
    known_[activity.key] = activity;
    if (!executor.done.contains(activity.key)) executor.inbox.push_back(std::move(activity));
  }
}

bool World::fire_next_timer(std::int64_t within_us) {
  const std::optional<Time> due = engine_->next_due();
  if (!due) {
    engine_->fire_timers();
    return false;
  }
  if (*due - clock_.now() > within_us) return false;
  if (*due > clock_.now()) clock_.advance(*due - clock_.now());
  return engine_->fire_timers() > 0;
}

void World::settle() {
  bool moved = true;
  while (moved) {
    settle_wakes();
    moved = false;
    for (Executor& executor : executors_) {
      while (perform_one(executor)) moved = true;
      while (report_one(executor)) moved = true;
    }
  }
}

RunInfo World::finish(const RunId& run) {
  settle();
  while (info(run).state != RunState::ended) {
    if (!fire_next_timer()) clock_.advance(options_.engine.deadline_grace_us);
    settle();
    if (!engine_->next_due() && info(run).state != RunState::ended) break;
  }
  return info(run);
}

}  // namespace fairlead::engine::sim
