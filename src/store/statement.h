// SPDX-License-Identifier: Apache-2.0
// One SQL statement of a transaction. SQL is written once, in the subset that SQLite and PostgreSQL share: `?`
// placeholders, ON CONFLICT, RETURNING; times are INTEGER microseconds, booleans INTEGER 0 or 1. A Statement belongs to
// its transaction's thread and must die before the transaction ends (Tx::query in a for loop does that by itself).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>

#include "base/clock.h"
#include "base/id.h"

namespace fairlead::store {

// Bytes that are no text.
struct Blob {
  std::string_view bytes;
};

// A value for a placeholder. It refers to the text it was made from: make it where the statement is run.
class Parameter {
 public:
  enum class Kind { null, integer, text, blob };

  Parameter(std::nullptr_t) {}  // NOLINT: conversions are the point
  Parameter(std::nullopt_t) {}  // NOLINT
  template <class I>
    requires std::is_integral_v<I>
  Parameter(I number) : kind_(Kind::integer), integer_(static_cast<std::int64_t>(number)) {}  // NOLINT
  Parameter(Time time) : kind_(Kind::integer), integer_(time.us) {}                           // NOLINT
  Parameter(std::string_view text) : kind_(Kind::text), text_(text) {}                        // NOLINT
  Parameter(const std::string& text) : kind_(Kind::text), text_(text) {}                      // NOLINT
  Parameter(const char* text) : kind_(Kind::text), text_(text) {}                             // NOLINT
  Parameter(Blob blob) : kind_(Kind::blob), text_(blob.bytes) {}                              // NOLINT
  template <class T>
  Parameter(const Id<T>& id) : kind_(Kind::text), text_(id.value) {}  // NOLINT
  template <class T>
  Parameter(const std::optional<T>& value) {  // NOLINT
    if (value) *this = Parameter(*value);
  }

  Kind kind() const { return kind_; }
  std::int64_t integer() const { return integer_; }
  std::string_view text() const { return text_; }

 private:
  Kind kind_ = Kind::null;
  std::int64_t integer_ = 0;
  std::string_view text_;
};

// What a driver implements: a prepared statement that is used again and again.
class PreparedStatement {
 public:
  virtual ~PreparedStatement() = default;
  virtual void bind(int index, const Parameter& value) = 0;  // from 0
  virtual bool step() = 0;                                   // false: no further row
  virtual void reset() noexcept = 0;                         // forgets rows and bindings
  virtual std::int64_t changes() const = 0;                  // rows changed by the last step
  virtual bool is_null(int column) const = 0;
  virtual std::int64_t integer(int column) const = 0;
  virtual std::string_view text(int column) const = 0;  // also blobs; valid until the next step
};

// What a driver implements: a connection with its cache of prepared statements.
class Connection {
 public:
  virtual ~Connection() = default;
  // Throws Error(bug) naming the SQL when it cannot be prepared.
  virtual PreparedStatement& acquire(std::string_view sql) = 0;
  virtual void release(PreparedStatement& statement) noexcept = 0;
};

class Statement {
 public:
  Statement(Connection& connection, std::string_view sql)
      : connection_(&connection), prepared_(&connection.acquire(sql)) {}
  Statement(Statement&& other) noexcept : connection_(other.connection_), prepared_(other.prepared_) {
    other.prepared_ = nullptr;
  }
  Statement& operator=(Statement&&) = delete;
  ~Statement() {
    if (prepared_ != nullptr) connection_->release(*prepared_);
  }

  // Binds the next placeholder.
  void bind(const Parameter& value) { prepared_->bind(bound_++, value); }
  // Moves to the next row; false after the last.
  bool next() { return prepared_->step(); }
  // Runs to the end and returns the number of rows changed.
  std::int64_t run() {
    while (prepared_->step()) continue;
    return prepared_->changes();
  }
  // Ready to be bound and run again.
  void reset() {
    prepared_->reset();
    bound_ = 0;
  }

  // Columns of the current row, from 0. Views are valid until the next call of next() or reset().
  bool is_null(int column) const { return prepared_->is_null(column); }
  std::int64_t integer(int column) const { return prepared_->integer(column); }
  bool boolean(int column) const { return prepared_->integer(column) != 0; }
  Time time(int column) const { return Time{prepared_->integer(column)}; }
  std::string_view view(int column) const { return prepared_->text(column); }
  std::string text(int column) const { return std::string(prepared_->text(column)); }
  std::optional<Time> maybe_time(int column) const {
    return is_null(column) ? std::nullopt : std::optional(time(column));
  }

 private:
  Connection* connection_;
  PreparedStatement* prepared_;
  int bound_ = 0;
};

}  // namespace fairlead::store
