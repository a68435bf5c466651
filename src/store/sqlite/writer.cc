// SPDX-License-Identifier: Apache-2.0
#include "store/sqlite/writer.h"

#include <utility>

#include "base/error.h"
#include "base/log.h"
#include "base/thread.h"
#include "store/sqlite/nesting.h"

namespace fairlead::store {
namespace {

// Most closures in one group commit: bounds how long the first of them waits for the last.
constexpr std::size_t kMaxBatch = 500;

// Pages of the write-ahead log from which it is brought into the database, and from which the writer does that itself
// because the checkpointing thread has fallen behind.
constexpr int kCheckpointPages = 6'000;
constexpr int kMaxLogPages = 25'000;

// What the others of a transaction are told that a closure's failure made SQLite roll back: an exception of their own.
std::exception_ptr lost_transaction(const std::exception_ptr& error) {
  if (error) return std::make_exception_ptr(error_of(error));
  return std::make_exception_ptr(Error(Fault::unavailable, "the database rolled the change back").retry_after(1));
}

std::exception_ptr broken_disk() {
  return std::make_exception_ptr(
      Error(Fault::unavailable, "the disk could not keep earlier changes, so no more are accepted")
          .with_help("Look at the disk and at the server's log, then start the server again."));
}

void guarded(const std::function<void()>& f) {
  try {
    f();
  } catch (const std::exception& error) {
    log::error("an after-commit hook threw", {{"error", error.what()}});
  }
}

}  // namespace

Writer::Writer(std::unique_ptr<SqliteConnection> connection, Clock& clock, Options options)
    : connection_(std::move(connection)), clock_(clock), options_(std::move(options)), queue_(kMaxQueuedWrites) {
  connection_->run_script("PRAGMA synchronous=NORMAL");
  connection_->on_commit([this](int pages) {
    if (pages >= kCheckpointPages) options_.log_is_long();
    log_is_too_long_ = pages >= kMaxLogPages;
  });
  syncing_thread_ = start_thread("store-sync", [this] { sync_and_answer(); });
  writing_thread_ = start_thread("store-write", [this] { write(); });
}

Writer::~Writer() { close(); }

void Writer::close() {
  queue_.close();
  if (writing_thread_.joinable()) writing_thread_.join();
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  changed_.notify_all();
  if (syncing_thread_.joinable()) syncing_thread_.join();
}

void Writer::write() {
  while (true) {
    std::deque<Job> queued =
        open_.jobs.empty() ? queue_.pop_all() : queue_.pop_all_unless([this] { return !is_syncing(); });
    if (queued.empty() && open_.jobs.empty()) return;
    const bool idle = queued.empty();
    for (Job& job : queued) {
      add(std::move(job));
      if (open_.jobs.size() >= kMaxBatch) commit();
    }
    if (!open_.jobs.empty() && (idle || !is_syncing())) commit();
  }
}

// Runs a job in the open transaction, and begins one for the first. That one needs no savepoint, which costs a copy of
// every page that is changed: undoing it undoes everything. No answer is given while this thread still handles the
// exception that it is about.
void Writer::add(Job job) {
  const bool first = open_.jobs.empty();
  if (first && !begin(job)) return;
  Outcome outcome;
  try {
    if (!first) connection_->run("SAVEPOINT closure");
    run_job(job, outcome);
    if (!first && connection_->in_transaction()) connection_->run("RELEASE closure");
  } catch (...) {
    outcome.error = std::current_exception();
  }
  if (outcome.error) {
    connection_->expect_transaction(false);
    if (first) {
      roll_back();
      return answer_alone(std::move(job), std::exchange(outcome.error, nullptr));
    }
    roll_closure_back();
  }
  open_.jobs.push_back(std::move(job));
  open_.outcomes.push_back(std::move(outcome));
  if (connection_->in_transaction()) return;
  std::exception_ptr failure = lost_transaction(open_.outcomes.back().error);
  wait_until_synced();
  Group lost = std::exchange(open_, {});
  answer(lost, std::move(failure));
}

bool Writer::begin(Job& job) {
  std::exception_ptr failure;
  if (broken_) {
    failure = broken_disk();
  } else {
    open_.start_us = clock_.steady_us();
    try {
      connection_->run("BEGIN IMMEDIATE");
    } catch (...) {
      failure = std::current_exception();
    }
  }
  if (!failure) return true;
  answer_alone(std::move(job), std::move(failure));
  return false;
}

void Writer::run_job(Job& job, Outcome& outcome) {
  Tx tx(*connection_, clock_);
  {
    const Entered entered(Inside::transaction);
    connection_->expect_transaction(true);
    job.f(tx);
  }
  connection_->expect_transaction(false);
  outcome.after_commit = tx.take_after_commit();
  outcome.outbox = tx.outbox_marked();
}

void Writer::commit() {
  wait_until_synced();
  Group group = std::exchange(open_, {});
  std::exception_ptr failure;
  try {
    connection_->run("COMMIT");
  } catch (...) {
    failure = std::current_exception();
    roll_back();
  }
  if (failure) return answer(group, std::move(failure));
  // Where nobody waits, the other thread would only have to be woken.
  if (group.jobs.size() == 1 && queue_.size() == 0) {
    make_durable(group);
  } else {
    hand_over(std::move(group));
  }
  if (std::exchange(log_is_too_long_, false)) shorten_log();
}

void Writer::shorten_log() noexcept {
  try {
    connection_->checkpoint();
  } catch (const std::exception& error) {
    log::error("the write-ahead log could not be brought into the database", {{"error", error.what()}});
  }
}

void Writer::hand_over(Group group) {
  {
    const std::lock_guard lock(mutex_);
    committed_ = std::move(group);
  }
  changed_.notify_all();
}

bool Writer::is_syncing() {
  const std::lock_guard lock(mutex_);
  return committed_.has_value();
}

void Writer::wait_until_synced() {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [this] { return !committed_; });
}

