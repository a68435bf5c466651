// SPDX-License-Identifier: Apache-2.0
#include <atomic>
#include <future>
#include <latch>
#include <thread>

#include "store/conformance/suite.h"

namespace fairlead::store::conformance {

namespace {

class Transactions : public StoreConformance {
 protected:
  void SetUp() override {
    StoreConformance::SetUp();
    store->write([](Tx& tx) { tx.run("CREATE TABLE sample (name TEXT PRIMARY KEY, amount INTEGER, content BLOB)"); });
  }
  void put(const std::string& name, std::int64_t amount) {
    store->write([&](Tx& tx) { insert(tx, name, amount); });
  }
  static void insert(Tx& tx, const std::string& name, std::int64_t amount) {
    tx.run("INSERT INTO sample (name, amount) VALUES (?,?)", name, amount);
  }
  std::optional<std::int64_t> amount_of(const std::string& name) {
    return store->read([&](const Tx& tx) { return tx.integer("SELECT amount FROM sample WHERE name=?", name); });
  }
  std::int64_t rows() {
    return store->read([](const Tx& tx) { return *tx.integer("SELECT count(*) FROM sample"); });
  }
};
FAIRLEAD_ON_ALL_DRIVERS(Transactions);

TEST_P(Transactions, ReadSeesWhatWasWritten) {
  put("a", 7);
  EXPECT_EQ(amount_of("a"), 7);
  EXPECT_EQ(amount_of("b"), std::nullopt);
}

TEST_P(Transactions, ReadsTogetherSeeOneSnapshot) {
  put("a", 1);
  store->read_together([&] {
    EXPECT_EQ(amount_of("a"), 1);
    put("b", 2);
    EXPECT_EQ(amount_of("b"), std::nullopt);
    // A failing read spoils nothing.
    EXPECT_THROW(store->read([](const Tx& tx) { return tx.integer("SELECT nothing"); }), Error);
    EXPECT_EQ(rows(), 1);
  });
  EXPECT_EQ(amount_of("b"), 2);
  EXPECT_THROW(store->read_together([] { throw invalid("x"); }), Error);
  EXPECT_EQ(rows(), 2);
}

TEST_P(Transactions, WriteReturnsTheResultOfTheClosure) {
  EXPECT_EQ(store->write([](Tx& tx) { return tx.run("INSERT INTO sample (name, amount) VALUES ('x',1),('y',2)"); }), 2);
}

TEST_P(Transactions, ValuesKeepTheirTypes) {
  const std::string bytes("a\0b\xff", 4);
  store->write([&](Tx& tx) {
    tx.run("INSERT INTO sample VALUES (?,?,?)", "empty text", nullptr, Blob{bytes});
    tx.run("INSERT INTO sample VALUES (?,?,?)", "", INT64_MIN, std::optional<std::string>());
  });
  store->read([&](const Tx& tx) {
    Statement row = tx.query("SELECT amount, content FROM sample WHERE name=?", "empty text");
    ASSERT_TRUE(row.next());
    EXPECT_TRUE(row.is_null(0));
    EXPECT_EQ(row.view(1), bytes);
    EXPECT_FALSE(row.next());
    EXPECT_FALSE(row.next());  // and it does not begin again
    EXPECT_EQ(tx.integer("SELECT amount FROM sample WHERE name=''"), INT64_MIN);
    EXPECT_EQ(tx.integer("SELECT count(*) FROM sample WHERE content IS NULL"), 1);
  });
}

TEST_P(Transactions, OneStatementCanBeReadInTwoNestedLoops) {
  put("a", 1);
  put("b", 2);
  int pairs = 0;
  store->read([&](const Tx& tx) {
    for (Statement outer = tx.query("SELECT name FROM sample"); outer.next();) {
      for (Statement inner = tx.query("SELECT name FROM sample"); inner.next();) ++pairs;
    }
  });
  EXPECT_EQ(pairs, 4);
}

TEST_P(Transactions, AnExceptionRollsBackAndReachesTheCaller) {
  const Error error = error_from([&] {
    store->write([](Tx& tx) {
      insert(tx, "lost", 1);
      throw invalid("no");
    });
  });
  EXPECT_EQ(error.fault(), Fault::invalid);
  EXPECT_EQ(error.message(), "no");
  EXPECT_EQ(amount_of("lost"), std::nullopt);
  put("after", 2);
  EXPECT_EQ(amount_of("after"), 2);
}

TEST_P(Transactions, AFailingWriteDoesNotHarmOthersOfTheSameCommit) {
  constexpr int kWrites = 60;
  std::latch queued(1);
  store->write_async([&](Tx&) { queued.wait(); }, [](std::exception_ptr) {});
  std::vector<std::promise<bool>> results(kWrites);
  for (int i = 0; i < kWrites; ++i) {
    store->write_async(
        [i](Tx& tx) {
          insert(tx, "row" + std::to_string(i), i);
          if (i % 3 == 0) throw invalid("every third fails");
        },
        [&results, i](std::exception_ptr error) { results[static_cast<std::size_t>(i)].set_value(error == nullptr); });
  }
  queued.count_down();
  for (int i = 0; i < kWrites; ++i) EXPECT_EQ(results[static_cast<std::size_t>(i)].get_future().get(), i % 3 != 0) << i;
  EXPECT_EQ(rows(), kWrites - kWrites / 3);
}

TEST_P(Transactions, ReadsAreSnapshots) {
  put("a", 1);
  store->read([&](const Tx& tx) {
    EXPECT_EQ(tx.integer("SELECT amount FROM sample WHERE name='a'"), 1);
    std::thread([&] { store->write([](Tx& writing) { writing.run("UPDATE sample SET amount=2"); }); }).join();
    EXPECT_EQ(tx.integer("SELECT amount FROM sample WHERE name='a'"), 1);
  });
  EXPECT_EQ(amount_of("a"), 2);
}

TEST_P(Transactions, WritesAreSerialised) {
  put("counter", 0);
  std::vector<std::thread> threads;
  for (int t = 0; t < 8; ++t) {
    threads.emplace_back([&] {
      for (int i = 0; i < 25; ++i) {
        store->write([](Tx& tx) {
          const std::int64_t before = *tx.integer("SELECT amount FROM sample WHERE name='counter'");
          tx.run("UPDATE sample SET amount=? WHERE name='counter'", before + 1);
        });
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(amount_of("counter"), 200);
}

TEST_P(Transactions, ReadTransactionsCannotWrite) {
  EXPECT_THROW(store->read([](const Tx& tx) { tx.query("DELETE FROM sample").run(); }), Error);
}

TEST_P(Transactions, TransactionsDoNotNest) {
  const auto fault_of = [](auto f) { return error_from(f).fault(); };
  const auto nothing = [](const Tx&) {};
  EXPECT_EQ(fault_of([&] { store->write([&](Tx&) { store->write(nothing); }); }), Fault::bug);
  EXPECT_EQ(fault_of([&] { store->write([&](Tx&) { store->read(nothing); }); }), Fault::bug);
  EXPECT_EQ(fault_of([&] { store->read([&](const Tx&) { store->write(nothing); }); }), Fault::bug);
  EXPECT_EQ(fault_of([&] { store->write([&](Tx&) { store->write_async(nothing, [](std::exception_ptr) {}); }); }),
            Fault::bug);
  put("still works", 1);
}

TEST_P(Transactions, AfterCommitRunsOnceAndOnlyAfterACommit) {
  std::atomic<int> calls = 0;
  const auto write = [&](bool fail) {
    store->write([&](Tx& tx) {
      tx.after_commit([&] { ++calls; });
      if (fail) throw invalid("no");
    });
  };
  write(false);
  EXPECT_EQ(calls, 1);
  EXPECT_THROW(write(true), Error);
  EXPECT_EQ(calls, 1);
}

TEST_P(Transactions, AHookMayQueueAWriteButNotWaitForOne) {
  std::promise<Fault> waited;
  std::promise<void> queued;
  store->write([&](Tx& tx) {
    tx.after_commit([&] {
      try {
        store->write([](Tx&) {});
      } catch (const Error& error) {
        waited.set_value(error.fault());
      }
      store->write_async([](Tx& later) { insert(later, "from the hook", 1); },
                         [&](std::exception_ptr) { queued.set_value(); });
    });
  });
  EXPECT_EQ(waited.get_future().get(), Fault::bug);
  queued.get_future().get();
  EXPECT_EQ(amount_of("from the hook"), 1);
}

TEST_P(Transactions, WhatWasAcknowledgedSurvivesAReopen) {
  put("kept", 3);
  reopen();
  EXPECT_EQ(amount_of("kept"), 3);
}

TEST_P(Transactions, AClosedStoreRefuses) {
  store->close();
  store->close();
  EXPECT_EQ(error_from([&] { put("late", 1); }).fault(), Fault::unavailable);
  EXPECT_EQ(error_from([&] { rows(); }).fault(), Fault::unavailable);
}

TEST_P(Transactions, SequencesCountFromTheirStart) {
  store->write([](Tx& tx) {
    EXPECT_EQ(tx.next_number("a"), 1);
    EXPECT_EQ(tx.next_number("a"), 2);
    EXPECT_EQ(tx.next_number("b", 1001), 1001);
  });
  EXPECT_THROW(store->write([](Tx& tx) {
    tx.next_number("a");
    throw invalid("no");
  }),
               Error);
  reopen();
  EXPECT_EQ(store->write([](Tx& tx) { return tx.next_number("a"); }), 3);
  EXPECT_EQ(store->write([](Tx& tx) { return tx.next_number("b", 1001); }), 1002);
}

TEST_P(Transactions, AConstraintIsAConflict) {
  put("a", 1);
  EXPECT_EQ(error_from([&] { put("a", 2); }).fault(), Fault::conflict);
}

TEST_P(Transactions, WrongSqlIsABug) {
  const Error error =
      error_from([&] { store->read([](const Tx& tx) { return tx.integer("SELECT nothing FROM nowhere"); }); });
  EXPECT_EQ(error.fault(), Fault::bug);
  EXPECT_NE(error.message().find("nowhere"), std::string::npos) << error.message();
}

TEST_P(Transactions, MoreStatementsThanTheCacheHolds) {
  store->write([](Tx& tx) {
    for (int i = 0; i < 600; ++i) {
      EXPECT_EQ(tx.integer("SELECT " + std::to_string(i)), i);
    }
  });
}

TEST_P(Transactions, ABackupIsConsistentAndNeverOverwrites) {
  put("a", 1);
  const std::string copy_folder = file::make_temporary_folder("fairlead-backup");
  const std::string path = copy_folder + "/fairlead.db";
  store->backup_to(path);
  put("b", 2);
  EXPECT_EQ(error_from([&] { store->backup_to(path); }).fault(), Fault::invalid);
  {
    const std::unique_ptr<Store> copy = GetParam().open(copy_folder, clock);
    EXPECT_EQ(copy->read([](const Tx& tx) { return *tx.integer("SELECT count(*) FROM sample"); }), 1);
    EXPECT_TRUE(copy->check_integrity().empty());
  }
  file::remove_tree(copy_folder);
}

}  // namespace

}  // namespace fairlead::store::conformance
