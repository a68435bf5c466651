// SPDX-License-Identifier: Apache-2.0
// The thread that writes, and the one that makes its commits durable and answers.
//
//   transaction k      run closures | COMMIT |  sync the log, answer
//   transaction k + 1                        |  run closures as they arrive ...  | COMMIT | ...
//
// A transaction is committed once the sync of the one before has ended, so its size is what arrived during a sync.
// SQLite itself does not sync at a commit (synchronous=NORMAL). Readers may therefore see a commit that the disk does
// not have yet; but nobody has been told that it is done, and all that is written because of it comes after it in the
// log.
#pragma once

#include <atomic>
#include <condition_variable>
#include <exception>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "base/clock.h"
#include "base/metrics.h"
#include "base/queue.h"
#include "store/sqlite/connection.h"
#include "store/store.h"

namespace fairlead::store {

class Writer {
 public:
  struct Job {
    std::function<void(Tx&)> f;
    std::function<void(std::exception_ptr)> done;  // on one of the writer's threads, never on both at once
  };
  struct Options {
    std::function<void()> sync;              // makes what was committed durable; throws where it cannot
    std::function<void()> outbox_published;  // after a commit that published; as an after-commit hook
    std::function<void()> log_is_long;       // asks for a checkpoint
  };

  // Takes the connection over; no transaction is open on it.
  Writer(std::unique_ptr<SqliteConnection> connection, Clock& clock, Options options);
  ~Writer();
  Writer(const Writer&) = delete;
  Writer& operator=(const Writer&) = delete;

  // False when too many wait, or after close(). Thread-safe.
  bool try_push(Job job) { return queue_.try_push(std::move(job)); }
  // Finishes what was accepted. Not on the writer's own threads; once.
  void close();

 private:
  // What became of a job before the commit.
  struct Outcome {
    std::exception_ptr error;
    std::vector<std::function<void()>> after_commit;
    bool outbox = false;
  };
  // A transaction's jobs with their outcomes.
  struct Group {
    std::vector<Job> jobs;
    std::vector<Outcome> outcomes;
    std::int64_t start_us = 0;
  };

  void write();
  void sync_and_answer();
  void add(Job job);
  bool begin(Job& job);
  void commit();
  void hand_over(Group group);
  bool is_syncing();
  void wait_until_synced();
  void make_durable(Group& group);
  void answer(Group& group, std::exception_ptr failure);
  void answer_alone(Job job, std::exception_ptr failure);
  void run_job(Job& job, Outcome& outcome);
  void shorten_log() noexcept;
  void roll_closure_back() noexcept;
  void roll_back() noexcept;

  const std::unique_ptr<SqliteConnection> connection_;
  Clock& clock_;
  const Options options_;
  Queue<Job> queue_;
  // The writing thread's:
  Group open_;  // its transaction is open while it has jobs
  bool log_is_too_long_ = false;

  std::mutex mutex_;
  std::condition_variable changed_;
  std::optional<Group> committed_;  // guarded by mutex_: waits for its sync, or is being synced
  bool stopping_ = false;           // guarded by mutex_
  // Once a sync has failed nobody knows what the disk has, and another sync may wrongly succeed: no more is written.
  std::atomic<bool> broken_ = false;

  metrics::Counter& commits_ =
      metrics::counter("fairlead_store_commits_total", "Transactions committed, each with one fsync");
  metrics::Counter& committed_closures_ =
      metrics::counter("fairlead_store_writes_total", "Writes in those transactions: more than commits under load");
  metrics::Histogram& commit_time_ =
      metrics::histogram("fairlead_store_commit_seconds", "From the begin of a group commit to its being durable");
  std::thread syncing_thread_;
  std::thread writing_thread_;
};

}  // namespace fairlead::store
