// SPDX-License-Identifier: Apache-2.0
// The engine under crashes and random schedules. A failing seed is printed with the failure; FAIRLEAD_SIM_SEEDS=n makes
// it longer.
#include <gtest/gtest.h>

#include <cstdlib>

#include "base/text.h"
#include "engine/sim/story.h"

namespace fairlead::engine::sim {
namespace {

int seeds(int otherwise) {
  const char* text = std::getenv("FAIRLEAD_SIM_SEEDS");
  return text == nullptr ? otherwise : static_cast<int>(text::parse_int(text).value_or(otherwise));
}

World::Options world_options() {
  World::Options options;
  options.executors = {"w1", "w2"};
  options.perform = &story_result;
  options.engine.task_cap = 2;
  options.with_log = true;
  options.reports_with_wakes = true;
  return options;
}

bool answer_one(World& world) {
  struct Asked {
    std::string run, path;
  };
  std::optional<Asked> asked = world.store().read([](const store::Tx& tx) {
    std::optional<Asked> found;
    store::Statement row = tx.query("SELECT run, path FROM wait WHERE kind = 'answer' ORDER BY since, path LIMIT 1");
    if (row.next()) found = Asked{row.text(0), row.text(1)};
    return found;
  });
  return asked && world.answer(RunId(asked->run), asked->path, "\"yes\"");
}

std::int64_t unfinished(World& world) { return world.count("SELECT COUNT(*) FROM run WHERE state <> 'ended'"); }

// Lets everything happen in the natural order until nothing is left to happen.
void run_to_the_end(World& world) {
  for (int i = 0; i < 100'000; ++i) {
    world.settle();
    if (answer_one(world)) continue;
    if (unfinished(world) == 0) break;
    if (!world.fire_next_timer(kHour)) world.clock().advance(10 * kSecond);
  }
}

void check_nothing_is_left(World& world) {
  EXPECT_EQ(unfinished(world), 0);
  for (const char* table : {"wait", "activity", "run_lock"}) {
    EXPECT_EQ(world.count(text::format("SELECT COUNT(*) FROM {}", table)), 0) << table;
  }
  EXPECT_EQ(world.count("SELECT COUNT(*) FROM run_task WHERE held_since > 0"), 0);
  EXPECT_EQ(world.count("SELECT COUNT(*) FROM run WHERE outcome = 'stopped'"), 0) << world.store().read(
      [](const store::Tx& tx) { return tx.text("SELECT error FROM run WHERE outcome = 'stopped'").value_or(""); });
  for (const auto& [key, times] : world.effects()) {
    if (!world.known().at(key).is_repeatable) {
      EXPECT_EQ(times, 1) << "done twice: " << world.known().at(key).path;
    }
  }
}

// The log without times, element by element: what must be the same with and without crashes. In what order branches
// moved is free.
std::string log_of(World& world, const RunId& run) {
  world.log().flush();
  std::map<std::string, std::string> by_element;
  for (const LogEntry& entry : world.log().tail(run.value, 0, 1u << 30).entries) {
    by_element[entry.element_id] +=
        " " + (entry.line ? entry.line->text : std::string(name_of(*entry.element->status)));
  }
  std::string lines;
  for (const auto& [element, texts] : by_element) lines += element + ":" + texts + "\n";
  return lines;
}

struct Expected {
  std::string result;
  std::string log;
  std::int64_t writes = 0;
};

Expected undisturbed(std::int64_t seed, int length) {
  World world(story_definitions(), world_options());
  const RunId run = world.start(start_story(seed, length));
  run_to_the_end(world);
  check_nothing_is_left(world);
  return {world.info(run).result.text, log_of(world, run), world.store().writes()};
}

// One story with a crash at one write of the first server, and none afterwards.
void crash_once(std::int64_t seed, int length, std::int64_t write, CrashingStore::Crash crash,
                const Expected& expected) {
  SCOPED_TRACE(text::format("seed {} length {} crash at write {} {}", seed, length, write,
                            crash == CrashingStore::Crash::before_commit ? "before its commit" : "after its commit"));
  World world(story_definitions(), world_options());
  world.store().crash_at(write, crash);
  std::optional<RunId> run;
  try {
    run = world.start(start_story(seed, length));
    run_to_the_end(world);
    log_of(world, *run);
  } catch (const Error& error) {
    if (!world.store().is_dead()) throw;
  }
  if (world.store().is_dead()) {
    world.restart();
    run = world.start(start_story(seed, length));  // the same key: the same run, if it had been accepted
    run_to_the_end(world);
  }
  check_nothing_is_left(world);
  EXPECT_EQ(world.info(*run).result.text, expected.result);
  EXPECT_EQ(log_of(world, *run), expected.log);
}

TEST(Sim, ACrashAtEveryWriteChangesNothing) {
  const int count = seeds(6);
  for (std::int64_t seed = 1; seed <= count; ++seed) {
    const Expected expected = undisturbed(seed, 5);
    ASSERT_FALSE(expected.result.empty());
    for (std::int64_t write = 1; write <= expected.writes && !testing::Test::HasFailure(); ++write) {
      crash_once(seed, 5, write, CrashingStore::Crash::before_commit, expected);
      crash_once(seed, 5, write, CrashingStore::Crash::after_commit, expected);
    }
    if (testing::Test::HasFailure()) break;
  }
}

// Anything may happen at any time: wakes, work, reports, timers, answers, crashes, executors that forget,
// cancellations.
class Schedule {
 public:
  Schedule(World& world, Random& random, bool hostile) : world_(world), random_(random), hostile_(hostile) {}

