// SPDX-License-Identifier: Apache-2.0
#include "engine/engine.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/text.h"
#include "engine/sim/world.h"
#include "store/outbox.h"

namespace fairlead::engine {
namespace {

using sim::start_of;
using sim::World;
using testing::HasSubstr;

struct Note {
  std::string text;
  int number = 0;
};
const json::Type& type_of(json::Tag<Note>) {
  static const json::Type type = json::Type::of<Note>("Note").field("Text", &Note::text).field("Number", &Note::number);
  return type;
}

template <class F>
World world_of(F body, World::Options options = {}) {
  return World({definition<std::string>("test", 1, body)}, std::move(options));
}

std::string result_of(World& world, const RunId& run) {
  const RunInfo info = world.info(run);
  return info.error ? std::string(name_of(info.outcome)) + ": " + info.error->message() : info.result.text;
}

Durable<std::string> two_activities(engine::Run& run, const std::string& input) {
  const Note note = run.once("prepare", [&] { return Note{input, 7}; });
  Note command{"do " + note.text, note.number};
  const auto first = co_await run.execute<std::string>("w1", "first", command, repeatable());
  const auto second = co_await run.execute<std::string>("w1", "second", command, not_repeatable());
  co_return first + "+" + second + "+" + std::to_string(note.number);
}

TEST(Engine, ARunGoesFromPointToPoint) {
  World world = world_of(&two_activities);
  const RunId run = world.start(start_of());
  world.settle_wakes();
  EXPECT_EQ(world.info(run).state, RunState::waiting);
  ASSERT_EQ(world.executor().inbox.size(), 1u);
  EXPECT_EQ(world.executor().inbox[0].command.kind, "Note");
  EXPECT_THAT(world.executor().inbox[0].command.payload.text, HasSubstr("do in"));
  EXPECT_EQ(world.finish(run).outcome, RunOutcome::success);
  EXPECT_EQ(result_of(world, run), "\"first+second+7\"");
  EXPECT_EQ(world.count("SELECT COUNT(*) FROM wait"), 0);
  EXPECT_EQ(world.count("SELECT COUNT(*) FROM activity"), 0);
}

TEST(Engine, EveryRestartBetweenTwoEventsChangesNothing) {
  World world = world_of(&two_activities);
  const RunId run = world.start(start_of());
  for (int i = 0; i < 40 && world.info(run).state != RunState::ended; ++i) {
    world.restart();
    if (world.wake()) continue;
    if (world.perform_one(world.executor())) continue;
    world.report_one(world.executor());
  }
  EXPECT_EQ(result_of(world, run), "\"first+second+7\"");
  for (const auto& [key, times] : world.effects()) EXPECT_EQ(times, 1) << key;
}

TEST(Engine, ADuplicateResultIsDropped) {
  World world = world_of(&two_activities);
  world.start(start_of());
  world.settle_wakes();
  const std::string key = world.executor().inbox[0].key;
  EXPECT_TRUE(world.engine().deliver(key, ActivityResult::success({"\"a\""})));
  EXPECT_FALSE(world.engine().deliver(key, ActivityResult::success({"\"b\""})));
  EXPECT_FALSE(world.engine().deliver("no-such-key", ActivityResult::success({"\"b\""})));
}

TEST(Engine, TheSameStartKeyGivesTheSameRun) {
  World world = world_of(&two_activities);
  StartRun start = start_of();
  start.key = "deploy-1";
  const RunId first = world.start(start);
  EXPECT_EQ(world.start(start), first);
  EXPECT_EQ(world.count("SELECT COUNT(*) FROM run"), 1);
}

TEST(Engine, AFailureIsThrownAtThePointInEveryReplay) {
  World::Options options;
  options.perform = [](const Activity& activity) {
    if (activity.path == "bad")
      return ActivityResult::failed(invalid("no such image").at("Deployment default/web", "ImagePull"));
    return ActivityResult::success({"\"ok\""});
  };
  World world = world_of(
      [](engine::Run& run, const std::string&) -> Durable<std::string> {
        Note command;
        const Settled<std::string> bad =
            co_await engine::Run::settle(run.execute<std::string>("w1", "bad", command, repeatable()));
        const auto good = co_await run.execute<std::string>("w1", "good", command, repeatable());
        co_return good + "/" + bad.error->message() + "/" + bad.error->details().at(0).where;
      },
      options);
  const RunId run = world.start(start_of());
  world.finish(run);
  EXPECT_EQ(result_of(world, run), "\"ok/no such image/Deployment default/web\"");
}

TEST(Engine, AnUncaughtFailureEndsTheRunAsFailed) {
  World world = world_of([](engine::Run& run, const std::string&) -> Durable<> {
    run.once("check", [] { throw invalid("the chart has no name"); });
    co_return;
  });
  const RunId run = world.start(start_of());
  EXPECT_EQ(world.finish(run).outcome, RunOutcome::failed);
  EXPECT_EQ(result_of(world, run), "failed: the chart has no name");
}

TEST(Engine, OnEndRunsInTheTransactionOfTheEnd) {
  Definition made = definition<std::string>("test", 1, &two_activities);
  made.on_end = [](store::Tx& tx, const RunEnd& end) { store::publish(tx, "ended", end.run.value, end.result.text); };
  World world({made}, {});
  const RunId run = world.start(start_of());
  world.finish(run);
  EXPECT_EQ(world.count("SELECT COUNT(*) FROM outbox WHERE topic = 'ended'"), 1);
}

TEST(Engine, UntilGivesAVerdictOrTheDeadline) {
  World::Options options;
  options.engine.deadline_grace_us = 0;
  World world = world_of(
      [](engine::Run& run, const std::string&) -> Durable<std::string> {
        Note expectation;
        const auto first = co_await run.until<std::string>("w1", "seen", expectation, kMinute);
        const auto second = co_await run.until<std::string>("w1", "unseen", expectation, kMinute);
        co_return *first + (second ? "?" : "/late");
      },
      options);
  const RunId run = world.start(start_of());
  world.settle_wakes();
  EXPECT_TRUE(world.executor().inbox[0].long_lived);
  EXPECT_EQ(world.count("SELECT COUNT(*) FROM run_task WHERE held_since > 0"), 0) << "waiting costs no slot";
  world.perform_one(world.executor());
  world.report_one(world.executor());
  world.settle_wakes();
  const std::string unseen = world.executor().inbox[0].key;
  world.clock().advance(kMinute - 1);
  EXPECT_EQ(world.engine().fire_timers(), 0);
  world.clock().advance(1);
  EXPECT_EQ(world.engine().fire_timers(), 1);
  world.settle_wakes();
  EXPECT_EQ(result_of(world, run), "\"seen/late\"");
  EXPECT_THAT(world.cancelled(), testing::ElementsAre(unseen));
}

TEST(Engine, ExecuteThrowsWhenItsDeadlinePasses) {
  World world = world_of([](engine::Run& run, const std::string&) -> Durable<> {
    Note command;
    co_await run.execute("w1", "slow", command, not_repeatable(90 * kSecond));
  });
  const RunId run = world.start(start_of());
  world.settle_wakes();
  world.fire_next_timer();
  world.settle_wakes();
  EXPECT_EQ(result_of(world, run), "failed: \"slow\" did not end within 1 min 30 s");
}

TEST(Engine, AnswersComeOnceAndOnlyWhereSomebodyWaits) {
  World world = world_of([](engine::Run& run, const std::string&) -> Durable<std::string> {
    engine::Run step = run.scope("step:1");
    const auto answer = co_await step.ask<Note>("approval", "May it go on?");
    co_return answer->text;
  });
  const RunId run = world.start(start_of());
  EXPECT_FALSE(world.answer(run, "step:1/approval", "{\"Text\":\"early\"}"));
  world.settle_wakes();
  ASSERT_EQ(world.waits(run).size(), 1u);
  EXPECT_EQ(world.waits(run)[0].subject, "May it go on?");
  EXPECT_FALSE(world.answer(run, "step:2/approval", "{}"));
  EXPECT_TRUE(world.answer(run, "step:1/approval", "{\"Text\":\"yes\"}"));
  EXPECT_FALSE(world.answer(run, "step:1/approval", "{\"Text\":\"no\"}"));
  world.settle_wakes();
  EXPECT_EQ(result_of(world, run), "\"yes\"");
}

Durable<std::string> one_of_many(engine::Run& run, int number) {
  Note command{"n", number};
  const auto first = co_await run.execute<std::string>("w1", "a", command, repeatable());
  const auto second = co_await run.execute<std::string>("w1", "b", command, repeatable());
  run.log().info("branch ended");
  run.publish("branch", std::to_string(number), "{}");
  co_return first + second;
}

Durable<std::string> window_of_two(engine::Run& run, const std::string&) {
  const std::vector<int> items{0, 1, 2, 3, 4};
  const auto results =
      co_await run.all("t", items, 2, [](engine::Run& branch, int number) { return one_of_many(branch, number); });
  run.publish("joined", "", "{}");
  co_return text::join(results, ",");
}

TEST(Engine, AllKeepsToItsWindowAndToTheOrderOfResults) {
  World world = world_of(&window_of_two);
  const RunId run = world.start(start_of());
  while (world.info(run).state != RunState::ended) {
    world.settle_wakes();
    EXPECT_LE(world.count("SELECT COUNT(*) FROM activity"), 2);
    while (world.perform_one(world.executor())) continue;
    world.report_one(world.executor());  // the branches end out of order
  }
  EXPECT_EQ(result_of(world, run), "\"t[0]/at[0]/b,t[1]/at[1]/b,t[2]/at[2]/b,t[3]/at[3]/b,t[4]/at[4]/b\"");
  EXPECT_EQ(world.count("SELECT COUNT(*) FROM outbox WHERE topic = 'branch'"), 5) << "replayed parts are silent";
  EXPECT_EQ(world.count("SELECT COUNT(*) FROM outbox WHERE topic = 'joined'"), 1);
}

TEST(Engine, AllRunsEverythingAndThrowsTheFirstFailure) {
  World world = world_of([](engine::Run& run, const std::string&) -> Durable<> {
    const std::vector<int> items{0, 1, 2};
    co_await run.all("t", items, 8, [](engine::Run& branch, int number) -> Durable<> {
      branch.publish("branch", "", "{}");
      if (number > 0) throw invalid("item " + std::to_string(number));
      co_return;
    });
  });
  const RunId run = world.start(start_of());
  world.finish(run);
  EXPECT_EQ(result_of(world, run), "failed: item 1");
  EXPECT_EQ(world.count("SELECT COUNT(*) FROM outbox"), 3);
}

Durable<std::string> parent(engine::Run& run, const std::string&) {
  ChildRun spec;
  spec.kind = "test";
  spec.input = {"\"from parent\""};
  const auto good = co_await run.child<std::string>("good", spec);
  spec.kind = "failing";
  const Settled<std::string> bad = co_await engine::Run::settle(run.child<std::string>("bad", spec));
  co_return good + "/" + bad.error->message();
}

Durable<> failing(engine::Run&, const std::string& input) {
  throw invalid("child of " + input + " failed");
  co_return;
}

TEST(Engine, ChildrenGiveTheirResultsToTheirParent) {
  World world({definition<std::string>("parent", 1, &parent), definition<std::string>("test", 1, &two_activities),
               definition<std::string>("failing", 1, &failing)},
              {});
  const RunId run = world.start(start_of("parent"));
  world.finish(run);
  EXPECT_EQ(result_of(world, run), "\"first+second+7/child of from parent failed\"");
  EXPECT_EQ(world.count("SELECT COUNT(DISTINCT task) FROM run"), 1) << "children belong to their parent's task";
}

Durable<std::string> locked(engine::Run& run, const std::string& name) {
  co_await run.lock("cluster/ns");
  Note command{name};
  co_await run.execute("w1", "work:" + name, command, repeatable());
  run.unlock("cluster/ns");
  co_await run.ask("after", "");
  co_return name;
}

TEST(Engine, LocksAreGivenInOrderAndGivenBack) {
  World world = world_of(&locked);
  const RunId a = world.start(start_of("test", "\"a\""));
  const RunId b = world.start(start_of("test", "\"b\""));
  const RunId c = world.start(start_of("test", "\"c\""));
  world.settle_wakes();
  ASSERT_EQ(world.executor().inbox.size(), 1u);
  EXPECT_EQ(world.executor().inbox[0].path, "work:a");
  EXPECT_EQ(world.waits(b).at(0).kind, "lock");
  world.cancel(b);
  world.settle();
  EXPECT_EQ(world.info(b).outcome, RunOutcome::canceled);
  EXPECT_EQ(world.effects().size(), 2u) << "c came after a, b never";
  world.answer(a, "after", "{}");
  world.answer(c, "after", "{}");
  world.settle();
  EXPECT_EQ(result_of(world, a), "\"a\"");
  EXPECT_EQ(result_of(world, c), "\"c\"");
  EXPECT_EQ(world.count("SELECT COUNT(*) FROM run_lock"), 0);
}

TEST(Engine, TheSameNameTwiceIsABug) {
  World world = world_of([](engine::Run& run, const std::string&) -> Durable<> {
    run.once("x", [] {});
    run.once("x", [] {});
    co_return;
  });
  const RunId run = world.start(start_of());
  EXPECT_EQ(world.finish(run).error->fault(), Fault::bug);
  EXPECT_EQ(result_of(world, run), "failed: two points of the run are called \"x\"");
}

TEST(Engine, CodeThatNoLongerFitsTheJournalStopsTheRun) {
  static bool changed = false;
  changed = false;
  World world = world_of([](engine::Run& run, const std::string&) -> Durable<> {
    if (!changed) run.once("old", [] {});
    co_await run.ask("wait", "");
  });
  const RunId run = world.start(start_of());
  world.settle_wakes();
  changed = true;
  world.answer(run, "wait", "{}");
  world.settle_wakes();
  EXPECT_EQ(world.info(run).outcome, RunOutcome::stopped);
  EXPECT_THAT(result_of(world, run),
              HasSubstr("no longer fits what run " + run.value + " has recorded: it did not come to \"old\""));
}

TEST(Engine, TheJournalHasALimit) {
  World world = world_of([](engine::Run& run, const std::string&) -> Durable<> {
    for (int i = 0;; ++i) run.once("round:" + std::to_string(i), [] {});
    co_return;
  });
  const RunId run = world.start(start_of());
  EXPECT_EQ(world.finish(run).outcome, RunOutcome::stopped);
  EXPECT_THAT(result_of(world, run), HasSubstr("10000 results, which is the limit of one run"));
}

TEST(Engine, LongValuesBecomeBlobs) {
  World world = world_of([](engine::Run& run, const std::string&) -> Durable<std::string> {
    const std::string once = run.once("long", [] { return std::string(10'000, 'x'); });
    co_await run.ask("wait", "");
    co_return std::to_string(once.size());
  });
  const RunId run = world.start(start_of());
  world.settle_wakes();
  EXPECT_EQ(world.count("SELECT COUNT(*) FROM journal WHERE digest IS NOT NULL AND value IS NULL"), 1);
  world.restart();
  world.answer(run, "wait", "{}");
  world.settle();
  EXPECT_EQ(result_of(world, run), "\"10000\"");
}

TEST(Engine, UuidsAndTimesAreTheSameInEveryReplay) {
  World world = world_of([](engine::Run& run, const std::string&) -> Durable<std::string> {
    const std::string uuid = run.uuid("a");
    const std::int64_t begun = run.now().us;
    const std::string first = run.once("first", [&] { return uuid + std::to_string(begun); });
    co_await run.sleep("pause", kMinute);
    if (first != run.uuid("a") + std::to_string(begun) || run.uuid("b") == uuid) throw Error(Fault::bug, "differs");
    co_return std::to_string((run.now().us - begun) / kSecond);
  });
  const RunId run = world.start(start_of());
  world.finish(run);
  EXPECT_EQ(result_of(world, run), "\"60\"");
}

TEST(Engine, PruneForgetsEndedTrees) {
  World world({definition<std::string>("parent", 1, &parent), definition<std::string>("test", 1, &two_activities),
               definition<std::string>("failing", 1, &failing)},
              {});
  world.finish(world.start(start_of("parent")));
  const RunId alive = world.start(start_of("test"));
  world.settle_wakes();
  world.clock().advance(kHour);
  EXPECT_EQ(world.store().write([&](store::Tx& tx) { return world.engine().prune(tx, tx.now()); }), 3);
  EXPECT_EQ(world.count("SELECT COUNT(*) FROM run"), 1);
  EXPECT_EQ(world.count("SELECT COUNT(DISTINCT run) FROM journal"), 1);
  EXPECT_EQ(world.count("SELECT COUNT(*) FROM run_task"), 1);
  EXPECT_EQ(world.finish(alive).outcome, RunOutcome::success);
}

}  // namespace
}  // namespace fairlead::engine
