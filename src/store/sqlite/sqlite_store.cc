// SPDX-License-Identifier: Apache-2.0
#include "store/sqlite/sqlite_store.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <condition_variable>
#include <cstring>
#include <filesystem>
#include <mutex>

#include "base/error.h"
#include "base/file.h"
#include "base/log.h"
#include "base/text.h"
#include "store/migrate.h"
#include "store/sqlite/checkpointer.h"
#include "store/sqlite/connection.h"
#include "store/sqlite/nesting.h"
#include "store/sqlite/writer.h"

namespace fairlead::store {

namespace {

void create_private_file(const std::string& path) {
  if (file::exists(path)) return;
  const file::Descriptor fd(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
  if (!fd.valid()) {
    throw Error(Fault::unavailable, text::format("cannot create the database {}: {}", path, std::strerror(errno)))
        .with_help("the server's user must be able to write to that folder");
  }
  file::sync_folder(std::filesystem::path(path).parent_path());
}

[[noreturn]] void cannot_sync(const std::string& path) {
  throw Error(Fault::unavailable, text::format("cannot sync {}: {}", path, std::strerror(errno)));
}

void sync_file(const std::string& path) {
  const file::Descriptor fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd.valid() || ::fsync(fd.get()) != 0) cannot_sync(path);
}

struct Listeners {
  std::mutex mutex;
  std::int64_t next = 0;
  std::vector<std::pair<std::int64_t, std::function<void()>>> all;

  void call() {
    const std::lock_guard lock(mutex);
    for (const auto& [id, f] : all) f();
  }
};

// Makes the write-ahead log durable, through a descriptor of our own: SQLite's locks are on other files.
class LogSync {
 public:
  explicit LogSync(const std::string& database)
      : path_(database + "-wal"), fd_(::open(path_.c_str(), O_RDONLY | O_CLOEXEC)) {
    if (!fd_.valid()) cannot_sync(path_);
  }
  void operator()() const {
    if (::fdatasync(fd_.get()) != 0) cannot_sync(path_);
  }

 private:
  const std::string path_;
  const file::Descriptor fd_;
};

class SqliteStore : public Store {
 public:
  SqliteStore(SqliteOptions options, Clock& clock) : options_(std::move(options)), clock_(clock) {
    create_private_file(options_.path);
    auto connection = std::make_unique<SqliteConnection>(options_.path, SqliteConnection::Use::write);
    if (options_.migrate) {
      migrate(
          {*connection, [&](const std::string& sql) { connection->run_script(sql); }, options_.path, clock_.now().us},
          embedded_migrations());
    }
    checkpointer_ = std::make_unique<Checkpointer>(options_.path);
    Writer::Options hooks;
    hooks.sync = options_.sync_log;
    if (!hooks.sync) hooks.sync = [sync = std::make_shared<const LogSync>(options_.path)] { (*sync)(); };
    hooks.outbox_published = [listeners = listeners_] { listeners->call(); };
    hooks.log_is_long = [this] { checkpointer_->wake(); };
    writer_ = std::make_unique<Writer>(std::move(connection), clock_, std::move(hooks));
  }
  ~SqliteStore() override { close(); }

  void write_async(std::function<void(Tx&)> f, std::function<void(std::exception_ptr)> done) override {
    refuse_nesting();
    const auto shared_done = std::make_shared<std::function<void(std::exception_ptr)>>(std::move(done));
    if (writer_->try_push(
            {std::move(f), [shared_done](std::exception_ptr error) { (*shared_done)(std::move(error)); }}))
      return;
    (*shared_done)(std::make_exception_ptr(refusal()));
  }

  Subscription subscribe_outbox(std::function<void()> f) override {
    const std::lock_guard lock(listeners_->mutex);
    const std::int64_t id = ++listeners_->next;
    listeners_->all.emplace_back(id, std::move(f));
    return Subscription(nullptr, [listeners = listeners_, id](void*) {
      const std::lock_guard guard(listeners->mutex);
      std::erase_if(listeners->all, [id](const auto& entry) { return entry.first == id; });
    });
  }

  void read_together(const std::function<void()>& f) override {
    refuse_nesting();
    Snapshot snapshot(*this);
    struct Restore {
      Snapshot* before;
      ~Restore() { together = before; }
    } const restore{std::exchange(together, &snapshot)};
    f();
  }

  Clock& clock() override { return clock_; }
  std::string place() const override { return options_.path; }

  void close() override {
    {
      const std::lock_guard lock(close_mutex_);
      if (std::exchange(closed_, true)) return;
    }
    writer_->close();
    std::unique_lock lock(readers_mutex_);
    readers_changed_.notify_all();
    readers_changed_.wait(lock, [&] { return idle_readers_.size() == open_readers_; });
    idle_readers_.clear();
    checkpointer_.reset();
  }

  std::vector<std::string> check_integrity() override {
    return read([](const Tx& tx) {
      std::vector<std::string> findings;
      for (Statement rows = tx.query("PRAGMA integrity_check"); rows.next();) {
        if (rows.view(0) != "ok") findings.push_back(rows.text(0));
      }
      return findings;
    });
  }

