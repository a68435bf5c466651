// SPDX-License-Identifier: Apache-2.0
#include "executor/seen_namespaces.h"

#include <gtest/gtest.h>

#include <atomic>
#include <future>
#include <thread>
#include <vector>

#include "base/error.h"
#include "base/text.h"

namespace fairlead::executor {
namespace {

TEST(SeenNamespacesTest, RemembersForAMinute) {
  ManualClock clock;
  SeenNamespaces seen(clock);
  EXPECT_FALSE(seen.has("shop"));
  seen.note("shop");
  EXPECT_TRUE(seen.has("shop"));
  EXPECT_FALSE(seen.has("other"));
  clock.advance(kNamespaceSeenUs - 1);
  EXPECT_TRUE(seen.has("shop"));
  clock.advance(1);
  EXPECT_FALSE(seen.has("shop"));
  seen.note("shop");
  seen.forget("shop");
  EXPECT_FALSE(seen.has("shop"));
  // However many there are, only so many are kept; forgetting costs a read, nothing else.
  for (std::size_t i = 0; i <= kMaxNamespacesSeen; ++i) seen.note(text::format("n{}", i));
  EXPECT_TRUE(seen.has(text::format("n{}", kMaxNamespacesSeen)));
  EXPECT_FALSE(seen.has("n0"));
}

TEST(SeenNamespacesTest, ManyCallersAskOnce) {
  ManualClock clock;
  SeenNamespaces seen(clock);
  std::atomic<int> asked = 0;
  std::vector<std::thread> callers;
  for (int i = 0; i < 8; ++i) {
    callers.emplace_back([&] {
      const SeenNamespaces::Turn turn = seen.wait_for_turn("shop", {});
      if (seen.has("shop")) return;
      ++asked;
      seen.note("shop");
    });
  }
  for (std::thread& caller : callers) caller.join();
  EXPECT_EQ(asked, 1);
}

TEST(SeenNamespacesTest, WaitingEndsWithTheCommand) {
  ManualClock clock;
  SeenNamespaces seen(clock);
  const SeenNamespaces::Turn first = seen.wait_for_turn("shop", {});
  const SeenNamespaces::Turn independent = seen.wait_for_turn("other", {});
  CancelSource command;
  std::future<Fault> waiting = std::async(std::launch::async, [&] {
    try {
      const SeenNamespaces::Turn second = seen.wait_for_turn("shop", command.token());
      return Fault::bug;
    } catch (const Error& error) {
      return error.fault();
    }
  });
  command.cancel("enough");
  EXPECT_EQ(waiting.get(), Fault::cancelled);
}

}  // namespace
}  // namespace fairlead::executor
