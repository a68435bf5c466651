// SPDX-License-Identifier: Apache-2.0
// What comes along with the result of an activity.
#include <gtest/gtest.h>

#include <optional>

#include "engine/engine.h"
#include "engine/sim/world.h"
#include "store/outbox.h"

namespace fairlead::engine {
namespace {

Durable<std::string> one_activity_of_deliver(engine::Run& run, const std::string&) {
  Command command;
  command.kind = "Note";
  command.payload.text = "{}";
  co_return co_await run.execute<std::string>("w1", "only", command, repeatable());
}

// nullopt: not answered yet.
std::optional<bool> deliver_with_event(sim::World& world, const std::string& key) {
  std::optional<bool> accepted;
  world.engine().deliver(
      key, ActivityResult::success({"\"a\""}), [](store::Tx& tx) { store::publish(tx, "came-along", "key", "{}"); },
      [&](bool result, const std::exception_ptr&) { accepted = result; });
  world.settle_wakes();
  return accepted;
}

TEST(Deliver, WhatComesWithAResultIsWrittenOnceWithIt) {
  sim::World world({definition<std::string>("test", 1, one_activity_of_deliver)}, {});
  world.start(sim::start_of());
  world.settle_wakes();
  const std::string key = world.executor().inbox.at(0).key;
  EXPECT_EQ(deliver_with_event(world, "no-such-key"), false);
  EXPECT_EQ(world.count("SELECT COUNT(*) FROM outbox WHERE topic = 'came-along'"), 0);
  EXPECT_EQ(deliver_with_event(world, key), true);
  EXPECT_EQ(deliver_with_event(world, key), false);
  EXPECT_EQ(world.count("SELECT COUNT(*) FROM outbox WHERE topic = 'came-along'"), 1);
}

TEST(Deliver, TheWakeIsInTheCommitOfTheResult) {
  sim::World world({definition<std::string>("test", 1, one_activity_of_deliver)}, {});
  const RunId run = world.start(sim::start_of());
  world.settle_wakes();
  const std::int64_t writes = world.store().writes();
  EXPECT_EQ(deliver_with_event(world, world.executor().inbox.at(0).key), true);
  EXPECT_EQ(world.info(run).state, RunState::ended);
  EXPECT_EQ(world.store().writes(), writes + 1);
}

TEST(Deliver, AResultOutlivesAWakeThatCannotBeWritten) {
  Definition definition = engine::definition<std::string>("test", 1, one_activity_of_deliver);
  definition.on_end = [](store::Tx&, const RunEnd& end) {
    if (end.outcome == RunOutcome::success) throw Error(Fault::bug, "the feature cannot end it");
  };
  sim::World world({definition}, {});
  const RunId run = world.start(sim::start_of());
  world.settle_wakes();
  EXPECT_EQ(deliver_with_event(world, world.executor().inbox.at(0).key), true);
  EXPECT_EQ(world.count("SELECT COUNT(*) FROM journal WHERE path = 'only'"), 1);
  EXPECT_EQ(world.info(run).outcome, RunOutcome::stopped);
}

TEST(Deliver, AResultThatMeetsACancellationIsKeptAndTheWakeDoneAgain) {
  sim::World world({definition<std::string>("test", 1, one_activity_of_deliver)}, {});
  const RunId run = world.start(sim::start_of());
  world.settle_wakes();
  const std::string key = world.executor().inbox.at(0).key;
  world.store().before_next_write([&] { world.cancel(run); });
  EXPECT_EQ(deliver_with_event(world, key), true);
  EXPECT_EQ(world.count("SELECT COUNT(*) FROM journal WHERE path = 'only' AND outcome = 'value'"), 1);
  EXPECT_EQ(world.info(run).state, RunState::ended);
}

}  // namespace
}  // namespace fairlead::engine