  void step() {
    try {
      act(random_.below(hostile_ ? 100 : 90));
    } catch (const Error&) {
      if (!world_.store().is_dead()) throw;
    }
    if (world_.store().is_dead()) world_.restart();
    arm();
  }
  void disarm() { world_.store().crash_at(0, CrashingStore::Crash::before_commit); }

 private:
  Executor& any() {
    return world_.executor(static_cast<std::size_t>(random_.below(static_cast<int>(world_.executor_count()))));
  }
  void arm() {
    if (!random_.one_in(10)) return;
    const auto crash = random_.one_in(2) ? CrashingStore::Crash::before_commit : CrashingStore::Crash::after_commit;
    world_.store().crash_at(world_.store().writes() + 1 + random_.below(3), crash);
  }
  void act(int choice) {
    if (choice < 35) {
      world_.wake();
    } else if (choice < 55) {
      world_.perform_one(any());
    } else if (choice < 70) {
      world_.report_one(any());
    } else if (choice < 76) {
      world_.fire_next_timer(hostile_ ? 2000 * kHour : kHour);
    } else if (choice < 82) {
      answer_one(world_);
    } else if (choice < 84) {
      world_.restart();
    } else if (choice < 86) {
      world_.reconnect(any());
    } else if (choice < 87) {
      any().connected = false;
    } else if (choice < 90) {
      world_.log().flush();
    } else if (choice < 96) {
      world_.lose_memory(any());
    } else {
      const auto run = world_.store().read([&](const store::Tx& tx) {
        return tx.text("SELECT id FROM run WHERE state <> 'ended' ORDER BY id LIMIT 1 OFFSET ?", random_.below(4));
      });
      if (run && random_.one_in(4)) world_.cancel(RunId(*run));
    }
  }

  World& world_;
  Random& random_;
  const bool hostile_;
};

void random_schedule(std::uint64_t seed, bool hostile) {
  SCOPED_TRACE(text::format("schedule seed {}{}", seed, hostile ? ", hostile" : ""));
  constexpr int kStories = 3;
  Random random(seed * 7919);
  std::vector<Expected> expected;
  if (!hostile) {
    for (int i = 0; i < kStories; ++i) expected.push_back(undisturbed(static_cast<std::int64_t>(seed) * 100 + i, 6));
  }
  World world(story_definitions(), world_options());
  std::vector<RunId> runs;
  for (int i = 0; i < kStories; ++i)
    runs.push_back(world.start(start_story(static_cast<std::int64_t>(seed) * 100 + i, 6)));
  Schedule schedule(world, random, hostile);
  for (int i = 0; i < 600; ++i) schedule.step();
  schedule.disarm();
  for (std::size_t i = 0; i < world.executor_count(); ++i) world.reconnect(world.executor(i));
  run_to_the_end(world);
  check_nothing_is_left(world);
  for (std::size_t i = 0; i < expected.size(); ++i)
    EXPECT_EQ(world.info(runs[i]).result.text, expected[i].result) << "story " << i;
}

TEST(Sim, RandomSchedulesGiveTheSameResults) {
  const int count = seeds(15);
  for (int seed = 1; seed <= count && !testing::Test::HasFailure(); ++seed)
    random_schedule(static_cast<std::uint64_t>(seed), false);
}

TEST(Sim, HostileSchedulesStillEndAndRepeatNoScript) {
  const int count = seeds(25);
  for (int seed = 1; seed <= count && !testing::Test::HasFailure(); ++seed)
    random_schedule(static_cast<std::uint64_t>(seed), true);
}

TEST(Sim, CancelAlwaysEnds) {
  const int count = seeds(25);
  for (int seed = 1; seed <= count && !testing::Test::HasFailure(); ++seed) {
    SCOPED_TRACE(text::format("cancel seed {}", seed));
    Random random(static_cast<std::uint64_t>(seed));
    World world(story_definitions(), world_options());
    const RunId run = world.start(start_story(seed, 8));
    Schedule schedule(world, random, false);
    for (int i = random.below(60); i > 0; --i) schedule.step();
    schedule.disarm();
    for (std::size_t i = 0; i < world.executor_count(); ++i)
      world.executor(i).connected = false;  // and nobody answers any more
    world.cancel(run);
    for (int i = 0; i < 1000 && unfinished(world) > 0; ++i) {
      world.settle_wakes();
      if (unfinished(world) > 0) world.fire_next_timer();
    }
    check_nothing_is_left(world);
  }
}

}  // namespace
}  // namespace fairlead::engine::sim
