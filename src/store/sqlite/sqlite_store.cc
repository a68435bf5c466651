// SPDX-License-Identifier: Apache-2.0
#include "store/sqlite/sqlite_store.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <condition_variable>
#include <cstring>
#include <filesystem>
#include <mutex>
#include <span>
#include <thread>

#include "base/error.h"
#include "base/file.h"
#include "base/log.h"
#include "base/metrics.h"
#include "base/queue.h"
#include "base/text.h"
#include "store/migrate.h"
#include "store/sqlite/connection.h"

namespace fairlead::store {

namespace {

// Most closures in one group commit: bounds how long the first of them waits for the last.
constexpr std::size_t kMaxBatch = 500;

// Pages of the write-ahead log from which it is brought into the database, and from which the writer does that itself
// because the checkpointing thread has fallen behind.
constexpr int kCheckpointPages = 2'000;
constexpr int kMaxWalPages = 25'000;

// What this thread is doing with any store; transactions must not nest, and the writer must not wait for itself.
enum class Inside { nothing, transaction, hook };
thread_local Inside inside = Inside::nothing;

class Entered {
 public:
  explicit Entered(Inside what) : before_(std::exchange(inside, what)) {}
  ~Entered() { inside = before_; }
  Entered(const Entered&) = delete;
  Entered& operator=(const Entered&) = delete;