void Writer::sync_and_answer() {
  std::unique_lock lock(mutex_);
  while (true) {
    changed_.wait(lock, [this] { return stopping_ || committed_; });
    if (!committed_) return;
    lock.unlock();
    make_durable(*committed_);  // nobody else touches it while it is there
    lock.lock();
    committed_.reset();
    lock.unlock();  // the queue asks is_syncing() under its own lock
    changed_.notify_all();
    queue_.look_again();
    lock.lock();
  }
}

void Writer::make_durable(Group& group) {
  std::exception_ptr failure;
  try {
    if (broken_) std::rethrow_exception(broken_disk());
    options_.sync();
  } catch (...) {
    failure = std::current_exception();
    if (!broken_.exchange(true)) {
      log::error("the database could not be made durable; nothing more is written",
                 {{"error", error_of(failure).text()}});
    }
  }
  const bool durable = failure == nullptr;
  if (durable) {
    commits_.add();
    committed_closures_.add(static_cast<std::int64_t>(group.jobs.size()));
    commit_time_.observe_us(clock_.steady_us() - group.start_us);
  }
  answer(group, std::move(failure));
}

void Writer::answer(Group& group, std::exception_ptr failure) {
  const Entered entered(Inside::hook);
  if (!failure) {
    bool outbox = false;
    for (Outcome& outcome : group.outcomes) {
      outbox = outbox || outcome.outbox;
      for (const auto& hook : outcome.after_commit) guarded(hook);
    }
    if (outbox) guarded(options_.outbox_published);
  }
  std::size_t last = group.jobs.size();  // of those that the failure of the transaction is told
  for (std::size_t i = 0; i < group.jobs.size(); ++i) {
    if (!group.outcomes[i].error) last = i;
  }
  for (std::size_t i = 0; i < group.jobs.size(); ++i) {
    // Handed over, not kept: whoever waits may be reading the exception while this thread goes on.
    std::exception_ptr error = std::exchange(group.outcomes[i].error, nullptr);
    if (!error) error = i == last ? std::exchange(failure, nullptr) : failure;
    guarded([&] { group.jobs[i].done(std::exchange(error, nullptr)); });
    group.jobs[i] = {};
  }
}

void Writer::answer_alone(Job job, std::exception_ptr failure) {
  wait_until_synced();
  const Entered entered(Inside::hook);
  guarded([&] { job.done(std::exchange(failure, nullptr)); });
}

void Writer::roll_closure_back() noexcept {
  try {
    if (connection_->in_transaction()) connection_->run_script("ROLLBACK TO closure; RELEASE closure");
  } catch (...) {
    roll_back();  // undoing one closure failed, so none of the transaction may be kept
  }
}

// Cannot fail on a live handle.
void Writer::roll_back() noexcept {
  try {
    if (connection_->in_transaction()) connection_->run("ROLLBACK");
  } catch (const std::exception& error) {
    log::error("a transaction could not be rolled back", {{"error", error.what()}});
  }
}

}  // namespace fairlead::store
