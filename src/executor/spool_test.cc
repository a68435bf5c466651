// SPDX-License-Identifier: Apache-2.0
#include "executor/spool.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <thread>

#include "base/text.h"
#include "executor/command_log.h"

namespace fairlead::executor {
namespace {

struct SpoolTest : testing::Test {
  std::string folder = file::make_temporary_folder("spool");
  ManualClock clock;
  void TearDown() override { file::remove_tree(folder); }
  std::unique_ptr<Spool> open() { return std::make_unique<Spool>(folder, clock); }
};

link::Result result_of(const std::string& key) {
  return {.key = key, .outcome = link::Outcome::succeeded, .value = {R"({"ExitCode":0})"}};
}

TEST_F(SpoolTest, RemembersOverProcesses) {
  std::string incarnation;
  {
    const auto spool = open();
    incarnation = spool->incarnation();
    EXPECT_EQ(spool->epoch(), 1u);
    EXPECT_EQ(spool->state("a"), CommandState::unknown);
    for (const char* key : {"begun", "finished", "ended"}) spool->begin(key);
    spool->finish(result_of("finished"));
    spool->finish(result_of("ended"));
    spool->end("ended");
  }
  const auto spool = open();
  EXPECT_EQ(spool->incarnation(), incarnation);
  EXPECT_EQ(spool->epoch(), 2u);
  EXPECT_EQ(spool->state("begun"), CommandState::started);
  EXPECT_EQ(spool->state("finished"), CommandState::finished);
  EXPECT_EQ(spool->state("ended"), CommandState::ended);
  const auto unfinished = spool->unfinished();
  ASSERT_EQ(unfinished.size(), 2u);
  EXPECT_FALSE(unfinished[0].result);
  ASSERT_TRUE(unfinished[1].result);
  EXPECT_EQ(unfinished[1].result->value.text, R"({"ExitCode":0})");
}

TEST_F(SpoolTest, WhatIsAnnouncedAtTheSameTimeIsAllRemembered) {
  {
    const auto spool = open();
    const std::uint64_t first = spool->announce("first"), second = spool->announce("second");
    spool->wait_durable(second);
    spool->wait_durable(first);
    std::vector<std::thread> threads;
    threads.reserve(16);
    for (int number = 0; number < 16; ++number) {
      threads.emplace_back([&, number] {
        for (int i = 0; i < 10; ++i) {
          const std::string key = text::format("{}-{}", number, i);
          spool->begin(key);
          if (i % 2 == 0) spool->end(key);
        }
      });
    }
    for (std::thread& thread : threads) thread.join();
    spool->announce("last");  // settled by the end of the spool at the latest
  }
  const auto spool = open();
  EXPECT_EQ(spool->unfinished().size(), 3u + 16 * 5);
  EXPECT_EQ(spool->state("7-8"), CommandState::ended);
}

// Where the journal begins anew, what was announced before is settled, and what is announced after still is.
TEST_F(SpoolTest, AJournalThatBeginsAnewKeepsNobodyWaiting) {
  const auto spool = open();
  spool->change_server_incarnation("one");
  for (int round = 0; round < 20; ++round) {
    const std::uint64_t announced = spool->announce("before");
    spool->change_server_incarnation(text::format("other {}", round));
    spool->wait_durable(announced);
    spool->begin("after");
    EXPECT_EQ(spool->unfinished().size(), 1u);
  }
}

TEST_F(SpoolTest, OneProcessAtATime) {
  const auto spool = open();
  EXPECT_THROW(open(), Error);
}

TEST_F(SpoolTest, ATornLastLineWasNeverPromised) {
  open()->begin("a");
  std::ofstream(folder + "/journal", std::ios::app) << R"({"Key":"b","Sta)";
  const auto spool = open();
  EXPECT_EQ(spool->state("a"), CommandState::started);
  EXPECT_EQ(spool->state("b"), CommandState::unknown);
}

TEST_F(SpoolTest, ADamagedOrMissingJournalIsALostMemory) {
  const std::string first = open()->incarnation();
  std::ofstream(folder + "/journal", std::ios::app) << "nonsense\n";
  const std::string second = open()->incarnation();
  EXPECT_NE(first, second);
  std::filesystem::remove(folder + "/journal");
  EXPECT_NE(open()->incarnation(), second);
}

TEST_F(SpoolTest, AnotherDatabaseOfTheServerEmptiesIt) {
  {
    const auto spool = open();
    spool->change_server_incarnation("one");
    spool->begin("a");
    spool->change_server_incarnation("one");
    EXPECT_EQ(spool->state("a"), CommandState::started);
    spool->change_server_incarnation("two");
    EXPECT_EQ(spool->state("a"), CommandState::unknown);
  }
  EXPECT_EQ(open()->server_incarnation(), "two");
  EXPECT_TRUE(open()->unfinished().empty());
}

TEST_F(SpoolTest, EndedCommandsAreForgottenAfterAWhile) {
  open()->begin("a");
  open()->end("a");
  clock.advance(2 * kHour);
  EXPECT_EQ(open()->state("a"), CommandState::unknown);
}

TEST_F(SpoolTest, ALogGoesOnWhereAnEarlierProcessLeftIt) {
  const std::string path = folder + "/log";
  {
    CommandLog log(clock, path, 0);
    log.info("one");
    log.info("two");
    EXPECT_EQ(log.take(1).lines.size(), 1u);
  }
  CommandLog log(clock, path, 0);
  log.info("three");
  const auto taken = log.take(10'000);
  EXPECT_EQ(taken.offset, 0);
  ASSERT_EQ(taken.lines.size(), 3u);
  EXPECT_EQ(taken.lines[2].text, "three");
  CommandLog later(clock, {}, 7);
  later.info("x");
  EXPECT_EQ(later.take(1).offset, 7);
}

TEST_F(SpoolTest, ALogThatNobodyTakesSaysHowMuchItDropped) {
  CommandLog log(clock, {}, 0);
  const std::string line(kMaxLogLineBytes, 'x');
  for (int i = 0; i < 200; ++i) log.info(line);
  EXPECT_GT(log.dropped(), 0);
  while (!log.take(1 << 20).lines.empty()) {
  }
  log.info("again");
  const auto taken = log.take(1 << 20);
  ASSERT_EQ(taken.lines.size(), 2u);
  EXPECT_EQ(taken.lines[0].text,
            text::format("{} lines dropped: more was written than the server could take", log.dropped()));
  EXPECT_EQ(taken.lines[1].text, "again");
}

}  // namespace
}  // namespace fairlead::executor
