// SPDX-License-Identifier: Apache-2.0
// Cancellation, deadlines of runs, lost executors, slots, clocks.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "engine/sim/world.h"

namespace fairlead::engine {
namespace {

using sim::start_of;
using sim::World;
using testing::ElementsAre;
using testing::HasSubstr;

Command command_called(std::string kind) { return {std::move(kind), {"{}"}}; }

Durable<> script(Run& run, const std::string& name) {
  const Command command = command_called("RunScript");
  co_await run.execute("w1", "script:" + name, command, not_repeatable());
  co_await run.execute("w1", "after:" + name, command, not_repeatable());
}

Durable<> apply(Run& run, const std::string& name) {
  const Command command = command_called("Apply");
  co_await run.execute("w1", "apply:" + name, command, repeatable());
}

Durable<std::string> with_cleanup(Run& run, const std::string&) {
  run.on_cancel("first", [](engine::Run& cleanup) -> Durable<> {
    const Command command = command_called("Delete");
    co_await cleanup.execute("w1", "delete", command, repeatable());
    cleanup.publish("cleaned", "first", "{}");
  });
  run.on_cancel("second", [](engine::Run& cleanup) -> Durable<> {
    cleanup.publish("cleaned", "second", "{}");
    co_return;
  });
  const Command command = command_called("Verify");
  co_await run.until("w1", "healthy", command, 0);
  co_return "never";
}

std::vector<Definition> all_definitions() {
  return {definition<std::string>("script", 1, &script), definition<std::string>("apply", 1, &apply),
          definition<std::string>("with_cleanup", 1, &with_cleanup)};
}

TEST(Cancel, WhatWasNotSentIsNeverDone) {
  World world(all_definitions(), {});
  world.executor().connected = false;
  const RunId run = world.start(start_of("script"));
  world.settle_wakes();
  EXPECT_TRUE(world.cancel(run, "superseded"));
  EXPECT_FALSE(world.cancel(run, "again"));
  world.settle_wakes();
  EXPECT_EQ(world.info(run).outcome, RunOutcome::canceled);
  EXPECT_EQ(world.info(run).error->message(), "superseded");
  world.reconnect(world.executor());
  world.settle();
  EXPECT_TRUE(world.effects().empty());
}

TEST(Cancel, WhatAnExecutorHasMayReportAndThenTheRunEnds) {
  World::Options options;
  options.perform = [](const Activity&) {
    return ActivityResult::failed(Error(Fault::cancelled, "killed after 3 lines"));
  };
  World world(all_definitions(), options);
  const RunId run = world.start(start_of("script"));
  world.settle_wakes();
  world.cancel(run);
  world.settle_wakes();
  EXPECT_EQ(world.info(run).state, RunState::waiting);
  EXPECT_EQ(world.cancelled().size(), 1u);
  world.settle();
  EXPECT_EQ(world.info(run).outcome, RunOutcome::canceled);
  EXPECT_EQ(world.info(run).error->message(), "killed after 3 lines");
  EXPECT_EQ(world.effects().size(), 1u);
}

TEST(Cancel, TheGraceIsLimited) {
  World world(all_definitions(), {});
  const RunId run = world.start(start_of("script"));
  world.settle_wakes();
  world.cancel(run);
  world.settle_wakes();
  world.clock().advance(30 * kSecond);
  world.engine().fire_timers();
  world.settle_wakes();
  EXPECT_EQ(world.info(run).outcome, RunOutcome::canceled);
  EXPECT_EQ(world.count("SELECT COUNT(*) FROM activity"), 0);
  const std::string key = world.executor().inbox[0].key;
  EXPECT_FALSE(world.engine().deliver(key, ActivityResult::success({"{}"}))) << "a late result is dropped";
}

TEST(Cancel, CleanUpRunsLatestFirstAndIsExempt) {
  World world(all_definitions(), {});
  const RunId run = world.start(start_of("with_cleanup"));
  world.settle_wakes();
  world.cancel(run);
  world.settle();
  EXPECT_EQ(world.info(run).outcome, RunOutcome::canceled);
  EXPECT_EQ(world.count("SELECT MIN(id) FROM outbox WHERE key = 'second'") <
                world.count("SELECT MIN(id) FROM outbox WHERE key = 'first'"),
            true);
  EXPECT_EQ(world.count("SELECT COUNT(*) FROM outbox"), 2);
}

TEST(Cancel, CleanUpHasABudget) {
  World world(all_definitions(), {});
  const RunId run = world.start(start_of("with_cleanup"));
  world.settle_wakes();
  world.executor().connected = false;
  world.cancel(run);
  world.settle_wakes();
  EXPECT_EQ(world.waits(run).at(0).path, "on_cancel:first/delete");
  while (world.info(run).state != RunState::ended && world.fire_next_timer()) world.settle_wakes();
  EXPECT_EQ(world.info(run).outcome, RunOutcome::canceled);
  EXPECT_EQ(world.info(run).ended - world.info(run).created, 150 * kSecond);
}

TEST(Cancel, TheDeadlineOfARunEndsItAsFailed) {
  World world(all_definitions(), {});
  StartRun start = start_of("with_cleanup");
  start.deadline_us = 24 * kHour;
  const RunId run = world.start(start);
  world.settle_wakes();
  world.fire_next_timer();
  world.settle();
  EXPECT_EQ(world.info(run).outcome, RunOutcome::failed);
  EXPECT_EQ(world.info(run).error->fault(), Fault::timeout);
}

Durable<> nested(Run& run, const std::string& depth) {
  if (depth == "xxx") {
    co_await run.ask("forever", "");
    co_return;
  }
  ChildRun child;
  child.kind = "nested";
  child.input = {"\"" + depth + "x\""};
  co_await run.child("child", child);
}

TEST(Cancel, GoesDownTheTree) {
  World world({definition<std::string>("nested", 1, &nested)}, {});
  const RunId run = world.start(start_of("nested", "\"\""));
  world.settle();
  EXPECT_EQ(world.count("SELECT COUNT(*) FROM run"), 4);
  world.cancel(run);
  world.settle();
  EXPECT_EQ(world.count("SELECT COUNT(*) FROM run WHERE outcome = 'canceled'"), 4);
}

TEST(Executors, ALostScriptIsNeverRepeated) {
  World world(all_definitions(), {});
  const RunId run = world.start(start_of("script"));
  world.settle_wakes();
  world.perform_one(world.executor());
  world.executor().incarnation++;
  world.executor().done.clear();
  world.engine().executor_connected("w1", "w1#2", {"w1"}, "worker w1 died at 14:02");
  world.settle();
  EXPECT_EQ(world.info(run).outcome, RunOutcome::failed);
  EXPECT_EQ(world.info(run).error->message(), "outcome unknown: worker w1 died at 14:02 after RunScript had started");
  EXPECT_TRUE(is_outcome_unknown(*world.info(run).error));
  EXPECT_FALSE(world.info(run).error->retryable());
  EXPECT_EQ(world.effects().size(), 1u);
}

TEST(Executors, ALostApplyIsOfferedAgain) {
  World world(all_definitions(), {});
  const RunId run = world.start(start_of("apply"));
  world.settle_wakes();
  world.perform_one(world.executor());
  world.lose_memory(world.executor());
  world.settle();
  EXPECT_EQ(world.info(run).outcome, RunOutcome::success);
  EXPECT_THAT(world.effects(), ElementsAre(testing::Pair(testing::_, 2)));
}

TEST(Executors, WhatIsPendingGoesToWhoConnects) {
  World world(all_definitions(), {});
  world.executor().connected = false;
  world.start(start_of("script"));
  world.settle_wakes();
  const std::vector<Activity> pending = world.engine().pending_for("w1", {"w1"});
  ASSERT_EQ(pending.size(), 1u);
  EXPECT_EQ(pending[0].state, ActivityState::pending);
  EXPECT_TRUE(world.engine().mark_sent(pending[0].key, "w1", "w1#1"));
  EXPECT_TRUE(world.engine().mark_sent(pending[0].key, "w1", "w1#1"));
  EXPECT_FALSE(world.engine().mark_sent(pending[0].key, "w2", "w2#1"));
}

TEST(Slots, OnlySoManyTasksExecuteAndTheOthersComeInOrder) {
  World::Options options;
  std::vector<std::string> executing;
  options.engine.task_cap = 2;
  options.engine.on_slot = [&](store::Tx&, const std::string& task, bool on) {
    executing.push_back((on ? "+" : "-") + task);
  };
  World world(all_definitions(), options);
  for (const char* task : {"a", "b", "c", "d"}) {
    StartRun start = start_of("apply");
    start.task = task;
    world.start(start);
  }
  world.store().write([&](store::Tx& tx) { world.engine().set_rank(tx, "d", 1); });
  world.settle_wakes();
  EXPECT_EQ(world.executor().inbox.size(), 2u);
  EXPECT_THAT(executing, ElementsAre("+a", "+b"));
  world.perform_one(world.executor());
  world.report_one(world.executor());
  world.restart();
  world.settle_wakes();
  EXPECT_THAT(executing, ElementsAre("+a", "+b", "-a", "+d"));
  world.settle();
  EXPECT_EQ(executing.size(), 8u);
  EXPECT_EQ(executing[5], "+c");
  EXPECT_EQ(world.count("SELECT COUNT(*) FROM run WHERE outcome = 'success'"), 4);
}

Durable<std::int64_t> sleeper(Run& run, const std::string&) {
  const std::int64_t begun = run.now().us;
  co_await run.sleep("pause", kHour);
  co_return run.now().us - begun;
}

Durable<> dated(Run& run, const std::string&) { co_await run.sleep_until("date", run.now() + kHour); }

TEST(Clocks, DeadlinesSurviveAJumpAndDatesDoNotMove) {
  World world({definition<std::string>("sleeper", 1, &sleeper), definition<std::string>("dated", 1, &dated)}, {});
  const RunId pause = world.start(start_of("sleeper"));
  const RunId date = world.start(start_of("dated"));
  world.settle_wakes();
  world.clock().advance(30 * kMinute);
  world.clock().jump_wall(2 * kHour);
  EXPECT_EQ(world.engine().fire_timers(), 1);
  world.settle_wakes();
  EXPECT_EQ(world.info(date).state, RunState::ended);
  EXPECT_EQ(world.info(pause).state, RunState::waiting);
  world.clock().advance(30 * kMinute);
  EXPECT_EQ(world.engine().fire_timers(), 1);
  world.settle_wakes();
  EXPECT_EQ(world.info(pause).state, RunState::ended);
}

TEST(Clocks, ExpectationsAreSeenFreshBeforeTheirDeadlineCounts) {
  World world({definition<std::string>("until", 1,
                                       [](engine::Run& run, const std::string&) -> Durable<std::string> {
                                         const Command command = command_called("Verify");
                                         const auto verdict =
                                             co_await run.until<std::string>("w1", "healthy", command, kMinute);
                                         co_return verdict ? *verdict : "late";
                                       })},
              {});
  const RunId run = world.start(start_of("until"));
  world.settle_wakes();
  world.clock().advance(kHour);  // the server was down while the time ran out
  world.restart();
  EXPECT_EQ(world.engine().fire_timers(), 0);
  world.settle();
  EXPECT_EQ(world.info(run).result.text, "\"healthy\"");
}

}  // namespace
}  // namespace fairlead::engine
