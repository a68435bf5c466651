// SPDX-License-Identifier: Apache-2.0
#include "store/sqlite/sqlite_store.h"

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <future>
#include <latch>
#include <set>
#include <thread>

#include "base/error.h"
#include "base/file.h"
#include "base/metrics.h"

namespace fairlead::store {

namespace {

class SqliteStoreTest : public testing::Test {
 protected:
  void TearDown() override { file::remove_tree(folder); }
  std::unique_ptr<Store> open() { return open_sqlite({.path = path}, clock); }

  ManualClock clock;
  const std::string folder = file::make_temporary_folder("fairlead-sqlite");
  const std::string path = folder + "/fairlead.db";
};

TEST_F(SqliteStoreTest, FilesArePrivate) {
  const std::unique_ptr<Store> store = open();
  store->write([](Tx& tx) { tx.next_number("a"); });
  for (const char* suffix : {"", "-wal"}) {
    struct stat status{};
    ASSERT_EQ(::stat((path + suffix).c_str(), &status), 0) << suffix;
    EXPECT_EQ(status.st_mode & 0777, 0600u) << suffix;
  }
}

TEST_F(SqliteStoreTest, WhatQueuedDuringACommitIsCommittedTogether) {
  metrics::Counter& commits = metrics::counter("fairlead_store_commits_total", "");
  const std::unique_ptr<Store> store = open();
  const std::int64_t before = commits.value();
  std::latch queued(1);
  std::latch done(101);
  store->write_async([&](Tx&) { queued.wait(); }, [&](std::exception_ptr) { done.count_down(); });
  for (int i = 0; i < 100; ++i) {
    store->write_async([](Tx& tx) { tx.next_number("a"); }, [&](std::exception_ptr) { done.count_down(); });
  }
  queued.count_down();
  done.wait();
  EXPECT_LE(commits.value() - before, 2);
  EXPECT_EQ(store->write([](Tx& tx) { return tx.next_number("a"); }), 101);
}

TEST_F(SqliteStoreTest, ClosuresRunDuringASyncAndNobodyIsAnsweredBeforeIt) {
  std::latch may_sync(1);
  const std::unique_ptr<Store> store = open_sqlite({.path = path, .sync_log = [&] { may_sync.wait(); }}, clock);
  std::latch queued(1);
  std::promise<void> second_ran;
  std::atomic<int> answered = 0;
  std::latch done(2);
  const auto answer = [&](std::exception_ptr error) {
    answered += error == nullptr ? 1 : 0;
    done.count_down();
  };
  store->write_async(
      [&](Tx& tx) {
        queued.wait();
        tx.next_number("first");
      },
      answer);
  store->write_async(
      [&](Tx& tx) {
        tx.next_number("second");
        second_ran.set_value();
      },
      answer);
  queued.count_down();
  second_ran.get_future().wait();
  EXPECT_EQ(answered, 0);
  may_sync.count_down();
  done.wait();
  EXPECT_EQ(answered, 2);
}

// A second sync may succeed although the pages of the first are lost, so there is no second one.
TEST_F(SqliteStoreTest, AfterAFailedSyncNothingIsWritten) {
  int syncs = 0;
  const auto fail = [&] {
    if (++syncs == 2) throw Error(Fault::unavailable, "cannot sync");
  };
  const std::unique_ptr<Store> store = open_sqlite({.path = path, .sync_log = fail}, clock);
  const auto problem = [&]() -> std::string {
    try {
      store->write([](Tx& tx) { tx.next_number("a"); });
      return "";
    } catch (const Error& error) {
      EXPECT_EQ(error.fault(), Fault::unavailable);
      return error.message();
    }
  };
  EXPECT_EQ(problem(), "");
  EXPECT_EQ(problem(), "cannot sync");
  EXPECT_NE(problem().find("no more are accepted"), std::string::npos);
  EXPECT_EQ(syncs, 2);
  EXPECT_EQ(store->read([](const Tx& tx) { return tx.integer("SELECT 1"); }), 1);
}

TEST_F(SqliteStoreTest, AFullQueueIsRefusedWithRetryAdvice) {
  const std::unique_ptr<Store> store = open();
  std::latch release(1);
  std::promise<void> running;
  store->write_async(
      [&](Tx&) {
        running.set_value();
        release.wait();
      },
      [](std::exception_ptr) {});
  running.get_future().wait();
  std::atomic<int> accepted = 0;
  for (std::size_t i = 0; i < kMaxQueuedWrites; ++i) {
    store->write_async([](Tx&) {}, [&](std::exception_ptr error) { accepted += error == nullptr ? 1 : 0; });
  }
  try {
    store->write([](Tx&) {});
    ADD_FAILURE() << "the queue has no limit";
  } catch (const Error& error) {
    EXPECT_EQ(error.fault(), Fault::unavailable);
    EXPECT_GT(error.retry_after_seconds(), 0);
  }
  release.count_down();
  store->close();
  EXPECT_EQ(accepted, static_cast<int>(kMaxQueuedWrites));
}

TEST_F(SqliteStoreTest, AFullDiskFailsTheWriteAndNothingElse) {
  const std::unique_ptr<Store> store = open();
  store->write([](Tx& tx) { tx.run("CREATE TABLE big (content BLOB)"); });
  store->write([](Tx& tx) {
    const std::int64_t pages = *tx.integer("PRAGMA page_count");
    tx.run("PRAGMA max_page_count=" + std::to_string(pages + 8));
  });
  const std::string content(1 << 20, 'x');
  std::latch queued(1);
  std::vector<std::promise<std::exception_ptr>> results(3);
  store->write_async([&](Tx&) { queued.wait(); }, [](std::exception_ptr) {});
  for (std::size_t i = 0; i < results.size(); ++i) {
    store->write_async(
        [&, i](Tx& tx) {
          if (i == 1) tx.run("INSERT INTO big VALUES (?)", Blob{content});
          tx.next_number("writes");
        },
        [&, i](std::exception_ptr error) { results[i].set_value(std::move(error)); });
  }
  queued.count_down();
  std::int64_t succeeded = 0;
  for (std::size_t i = 0; i < results.size(); ++i) {
    const std::exception_ptr error = results[i].get_future().get();
    succeeded += error == nullptr ? 1 : 0;
    if (i != 1) continue;
    ASSERT_NE(error, nullptr);
    EXPECT_EQ(error_of(error).fault(), Fault::unavailable);
    EXPECT_NE(error_of(error).message().find("no space is left for the database " + path), std::string::npos);
  }
  // What was acknowledged is there, what was not is not, and the store goes on.
  EXPECT_EQ(store->write([](Tx& tx) { return tx.next_number("writes"); }), succeeded + 1);
  EXPECT_TRUE(store->check_integrity().empty());
}

TEST_F(SqliteStoreTest, ADamagedFileIsNamed) {
  file::write_durably(path, std::string(8192, 'x'));
  try {
    open();
    ADD_FAILURE() << "a file of x is no database";
  } catch (const Error& error) {
    EXPECT_EQ(error.fault(), Fault::bug);
    EXPECT_NE(error.message().find(path), std::string::npos);
    EXPECT_NE(error.help().find("backup"), std::string::npos);
  }
}

TEST_F(SqliteStoreTest, AMissingFolderIsNamed) {
  EXPECT_THROW(open_sqlite({.path = folder + "/absent/fairlead.db"}, clock), Error);
}

TEST_F(SqliteStoreTest, MoreReadersThanConnectionsTakeTurns) {
  const std::unique_ptr<Store> store = open_sqlite({.path = path, .readers = 2}, clock);
  std::atomic<int> inside = 0;
  std::atomic<int> most = 0;
  std::vector<std::thread> threads;
  for (int t = 0; t < 8; ++t) {
    threads.emplace_back([&] {
      for (int i = 0; i < 50; ++i) {
        store->read([&](const Tx& tx) {
          const int now = ++inside;
          for (int seen = most; seen < now && !most.compare_exchange_weak(seen, now);) continue;
          EXPECT_EQ(tx.integer("SELECT 1"), 1);
          --inside;
        });
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_LE(most, 2);
}

// The child of the crash test: four threads write numbered rows and say so on the pipe once a write returned.
[[noreturn]] void write_until_killed(const std::string& path, int pipe_end, int round) {
  const std::unique_ptr<Store> store = open_sqlite({.path = path}, system_clock());
  store->write([](Tx& tx) {
    tx.run("CREATE TABLE IF NOT EXISTS acknowledged (number INTEGER PRIMARY KEY, copy INTEGER, padding TEXT)");
  });
  const std::string padding(700, 'p');
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&, t] {
      for (std::int64_t i = 0;; ++i) {
        const std::int64_t number = (std::int64_t{round} * 4 + t) * 1'000'000 + i;
        store->write([&](Tx& tx) {
          tx.run("INSERT INTO acknowledged VALUES (?,0,?)", number, padding);
          tx.run("UPDATE acknowledged SET copy=number WHERE number=?", number);
        });
        if (::write(pipe_end, &number, sizeof number) != sizeof number) ::_exit(1);
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  ::_exit(1);
}

TEST_F(SqliteStoreTest, EverythingAcknowledgedSurvivesSigkill) {
  std::set<std::int64_t> acknowledged;
  for (int round = 0; round < 8; ++round) {
    int ends[2];
    ASSERT_EQ(::pipe(ends), 0);
    const pid_t child = ::fork();
    ASSERT_GE(child, 0);
    if (child == 0) {
      ::close(ends[0]);
      write_until_killed(path, ends[1], round);
    }
    ::close(ends[1]);
    // Another number of acknowledgements each time, so that the kill meets commits, checkpoints and idle moments.
    const std::size_t target = acknowledged.size() + 1 + static_cast<std::size_t>(round) * 37 % 101;
    std::int64_t number = 0;
    while (acknowledged.size() < target && ::read(ends[0], &number, sizeof number) == sizeof number)
      acknowledged.insert(number);
    EXPECT_EQ(acknowledged.size(), target) << "the child died by itself in round " << round;
    ::kill(child, SIGKILL);
    int status = 0;
    ASSERT_EQ(::waitpid(child, &status, 0), child);
    // What it still had said before it died.
    while (::read(ends[0], &number, sizeof number) == sizeof number) acknowledged.insert(number);
    ::close(ends[0]);

    const std::unique_ptr<Store> store = open();
    EXPECT_TRUE(store->check_integrity().empty());
    store->read([&](const Tx& tx) {
      for (const std::int64_t each : acknowledged) {
        ASSERT_EQ(tx.integer("SELECT copy FROM acknowledged WHERE number=?", each), each) << "round " << round;
      }
      EXPECT_EQ(tx.integer("SELECT count(*) FROM acknowledged WHERE copy<>number"), 0) << "half a transaction";
    });
  }
}

}  // namespace

}  // namespace fairlead::store
