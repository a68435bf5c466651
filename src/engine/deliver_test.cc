// SPDX-License-Identifier: Apache-2.0
// What comes along with the result of an activity.
#include <gtest/gtest.h>

#include <future>

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

bool deliver_with_event(Engine& engine, const std::string& key) {
  std::promise<bool> accepted;
  engine.deliver(
      key, ActivityResult::success({"\"a\""}), [](store::Tx& tx) { store::publish(tx, "came-along", "key", "{}"); },
      [&](bool result, const std::exception_ptr&) { accepted.set_value(result); });
  return accepted.get_future().get();
}

TEST(Deliver, WhatComesWithAResultIsWrittenOnceWithIt) {
  sim::World world({definition<std::string>("test", 1, one_activity_of_deliver)}, {});
  world.start(sim::start_of());
  world.settle_wakes();
  const std::string key = world.executor().inbox.at(0).key;
  EXPECT_FALSE(deliver_with_event(world.engine(), "no-such-key"));
  EXPECT_EQ(world.count("SELECT COUNT(*) FROM outbox WHERE topic = 'came-along'"), 0);
  EXPECT_TRUE(deliver_with_event(world.engine(), key));
  EXPECT_FALSE(deliver_with_event(world.engine(), key));
  EXPECT_EQ(world.count("SELECT COUNT(*) FROM outbox WHERE topic = 'came-along'"), 1);
}

}  // namespace
}  // namespace fairlead::engine
