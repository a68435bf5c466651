// SPDX-License-Identifier: Apache-2.0
#include "store/sqlite/connection.h"

#include <utility>

#include "base/error.h"
#include "base/text.h"

namespace fairlead::store {

namespace {

constexpr int kBusyTimeoutMs = 10'000;
// Page caches in KiB. They grow only as they are used; the operating system's cache does most of the work.
// Memory-mapped I/O stays off: a disk error in a mapping would kill the process instead of failing one transaction.
constexpr int kWriterCacheKib = 16'384;
constexpr int kReaderCacheKib = 1'024;
constexpr int kMaxIdleWalBytes = 64 << 20;

Error error_of_code(int code, int extended, std::string_view doing, const std::string& path, std::string_view message) {
  const std::string what = text::format("{}, in {}, doing: {}", message, path, doing);
  switch (code) {
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
      return Error(Fault::unavailable, text::format("the database {} is busy: {}", path, message))
          .with_help("another program has it open; stop that program, or wait until it has finished")
          .retry_after(1);
    case SQLITE_FULL:
      return Error(Fault::unavailable,
                   text::format("no space is left for the database {}; nothing of this change was stored", path))
          .with_help("free some space on that disk; no restart is needed")
          .retry_after(30);
    case SQLITE_IOERR:
      return Error(Fault::unavailable,
                   text::format("reading or writing the database failed ({}, code {})", what, extended))
          .with_help("check the disk and the kernel log; nothing of this change was stored")
          .retry_after(30);
    case SQLITE_CANTOPEN:
    case SQLITE_PERM:
    case SQLITE_READONLY:
    case SQLITE_AUTH:
      return Error(Fault::unavailable, text::format("the database cannot be opened or written: {}", what))
          .with_help("the server's user must own the file and its folder");
    case SQLITE_NOMEM:
    case SQLITE_TOOBIG: return Error(Fault::unavailable, text::format("too large for the database: {}", what));
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
      return Error(Fault::bug, text::format("the database {} is damaged: {}", path, message))
          .with_help("stop the server, keep a copy of the file and restore the last backup");
    case SQLITE_CONSTRAINT:
      return Error(Fault::conflict, text::format("the change breaks a rule of the database: {}", message));
    case SQLITE_INTERRUPT: return Error(Fault::cancelled, "the database work was interrupted");
    default: return Error(Fault::bug, what);
  }
}

}  // namespace

class SqliteConnection::Prepared : public PreparedStatement {
 public:
  Prepared(const SqliteConnection& connection, sqlite3_stmt* statement)
      : connection_(connection), statement_(statement) {}
  ~Prepared() override { sqlite3_finalize(statement_); }

  void bind(int index, const Parameter& value) override {
    const std::string_view text = value.text();
    int code = SQLITE_OK;
    switch (value.kind()) {
      case Parameter::Kind::null: code = sqlite3_bind_null(statement_, index + 1); break;
      case Parameter::Kind::integer: code = sqlite3_bind_int64(statement_, index + 1, value.integer()); break;
      case Parameter::Kind::text:
        // An empty view may have no address, which SQLite would take for null.
        code = sqlite3_bind_text64(statement_, index + 1, text.empty() ? "" : text.data(), text.size(),
                                   SQLITE_TRANSIENT, SQLITE_UTF8);
        break;
      case Parameter::Kind::blob:
        code =
            sqlite3_bind_blob64(statement_, index + 1, text.empty() ? "" : text.data(), text.size(), SQLITE_TRANSIENT);
        break;
    }
    if (code != SQLITE_OK) connection_.fail(code, sql());
  }

  bool step() override {
    if (done_) return false;
    if (connection_.transaction_expected_ && !connection_.in_transaction()) {
      throw Error(Fault::unavailable,
                  text::format("the transaction in {} was rolled back by an earlier failure", connection_.path_));
    }
    const int code = sqlite3_step(statement_);
    if (code == SQLITE_ROW) return true;
    if (code != SQLITE_DONE) connection_.fail(code, sql());
    changes_ = sqlite3_changes64(connection_.database_);
    done_ = true;
    // A finished statement holds no lock on the snapshot.
    sqlite3_reset(statement_);
    return false;
  }

  void reset() noexcept override {
    sqlite3_reset(statement_);
    sqlite3_clear_bindings(statement_);
    done_ = false;
  }
  std::int64_t changes() const override { return changes_; }
  bool is_null(int column) const override { return sqlite3_column_type(statement_, column) == SQLITE_NULL; }
  std::int64_t integer(int column) const override { return sqlite3_column_int64(statement_, column); }
  std::string_view text(int column) const override {
    const void* bytes = sqlite3_column_blob(statement_, column);
    const int count = sqlite3_column_bytes(statement_, column);
    return bytes == nullptr ? std::string_view()
                            : std::string_view(static_cast<const char*>(bytes), static_cast<std::size_t>(count));
  }

  bool in_use = false;
  bool cached = false;
  std::uint64_t last_use = 0;