 private:
  const Inside before_;
};

void refuse_nesting() {
  if (inside == Inside::transaction)
    throw Error(Fault::bug, "a transaction was begun inside another one: pass the Tx on");
}

struct Job {
  std::function<void(Tx&)> f;
  std::function<void(std::exception_ptr)> done;
};

// What became of a job before the commit.
struct Outcome {
  std::exception_ptr error;
  std::vector<std::function<void()>> after_commit;
  bool outbox = false;
};

void create_private_file(const std::string& path) {
  if (file::exists(path)) return;
  const file::Descriptor fd(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
  if (!fd.valid()) {
    throw Error(Fault::unavailable, text::format("cannot create the database {}: {}", path, std::strerror(errno)))
        .with_help("the server's user must be able to write to that folder");
  }
  file::sync_folder(std::filesystem::path(path).parent_path());
}

void sync_file(const std::string& path) {
  const file::Descriptor fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (fd.valid() && ::fsync(fd.get()) == 0) return;
  throw Error(Fault::unavailable, text::format("cannot sync {}: {}", path, std::strerror(errno)));
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

// Brings the write-ahead log into the database beside the writer, whose commits would wait for it otherwise.
class Checkpointer {
 public:
  explicit Checkpointer(const std::string& path) : connection_(path, SqliteConnection::Use::write) {
    thread_ = std::thread([this] { work(); });
  }
  ~Checkpointer() {
    {
      const std::lock_guard lock(mutex_);
      stopped_ = true;
    }
    changed_.notify_all();
    thread_.join();
  }
  Checkpointer(const Checkpointer&) = delete;
  Checkpointer& operator=(const Checkpointer&) = delete;

  void wake() {
    {
      const std::lock_guard lock(mutex_);
      wanted_ = true;
    }
    changed_.notify_all();
  }

 private:
  void work() {
    std::unique_lock lock(mutex_);
    while (true) {
      changed_.wait(lock, [&] { return stopped_ || wanted_; });
      if (stopped_) return;
      wanted_ = false;
      lock.unlock();
      try {
        connection_.checkpoint();
      } catch (const Error& error) {
        log::error("the write-ahead log could not be brought into the database", {{"error", error.text()}});
      }
      lock.lock();
    }
  }

  SqliteConnection connection_;
  std::mutex mutex_;
  std::condition_variable changed_;
  bool wanted_ = false;
  bool stopped_ = false;
  std::thread thread_;
};

class SqliteStore : public Store {
 public:
  SqliteStore(SqliteOptions options, Clock& clock)
      : options_(std::move(options)), clock_(clock), jobs_(kMaxQueuedWrites) {
    create_private_file(options_.path);
    writer_ = std::make_unique<SqliteConnection>(options_.path, SqliteConnection::Use::write);
    if (options_.migrate) {
      migrate({*writer_, [this](const std::string& sql) { writer_->run_script(sql); }, options_.path, clock_.now().us},
              embedded_migrations());
    }
    checkpointer_ = std::make_unique<Checkpointer>(options_.path);
    writer_->on_commit([this](int pages) {
      if (pages >= kCheckpointPages) checkpointer_->wake();
      if (pages >= kMaxWalPages) wal_is_long_ = true;
    });
    thread_ = std::thread([this] { drain(); });
  }
  ~SqliteStore() override { close(); }

  void write_async(std::function<void(Tx&)> f, std::function<void(std::exception_ptr)> done) override {
    refuse_nesting();
    const auto shared_done = std::make_shared<std::function<void(std::exception_ptr)>>(std::move(done));
    if (jobs_.try_push({std::move(f), [shared_done](std::exception_ptr error) { (*shared_done)(std::move(error)); }}))
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

  Clock& clock() override { return clock_; }
  std::string place() const override { return options_.path; }

  void close() override {
    {
      const std::lock_guard lock(close_mutex_);
      if (std::exchange(closed_, true)) return;
    }
    jobs_.close();
    if (thread_.joinable()) thread_.join();
    std::unique_lock lock(readers_mutex_);
    readers_changed_.notify_all();
    readers_changed_.wait(lock, [&] { return idle_readers_.size() == open_readers_; });
    idle_readers_.clear();
    checkpointer_.reset();
    writer_.reset();
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
    const Reader reader(*this);
    reader->run("BEGIN");
    reader->expect_transaction(true);
    const Entered entered(Inside::transaction);
    const Tx tx(*reader, clock_);
    try {
      f(tx);
    } catch (...) {
      end_read(*reader);
      throw;
    }
    end_read(*reader);
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
    if (!jobs_.try_push({[&f](Tx& tx) { f(tx); }, done})) throw refusal();
    std::unique_lock lock(waiting.mutex);
    waiting.changed.wait(lock, [&] { return waiting.finished; });
    if (waiting.error) std::rethrow_exception(waiting.error);
  }

 private:
  // A read connection for as long as this lives.
  class Reader {
   public:
    explicit Reader(SqliteStore& store) : store_(store), connection_(store.take_reader()) {}
    ~Reader() { store_.give_back(std::move(connection_)); }
    Reader(const Reader&) = delete;
    Reader& operator=(const Reader&) = delete;
    SqliteConnection* operator->() const { return connection_.get(); }
    SqliteConnection& operator*() const { return *connection_; }

   private:
    SqliteStore& store_;
    std::unique_ptr<SqliteConnection> connection_;
  };

  Error refusal() {
    const std::lock_guard lock(close_mutex_);
    if (closed_) return Error(Fault::unavailable, "the server is stopping").retry_after(5);
    return Error(Fault::unavailable, "the database cannot keep up: too many changes are waiting").retry_after(1);
  }

  static void end_read(SqliteConnection& connection) {
    connection.expect_transaction(false);
    if (connection.in_transaction()) connection.run("ROLLBACK");
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

  void drain() {
    while (true) {
      std::deque<Job> queued = jobs_.pop_all();
      if (queued.empty()) return;
      std::vector<Job> jobs(std::make_move_iterator(queued.begin()), std::make_move_iterator(queued.end()));
      std::span<Job> rest(jobs);
      while (!rest.empty()) rest = rest.subspan(commit_some(rest.first(std::min(rest.size(), kMaxBatch))));
    }
  }

  // Runs jobs from the front in one transaction, answers them and returns how many there were. Less than all only where
  // a failure made SQLite roll the whole transaction back.
  std::size_t commit_some(std::span<Job> jobs) {
    const std::int64_t start_us = clock_.steady_us();
    std::vector<Outcome> outcomes;
    std::exception_ptr failure;
    try {
      writer_->run("BEGIN IMMEDIATE");
    } catch (...) {
      failure = std::current_exception();
      outcomes.resize(jobs.size());
    }
    while (!failure && outcomes.size() < jobs.size()) {
      outcomes.push_back(jobs.size() == 1 ? run_alone(jobs.front()) : run_one(jobs[outcomes.size()]));
      if (!writer_->in_transaction()) failure = lost_transaction(outcomes.back().error);
    }
    if (!failure) failure = commit();
    const bool committed = failure == nullptr;
    finish(jobs.first(outcomes.size()), outcomes, std::move(failure));
    if (std::exchange(wal_is_long_, false)) shorten_wal();
    if (committed) {
      commits_.add();
      committed_closures_.add(static_cast<std::int64_t>(outcomes.size()));
      commit_time_.observe_us(clock_.steady_us() - start_us);
    }
    return outcomes.size();
  }

  void shorten_wal() noexcept {
    try {
      writer_->checkpoint();
    } catch (const std::exception& error) {
      log::error("the write-ahead log could not be brought into the database", {{"error", error.what()}});
    }
  }

  // What the others of a transaction are told that a closure's failure made SQLite roll back: an exception of their
  // own.
  static std::exception_ptr lost_transaction(const std::exception_ptr& error) {
    if (error) return std::make_exception_ptr(error_of(error));
    return std::make_exception_ptr(Error(Fault::unavailable, "the database rolled the change back").retry_after(1));
  }

  std::exception_ptr commit() noexcept {
    try {
      writer_->run("COMMIT");
      return nullptr;
    } catch (...) {
      const std::exception_ptr failure = std::current_exception();
      roll_back();
      return failure;
    }
  }

  void run_job(Job& job, Outcome& outcome) {
    Tx tx(*writer_, clock_);
    {
      const Entered entered(Inside::transaction);
      writer_->expect_transaction(true);
      job.f(tx);
    }
    writer_->expect_transaction(false);
    outcome.after_commit = tx.take_after_commit();
    outcome.outbox = tx.outbox_marked();
  }

  // One of several closures in the transaction: a failure of its undoes what it did, and nothing else.
  Outcome run_one(Job& job) noexcept {
    Outcome outcome;
    try {
      writer_->run("SAVEPOINT closure");
      run_job(job, outcome);
      if (writer_->in_transaction()) writer_->run("RELEASE closure");
    } catch (...) {
      outcome.error = std::current_exception();
      writer_->expect_transaction(false);
      roll_closure_back();
    }
    return outcome;
  }

  // The only closure of the transaction needs no savepoint, which costs a copy of every page it changes.
  Outcome run_alone(Job& job) noexcept {
    Outcome outcome;
    try {
      run_job(job, outcome);
    } catch (...) {
      outcome.error = std::current_exception();
      writer_->expect_transaction(false);
      roll_back();
    }
    return outcome;
  }

  void roll_closure_back() noexcept {
    try {
      if (writer_->in_transaction()) writer_->run_script("ROLLBACK TO closure; RELEASE closure");
    } catch (...) {
      roll_back();  // undoing one closure failed, so none of the transaction may be kept
    }
  }

  // Cannot fail on a live handle.
  void roll_back() noexcept {
    try {
      if (writer_->in_transaction()) writer_->run("ROLLBACK");
    } catch (const std::exception& error) {
      log::error("a transaction could not be rolled back", {{"error", error.what()}});
    }
  }

  void finish(std::span<Job> jobs, std::vector<Outcome>& outcomes, std::exception_ptr failure) {
    const Entered entered(Inside::hook);
    bool outbox = false;
    if (!failure) {
      for (Outcome& outcome : outcomes) {
        outbox = outbox || outcome.outbox;
        for (const auto& hook : outcome.after_commit) guarded(hook);
      }
      if (outbox) guarded([this] { listeners_->call(); });
    }
    std::size_t last = jobs.size();  // of those that the failure of the transaction is told
    for (std::size_t i = 0; i < jobs.size(); ++i) {
      if (!outcomes[i].error) last = i;
    }
    for (std::size_t i = 0; i < jobs.size(); ++i) {
      // Handed over, not kept: whoever waits may be reading the exception while this thread goes on.
      std::exception_ptr error = std::exchange(outcomes[i].error, nullptr);
      if (!error) error = i == last ? std::exchange(failure, nullptr) : failure;
      guarded([&] { jobs[i].done(std::exchange(error, nullptr)); });
      jobs[i] = {};
    }
  }

  static void guarded(const std::function<void()>& f) {
    try {
      f();
    } catch (const std::exception& error) {
      log::error("an after-commit hook threw", {{"error", error.what()}});
    }
  }

  const SqliteOptions options_;
  Clock& clock_;
  Queue<Job> jobs_;
  std::unique_ptr<SqliteConnection> writer_;
  std::unique_ptr<Checkpointer> checkpointer_;
  bool wal_is_long_ = false;  // of the writer's thread
  std::thread thread_;
  std::shared_ptr<Listeners> listeners_ = std::make_shared<Listeners>();

  std::mutex close_mutex_;
  bool closed_ = false;
  std::mutex readers_mutex_;
  std::condition_variable readers_changed_;
  std::vector<std::unique_ptr<SqliteConnection>> idle_readers_;
  std::size_t open_readers_ = 0;

  metrics::Counter& commits_ =
      metrics::counter("fairlead_store_commits_total", "Transactions committed, each with one fsync");
  metrics::Counter& committed_closures_ =
      metrics::counter("fairlead_store_writes_total", "Writes in those transactions: more than commits under load");
  metrics::Histogram& commit_time_ = metrics::histogram("fairlead_store_commit_seconds", "Duration of a group commit");
};

}  // namespace

std::unique_ptr<Store> open_sqlite(SqliteOptions options, Clock& clock) {
  return std::make_unique<SqliteStore>(std::move(options), clock);
}

}  // namespace fairlead::store
