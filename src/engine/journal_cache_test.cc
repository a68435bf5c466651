// SPDX-License-Identifier: Apache-2.0
#include "engine/journal_cache.h"

#include <gtest/gtest.h>

namespace fairlead::engine {
namespace {

Journal journal_of(const std::string& value) {
  Journal journal;
  journal["a"] = {EntryOutcome::value, 1, Time{2}, value, "", true};
  return journal;
}

TEST(JournalCacheTest, GivesWhatFitsTheRunOnce) {
  JournalCache cache(10'000);
  const RunId run("r");
  EXPECT_EQ(cache.take(run, 1, 1), std::nullopt);
  cache.keep(run, 1, 1, journal_of("1"));
  const std::optional<Journal> taken = cache.take(run, 1, 1);
  ASSERT_TRUE(taken);
  EXPECT_EQ(taken->at("a").value, "1");
  EXPECT_FALSE(taken->at("a").consumed);
  EXPECT_EQ(cache.take(run, 1, 1), std::nullopt);
}

TEST(JournalCacheTest, ForgetsAJournalThatIsNotTheRunsAnyMore) {
  JournalCache cache(10'000);
  const RunId run("r");
  cache.keep(run, 1, 1, journal_of("1"));
  EXPECT_EQ(cache.take(run, 1, 2), std::nullopt);
  EXPECT_EQ(cache.take(run, 1, 1), std::nullopt);
  cache.keep(run, 1, 1, journal_of("1"));
  cache.keep(run, 2, 1, journal_of("2"));
  EXPECT_EQ(cache.take(run, 1, 1), std::nullopt);
}

TEST(JournalCacheTest, HoldsNoMoreThanItMay) {
  JournalCache cache(10'000);
  cache.keep(RunId("a"), 1, 1, journal_of(std::string(4'000, 'x')));
  cache.keep(RunId("b"), 1, 1, journal_of(std::string(4'000, 'x')));
  cache.keep(RunId("c"), 1, 1, journal_of(std::string(4'000, 'x')));
  cache.keep(RunId("d"), 1, 1, journal_of(std::string(20'000, 'x')));
  EXPECT_FALSE(cache.take(RunId("a"), 1, 1));
  EXPECT_TRUE(cache.take(RunId("b"), 1, 1));
  EXPECT_TRUE(cache.take(RunId("c"), 1, 1));
  EXPECT_FALSE(cache.take(RunId("d"), 1, 1));
}

}  // namespace
}  // namespace fairlead::engine
