// SPDX-License-Identifier: Apache-2.0
// Commands that are made by a function, once, when their activity is.
#include <gtest/gtest.h>

#include "engine/engine.h"
#include "engine/sim/world.h"

namespace fairlead::engine {
namespace {

int times_made = 0;

Durable<std::string> two_made_commands(engine::Run& run, const std::string&) {
  const auto make = [] {
    ++times_made;
    Command command;
    command.kind = "Note";
    command.payload.text = "{}";
    return command;
  };
  const ActivityOptions options = repeatable();
  co_await run.execute<std::string>("w1", "first", make, options);
  co_return co_await run.execute<std::string>("w1", "second", make, options);
}

TEST(MadeCommand, IsMadeOncePerActivityWhateverTheReplays) {
  times_made = 0;
  sim::World world({definition<std::string>("test", 1, two_made_commands)}, {});
  world.start(sim::start_of());
  world.settle_wakes();
  EXPECT_EQ(times_made, 1);
  EXPECT_TRUE(world.engine().deliver(world.executor().inbox.at(0).key, ActivityResult::success({"\"a\""})));
  world.settle_wakes();
  EXPECT_EQ(times_made, 2) << "the replay passed the first point without making its command again";
  EXPECT_TRUE(world.engine().deliver(world.executor().inbox.at(1).key, ActivityResult::success({"\"b\""})));
  world.settle_wakes();
  EXPECT_EQ(times_made, 2);
}

Durable<std::string> command_that_fails(engine::Run& run, const std::string&) {
  const auto make = []() -> Command {
    ++times_made;
    throw Error(Fault::invalid, "no such target");
  };
  const ActivityOptions options = repeatable();
  const auto settled = co_await Run::settle(run.execute<std::string>("w1", "only", make, options));
  co_await run.sleep("pause", kSecond);
  co_return settled.error ? settled.error->message() : "no error";
}

TEST(MadeCommand, ItsErrorIsTheResultOfThePointInEveryReplay) {
  times_made = 0;
  sim::World world({definition<std::string>("test", 1, command_that_fails)}, {});
  const RunId run = world.start(sim::start_of());
  world.settle_wakes();
  world.clock().advance(2 * kSecond);
  world.engine().fire_timers();
  world.settle_wakes();
  EXPECT_EQ(times_made, 1);
  EXPECT_EQ(world.info(run).result.text, "\"no such target\"");
}

}  // namespace
}  // namespace fairlead::engine
