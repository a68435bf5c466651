// SPDX-License-Identifier: Apache-2.0
// A connection to a SQLite database (C API reference: sqlite.org/c3ref) with its cache of prepared statements. One
// thread at a time. Errors: unavailable for a busy database, a full or failing disk and missing permissions; conflict
// for a violated constraint; bug for damage and wrong SQL. Texts name the file and say what to do.
#pragma once

#include <sqlite3.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>

#include "store/statement.h"

namespace fairlead::store {

class SqliteConnection : public Connection {
 public:
  enum class Use { read, write };
  // Prepared statements kept; the least recently used goes first.
  static constexpr std::size_t kMaxStatements = 256;

  SqliteConnection(std::string path, Use use);
  ~SqliteConnection() override;
  SqliteConnection(const SqliteConnection&) = delete;
  SqliteConnection& operator=(const SqliteConnection&) = delete;

  PreparedStatement& acquire(std::string_view sql) override;
  void release(PreparedStatement& statement) noexcept override;
  // Statements without results.
  void run_script(const std::string& sql);
  // One statement without results, prepared once: what frames every transaction.
  void run(std::string_view sql) { Statement(*this, sql).run(); }

  // Called after each commit with the number of pages in the write-ahead log. SQLite then no longer brings them into
  // the database by itself: that is left to whoever calls checkpoint().
  void on_commit(std::function<void(int pages)> f);
  // Brings the log into the database as far as readers allow; writers and readers are not blocked, only one checkpoint
  // at a time is possible (a second one does nothing).
  void checkpoint();
  // False once a failure has made SQLite roll the transaction back.
  bool in_transaction() const { return sqlite3_get_autocommit(database_) == 0; }
  // While true, statements refuse to run outside a transaction: a closure that swallows a failure must not go on
  // without one.
  void expect_transaction(bool expected) { transaction_expected_ = expected; }

 private:
  class Prepared;
  struct Hash {
    using is_transparent = void;
    std::size_t operator()(std::string_view text) const { return std::hash<std::string_view>{}(text); }
  };
  [[noreturn]] void fail(int code, std::string_view doing) const;
  std::unique_ptr<Prepared> prepare(std::string_view sql);
  void shrink_cache() noexcept;

  const std::string path_;
  sqlite3* database_ = nullptr;
  std::unordered_map<std::string, std::unique_ptr<Prepared>, Hash, std::equal_to<>> cache_;
  std::uint64_t uses_ = 0;
  std::function<void(int)> on_commit_;
  bool transaction_expected_ = false;
};

}  // namespace fairlead::store