 private:
  std::string_view sql() const { return sqlite3_sql(statement_); }
  const SqliteConnection& connection_;
  sqlite3_stmt* statement_;
  std::int64_t changes_ = 0;
  bool done_ = false;
};

namespace {

// Before the first use of the library. What savepoints need to undo a closure stays in memory: it is bounded by the
// pages that one closure changes, and would otherwise go to a temporary file page by page. Statistics of memory, which
// nobody reads, would put one lock around all allocations of all connections.
void configure_library() {
  static const int done = [] {
    sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0);
    return sqlite3_config(SQLITE_CONFIG_STMTJRNL_SPILL, -1);
  }();
  static_cast<void>(done);
}

}  // namespace

SqliteConnection::SqliteConnection(std::string path, Use use) : path_(std::move(path)) {
  configure_library();
  const int mode = use == Use::read ? SQLITE_OPEN_READONLY : SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE;
  const int code = sqlite3_open_v2(path_.c_str(), &database_, mode | SQLITE_OPEN_NOMUTEX, nullptr);
  try {
    if (code != SQLITE_OK) fail(code, "open");
    sqlite3_extended_result_codes(database_, 1);
    sqlite3_busy_timeout(database_, kBusyTimeoutMs);
    run_script("PRAGMA trusted_schema=OFF; PRAGMA foreign_keys=OFF; PRAGMA mmap_size=0");
    run_script(text::format("PRAGMA cache_size=-{}", use == Use::read ? kReaderCacheKib : kWriterCacheKib));
    if (use == Use::read) {
      run_script("PRAGMA query_only=ON");
    } else {
      run_script("PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL");
      run_script(text::format("PRAGMA journal_size_limit={}", kMaxIdleWalBytes));
    }
  } catch (...) {
    sqlite3_close_v2(database_);
    throw;
  }
}

SqliteConnection::~SqliteConnection() {
  cache_.clear();
  sqlite3_close_v2(database_);
}

void SqliteConnection::fail(int code, std::string_view doing) const {
  const char* message = database_ == nullptr ? sqlite3_errstr(code) : sqlite3_errmsg(database_);
  throw error_of_code(code & 0xff, code, text::shorten(text::replace_all(std::string(doing), "\n", " "), 160), path_,
                      message);
}

void SqliteConnection::run_script(const std::string& sql) {
  const int code = sqlite3_exec(database_, sql.c_str(), nullptr, nullptr, nullptr);
  if (code != SQLITE_OK) fail(code, sql);
}

void SqliteConnection::on_commit(std::function<void(int)> f) {
  on_commit_ = std::move(f);
  sqlite3_wal_hook(
      database_,
      [](void* self, sqlite3*, const char*, int pages) {
        static_cast<SqliteConnection*>(self)->on_commit_(pages);
        return SQLITE_OK;
      },
      this);
}

void SqliteConnection::checkpoint() {
  const int code = sqlite3_wal_checkpoint_v2(database_, nullptr, SQLITE_CHECKPOINT_PASSIVE, nullptr, nullptr);
  if (code != SQLITE_OK && code != SQLITE_BUSY && code != SQLITE_LOCKED) fail(code, "checkpoint");
}

std::unique_ptr<SqliteConnection::Prepared> SqliteConnection::prepare(std::string_view sql) {
  sqlite3_stmt* statement = nullptr;
  const char* rest = nullptr;
  const int code = sqlite3_prepare_v3(database_, sql.data(), static_cast<int>(sql.size()), SQLITE_PREPARE_PERSISTENT,
                                      &statement, &rest);
  if (code != SQLITE_OK) fail(code, sql);
  if (statement == nullptr) throw Error(Fault::bug, "an SQL statement is empty");
  return std::make_unique<Prepared>(*this, statement);
}

PreparedStatement& SqliteConnection::acquire(std::string_view sql) {
  const auto found = cache_.find(sql);
  Prepared* statement = nullptr;
  if (found != cache_.end() && !found->second->in_use) {
    statement = found->second.get();
  } else if (found != cache_.end()) {
    statement = prepare(sql).release();  // the same statement is being read by an outer loop
  } else {
    shrink_cache();
    std::unique_ptr<Prepared> fresh = prepare(sql);
    fresh->cached = true;
    statement = cache_.emplace(sql, std::move(fresh)).first->second.get();
  }
  statement->in_use = true;
  statement->last_use = ++uses_;
  return *statement;
}

void SqliteConnection::release(PreparedStatement& statement) noexcept {
  Prepared& prepared = static_cast<Prepared&>(statement);
  prepared.reset();
  prepared.in_use = false;
  if (!prepared.cached) delete &prepared;
}

void SqliteConnection::shrink_cache() noexcept {
  if (cache_.size() < kMaxStatements) return;
  auto oldest = cache_.end();
  for (auto entry = cache_.begin(); entry != cache_.end(); ++entry) {
    if (entry->second->in_use) continue;
    if (oldest == cache_.end() || entry->second->last_use < oldest->second->last_use) oldest = entry;
  }
  if (oldest != cache_.end()) cache_.erase(oldest);
}

}  // namespace fairlead::store
