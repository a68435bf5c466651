// SPDX-License-Identifier: Apache-2.0
#include "server/janitor.h"

#include "base/error.h"
#include "base/log.h"
#include "base/thread.h"
#include "server/audit_archive.h"
#include "store/outbox.h"

namespace fairlead::server {

namespace {

constexpr std::int64_t kIntervalUs = 10 * kMinute;
constexpr std::int64_t kDayUs = 24 * kHour;
constexpr std::int64_t kOutboxKeptUs = 7 * kDayUs;  // for consumers that are rebuilt
// Batches are short, since everybody's writes wait behind them, and many, so that a round catches up with a busy day.
constexpr int kRunsPerBatch = 50;
constexpr int kEventsPerBatch = 500;
constexpr int kMostBatches = 1'000;

template <class F>
void guarded(const char* what, F&& f) {
  try {
    f();
  } catch (...) {
    log::warning("what is no longer kept could not be removed; the next round tries again",
                 {{"what", what}, {"error", error_of(std::current_exception()).text()}});
  }
}

}  // namespace

Janitor::Janitor(Parts parts, Retention retention)
    : parts_(parts),
      retention_(retention),
      tasks_({parts.store, parts.documents, parts.log, parts.data.logs(), parts.data.blobs()},
             retention.task_days * kDayUs) {}

void Janitor::start() {
  thread_ = start_thread("janitor", [this] {
    while (!stopping_.token().wait_for_us(kIntervalUs)) clean();
  });
}

void Janitor::stop() {
  stopping_.cancel("the server stops");
  if (thread_.joinable()) thread_.join();
}

void Janitor::clean() {
  guarded("outbox events", [&] { trim_events(); });
  guarded("ended runs", [&] { prune_runs(); });
  guarded("audit events", [&] { archive_audit(); });
  guarded("tasks", [&] { tasks_.round(stopping_.token()); });
}

void Janitor::trim_events() {
  for (int batch = 0; batch < kMostBatches && !stopping_.token().cancelled(); ++batch) {
    const auto count = parts_.store.write(
        [&](store::Tx& tx) { return store::trim_outbox(tx, tx.now() + -kOutboxKeptUs, kEventsPerBatch); });
    if (count == 0) return;
  }
}

void Janitor::prune_runs() {
  const std::int64_t kept_us = retention_.run_days * kDayUs;
  for (int batch = 0; batch < kMostBatches && !stopping_.token().cancelled(); ++batch) {
    const auto count =
        parts_.store.write([&](store::Tx& tx) { return parts_.engine.prune(tx, tx.now() + -kept_us, kRunsPerBatch); });
    if (count == 0) return;
  }
}

void Janitor::archive_audit() {
  for (int batch = 0; batch < kMostBatches && !stopping_.token().cancelled(); ++batch) {
    const Time before = parts_.store.clock().now() + -retention_.audit_days * kDayUs;
    if (archive_oldest_audit(parts_.store, parts_.data.audit_archive(), before) == 0) return;
  }
}

}  // namespace fairlead::server
