// SPDX-License-Identifier: Apache-2.0
// Where everything that must survive lives: transactions over an SQL database. Two seams exist, Store and Connection;
// what is built on them (documents, audit, outbox, blobs) does not know the driver.
//
//   store.write([&](Tx& tx) { tx.run("UPDATE lease SET expires=? WHERE name=?", expires, name); });
//   auto names = store.read([&](const Tx& tx) { ... });
//
// Threads: every function of Store may be called from any thread, but never from inside a transaction of the same
// thread: transactions do not nest, and an attempt is Error(bug). Pass the Tx on instead.
#pragma once

#include <cstdint>
#include <exception>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "store/statement.h"

namespace fairlead::store {

// How many writes may wait for the writer; one more is Error(unavailable) with retry advice.
inline constexpr std::size_t kMaxQueuedWrites = 10'000;

// A transaction in progress. `const Tx&` reads, `Tx&` also writes. Valid only inside the closure it was given to.
class Tx {
 public:
  Tx(Connection& connection, Clock& clock) : connection_(connection), clock_(clock) {}
  Tx(const Tx&) = delete;
  Tx& operator=(const Tx&) = delete;

  // The statement with its parameters bound, before its first row.
  template <class... Args>
  Statement query(std::string_view sql, const Args&... args) const {
    Statement statement(connection_, sql);
    (statement.bind(Parameter(args)), ...);
    return statement;
  }
  // Runs a statement and returns the number of rows changed.
  template <class... Args>
  std::int64_t run(std::string_view sql, const Args&... args) {
    return query(sql, args...).run();
  }
  // First column of the first row; nullopt when there is no row or it is null.
  template <class... Args>
  std::optional<std::int64_t> integer(std::string_view sql, const Args&... args) const {
    Statement statement = query(sql, args...);
    if (!statement.next() || statement.is_null(0)) return std::nullopt;
    return statement.integer(0);
  }
  template <class... Args>
  std::optional<std::string> text(std::string_view sql, const Args&... args) const {
    Statement statement = query(sql, args...);
    if (!statement.next() || statement.is_null(0)) return std::nullopt;
    return statement.text(0);
  }

  // Wall time of the store's clock.
  Time now() const { return clock_.now(); }
  // The next number of a named sequence, from `first`. Without gaps as long as transactions commit.
  std::int64_t next_number(std::string_view sequence, std::int64_t first = 1);

  // `f` runs once, after the commit is durable and before the writer's caller gets its result; never after a rollback.
  // It runs on a thread of the store's, one hook at a time: it wakes somebody up and returns, it does not block, throw
  // or use the store.
  void after_commit(std::function<void()> f) { after_commit_.push_back(std::move(f)); }
  // Called by outbox::publish: subscribers of the outbox are told after the commit.
  void mark_outbox() { outbox_marked_ = true; }

  std::vector<std::function<void()>> take_after_commit() { return std::exchange(after_commit_, {}); }
  bool outbox_marked() const { return outbox_marked_; }

 private:
  Connection& connection_;
  Clock& clock_;
  std::vector<std::function<void()>> after_commit_;
  bool outbox_marked_ = false;
};

class Store {
 public:
  virtual ~Store() = default;

  // Runs `f(const Tx&)` on one snapshot and returns what it returns. Blocks while all read connections are in use.
  template <class F>
  auto read(F&& f) {
    using Result = std::invoke_result_t<F, const Tx&>;
    if constexpr (std::is_void_v<Result>) {
      run_read([&](const Tx& tx) { f(tx); });
    } else {
      std::optional<Result> result;
      run_read([&](const Tx& tx) { result.emplace(f(tx)); });
      return *std::move(result);
    }
  }

  // Runs `f`; all that it reads on this thread is of one snapshot, taken with the first read. Cheaper than many reads,
  // and they agree.
  virtual void read_together(const std::function<void()>& f) = 0;

  // Runs `f(Tx&)` in a transaction and returns what it returns, once the commit is durable. An exception of `f` rolls
  // its changes back and is rethrown here; others in the same group commit are not affected. `f` does no I/O, waits for
  // nobody and changes nothing outside `tx`, because it may be run again when the database asks for a retry.
  template <class F>
  auto write(F&& f) {
    using Result = std::invoke_result_t<F, Tx&>;
    if constexpr (std::is_void_v<Result>) {
      run_write([&](Tx& tx) { f(tx); });
    } else {
      std::optional<Result> result;
      run_write([&](Tx& tx) { result.emplace(f(tx)); });
      return *std::move(result);
    }
  }

  // As write, without waiting. `done(nullptr)` follows the durable commit, `done(exception)` a rollback or a full queue
  // (then on the calling thread); exactly one of them is called. `done` runs where an after-commit hook runs.
  virtual void write_async(std::function<void(Tx&)> f, std::function<void(std::exception_ptr)> done) = 0;

  // `f` is called (as an after-commit hook is) after each commit that published to the outbox, until the result dies.
  using Subscription = std::shared_ptr<void>;
  virtual Subscription subscribe_outbox(std::function<void()> f) = 0;

  virtual Clock& clock() = 0;
  // Finishes accepted writes and closes the database; later calls throw Error(unavailable). Idempotent.
  virtual void close() = 0;
  // Empty when the database is sound, otherwise one line for each finding. Reads everything: minutes on large
  // databases.
  virtual std::vector<std::string> check_integrity() = 0;
  // A consistent copy while others go on reading and writing. `path` must not exist.
  virtual void backup_to(const std::string& path) = 0;
  // Where the data is, for messages.
  virtual std::string place() const = 0;

 protected:
  virtual void run_read(const std::function<void(const Tx&)>& f) = 0;
  virtual void run_write(const std::function<void(Tx&)>& f) = 0;
};

}  // namespace fairlead::store