  void backup_to(const std::string& path) override {
    refuse_nesting();
    if (file::exists(path)) throw invalid(text::format("{} exists; a backup never overwrites a file", path));
    create_private_file(path);  // SQLite accepts an empty file as its target and keeps the mode
    try {
      SqliteConnection connection(options_.path, SqliteConnection::Use::write);
      Statement statement(connection, "VACUUM INTO ?");
      statement.bind(path);
      statement.run();
      sync_file(path);
    } catch (...) {
      ::unlink(path.c_str());  // half a backup is worse than none
      throw;
    }
  }

 protected:
  void run_read(const std::function<void(const Tx&)>& f) override {
    refuse_nesting();
    if (together != nullptr && &together->store == this) return together->read(f);
    Snapshot(*this).read(f);
  }

  void run_write(const std::function<void(Tx&)>& f) override {
    refuse_nesting();
    if (inside == Inside::hook)
      throw Error(Fault::bug, "an after-commit hook waits for a write: use write_async, or another thread");
    struct Waiting {
      std::mutex mutex;
      std::condition_variable changed;
      bool finished = false;
      std::exception_ptr error;
    } waiting;
    const auto done = [&waiting](std::exception_ptr error) {
      // Notified under the lock: the waiter may return and destroy `waiting` as soon as it is released.
      const std::lock_guard lock(waiting.mutex);
      waiting.error = std::move(error);
      waiting.finished = true;
      waiting.changed.notify_one();
    };
    if (!writer_->try_push({[&f](Tx& tx) { f(tx); }, done})) throw refusal();
    std::unique_lock lock(waiting.mutex);
    waiting.changed.wait(lock, [&] { return waiting.finished; });
    if (waiting.error) std::rethrow_exception(waiting.error);
  }

 private:
  // A read connection with a transaction on it, from the first read for as long as this lives.
  class Snapshot {
   public:
    explicit Snapshot(SqliteStore& owner) : store(owner) {}
    ~Snapshot() {
      if (!connection_) return;
      end(*connection_);
      store.give_back(std::move(connection_));
    }
    Snapshot(const Snapshot&) = delete;
    Snapshot& operator=(const Snapshot&) = delete;

    void read(const std::function<void(const Tx&)>& f) {
      if (!connection_) begin();
      const Entered entered(Inside::transaction);
      f(Tx(*connection_, store.clock_));
    }

    SqliteStore& store;

   private:
    void begin() {
      std::unique_ptr<SqliteConnection> connection = store.take_reader();
      try {
        connection->run("BEGIN");
      } catch (...) {
        store.give_back(std::move(connection));
        throw;
      }
      connection->expect_transaction(true);
      connection_ = std::move(connection);
    }
    static void end(SqliteConnection& connection) noexcept {
      connection.expect_transaction(false);
      try {
        if (connection.in_transaction()) connection.run("ROLLBACK");
      } catch (const std::exception& error) {
        log::error("a read could not be ended", {{"error", error.what()}});
      }
    }

    std::unique_ptr<SqliteConnection> connection_;
  };
  static thread_local Snapshot* together;  // of this thread's read_together()

  Error refusal() {
    const std::lock_guard lock(close_mutex_);
    if (closed_) return Error(Fault::unavailable, "the server is stopping").retry_after(5);
    return Error(Fault::unavailable, "the database cannot keep up: too many changes are waiting").retry_after(1);
  }

  std::unique_ptr<SqliteConnection> take_reader() {
    std::unique_lock lock(readers_mutex_);
    const auto limit = static_cast<std::size_t>(std::max(options_.readers, 1));
    readers_changed_.wait(lock, [&] { return is_closed() || !idle_readers_.empty() || open_readers_ < limit; });
    if (is_closed()) throw Error(Fault::unavailable, "the server is stopping").retry_after(5);
    if (!idle_readers_.empty()) {
      std::unique_ptr<SqliteConnection> reader = std::move(idle_readers_.back());
      idle_readers_.pop_back();
      return reader;
    }
    std::unique_ptr<SqliteConnection> fresh =
        std::make_unique<SqliteConnection>(options_.path, SqliteConnection::Use::read);
    ++open_readers_;
    return fresh;
  }

  void give_back(std::unique_ptr<SqliteConnection> reader) {
    const std::lock_guard lock(readers_mutex_);
    idle_readers_.push_back(std::move(reader));
    readers_changed_.notify_all();
  }

  bool is_closed() {
    const std::lock_guard lock(close_mutex_);
    return closed_;
  }

  const SqliteOptions options_;
  Clock& clock_;
  std::shared_ptr<Listeners> listeners_ = std::make_shared<Listeners>();
  std::unique_ptr<Checkpointer> checkpointer_;
  std::unique_ptr<Writer> writer_;

  std::mutex close_mutex_;
  bool closed_ = false;
  std::mutex readers_mutex_;
  std::condition_variable readers_changed_;
  std::vector<std::unique_ptr<SqliteConnection>> idle_readers_;
  std::size_t open_readers_ = 0;
};

thread_local SqliteStore::Snapshot* SqliteStore::together = nullptr;

}  // namespace

std::unique_ptr<Store> open_sqlite(SqliteOptions options, Clock& clock) {
  return std::make_unique<SqliteStore>(std::move(options), clock);
}

}  // namespace fairlead::store
