// SPDX-License-Identifier: Apache-2.0
#include "store/migrate.h"

#include <gtest/gtest.h>

#include "base/error.h"
#include "base/file.h"
#include "store/sqlite/connection.h"

namespace fairlead::store {

namespace {

class Migrations : public testing::Test {
 protected:
  void TearDown() override { file::remove_tree(folder); }
  int apply(const std::vector<Migration>& migrations) {
    return migrate({connection, [this](const std::string& sql) { connection.run_script(sql); }, "test.db", 1},
                   migrations);
  }
  std::string refusal(const std::vector<Migration>& migrations) {
    try {
      apply(migrations);
    } catch (const Error& error) {
      return error.message();
    }
    return "";
  }
  bool has_table(std::string_view name) {
    Statement row(connection, "SELECT 1 FROM sqlite_master WHERE name=?");
    row.bind(name);
    return row.next();
  }
  const std::string folder = file::make_temporary_folder("fairlead-migrate");
  SqliteConnection connection{folder + "/test.db", SqliteConnection::Use::write};
  const Migration one = {1, "0001_one", "CREATE TABLE one (a TEXT); INSERT INTO one VALUES ('x')"};
  const Migration two = {2, "0002_two", "CREATE TABLE two (a TEXT)"};
  const Migration three = {3, "0003_three", "CREATE TABLE three (a TEXT)"};
};

TEST_F(Migrations, ApplyInOrderAndOnce) {
  EXPECT_EQ(apply({one}), 1);
  EXPECT_EQ(apply({one, two, three}), 2);
  EXPECT_EQ(apply({one, two, three}), 0);
  EXPECT_TRUE(has_table("three"));
}

TEST_F(Migrations, ANewerDatabaseIsRefused) {
  apply({one, two});
  EXPECT_EQ(refusal({one}), "the database test.db is newer than this program: it has the schema change 0002_two");
}

TEST_F(Migrations, AChangedMigrationIsRefused) {
  apply({one});
  Migration changed = one;
  changed.sql = "CREATE TABLE one (a TEXT, b TEXT)";
  EXPECT_EQ(refusal({changed, two}),
            "the schema change 0001_one of the database test.db is not the one in this program");
  EXPECT_FALSE(has_table("two"));
}

TEST_F(Migrations, AFailingMigrationLeavesNothing) {
  const Migration broken = {2, "0002_broken", "CREATE TABLE half (a TEXT); INSERT INTO nowhere VALUES (1)"};
  const std::string message = refusal({one, broken});
  EXPECT_TRUE(
      message.starts_with("the schema change 0002_broken could not be applied to test.db: no such table: nowhere"))
      << message;
  EXPECT_TRUE(has_table("one"));
  EXPECT_FALSE(has_table("half"));
  EXPECT_EQ(apply({one, two}), 1);
}

TEST_F(Migrations, ALateNumberIsRefused) {
  apply({one, three});
  EXPECT_NE(refusal({one, two, three}).find("0002_two is numbered before 0003_three"), std::string::npos);
}

TEST_F(Migrations, TheEmbeddedOnesAreAscendingAndWork) {
  const std::vector<Migration>& embedded = embedded_migrations();
  ASSERT_FALSE(embedded.empty());
  EXPECT_EQ(embedded.front().name, "0001_begin");
  for (std::size_t i = 1; i < embedded.size(); ++i) EXPECT_GT(embedded[i].number, embedded[i - 1].number);
  EXPECT_EQ(apply(embedded), static_cast<int>(embedded.size()));
  EXPECT_TRUE(has_table("outbox"));
}

}  // namespace

}  // namespace fairlead::store
