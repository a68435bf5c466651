// SPDX-License-Identifier: Apache-2.0
// FAIRLEAD_WRITE_GOLDEN=1 writes the file anew: only for a new version of the definition.
#include "engine/sim/golden.h"

#include <gtest/gtest.h>

#include <cstdlib>

#include "base/file.h"
#include "engine/sim/world.h"

namespace fairlead::engine::sim {
namespace {

Durable<std::string> target(Run& run, const std::string& name) {
  const Command apply{"Apply", {"{}"}};
  const auto applied = co_await run.execute<std::string>("w1", "apply", apply, repeatable());
  const auto healthy = co_await run.until<std::string>("w1", "healthy", apply, kHour);
  co_return name + applied + healthy.value_or("");
}

// Changing this function so that it no longer fits the file is what the test must notice.
Durable<std::string> rollout(Run& run, const std::string& input) {
  const std::string plan = run.once("plan", [&] { return input + std::string(5000, '.'); });
  const std::vector<std::string> names{"t1", "t2", "t3"};
  const auto done =
      co_await run.all("target", names, 2, [](Run& branch, const std::string& name) { return target(branch, name); });
  co_await run.sleep("soak", kMinute);
  const auto approval = co_await run.ask<std::string>("approval", "go on?");
  co_return plan.substr(0, 2) + done.front() + approval.value_or("");
}

Durable<std::string> changed_rollout(Run& run, const std::string&) {
  run.once("plan-renamed", [] { return std::string("x"); });
  co_await run.ask("approval", "");
  co_return "";
}

std::string path() {
  const char* source = std::getenv("FAIRLEAD_SOURCE");
  return std::string(source == nullptr ? "." : source) + "/src/engine/sim/rollout_v1.golden.json";
}

std::string record() {
  World::Options options;
  World world({definition<std::string>("rollout", 1, &rollout)}, options);
  StartRun start;
  start.kind = "rollout";
  start.input = {"\"in\""};
  const RunId run = world.start(start);
  while (world.waits(run).empty() || world.waits(run)[0].path != "approval") {
    world.settle();
    if (world.waits(run)[0].path != "approval") world.fire_next_timer();
  }
  return world.store().read([&](const store::Tx& tx) { return write_golden(tx, run); });
}

TEST(Golden, AJournalOfAnEarlierBuildIsConsumed) {
  if (std::getenv("FAIRLEAD_WRITE_GOLDEN") != nullptr) file::write_durably(path(), record() + "\n", 0644);
  const WakeResult result = replay_golden(definition<std::string>("rollout", 1, &rollout), file::read(path()));
  EXPECT_FALSE(result.end) << result.end->error->message();
  EXPECT_TRUE(result.facts.empty());
  EXPECT_TRUE(result.new_waits.empty());
  EXPECT_TRUE(result.dropped_waits.empty());
  EXPECT_TRUE(result.log.empty());
}

TEST(Golden, ThePresentBuildRecordsTheSame) { EXPECT_EQ(record() + "\n", file::read(path())); }

TEST(Golden, AChangedDefinitionIsNoticed) {
  const WakeResult result = replay_golden(definition<std::string>("rollout", 1, &changed_rollout), file::read(path()));
  ASSERT_TRUE(result.end);
  EXPECT_EQ(result.end->outcome, RunOutcome::stopped);
}

}  // namespace
}  // namespace fairlead::engine::sim
