// SPDX-License-Identifier: Apache-2.0
// Journals of runs as their last wakes left them, so that a wake need not read again what this process has just
// written. All that adds to a journal moves the epoch or the arrivals of its run, so a journal of the run's present
// numbers is complete, whoever else may have written. Thread-safe.
#pragma once

#include <cstdint>
#include <list>
#include <mutex>
#include <optional>
#include <unordered_map>

#include "engine/wake.h"

namespace fairlead::engine {

class JournalCache {
 public:
  // Of all journals together, counted roughly; those not used for longest go first.
  explicit JournalCache(std::size_t max_bytes) : max_bytes_(max_bytes) {}

  void keep(const RunId& run, std::int64_t epoch, std::int64_t arrivals, Journal journal);
  // Hands the journal over where it is of these numbers. Whatever it was, it is not here any more.
  std::optional<Journal> take(const RunId& run, std::int64_t epoch, std::int64_t arrivals);

 private:
  struct Entry {
    RunId run;
    std::int64_t epoch = 0;
    std::int64_t arrivals = 0;
    std::size_t bytes = 0;
    Journal journal;
  };
  void drop(std::list<Entry>::iterator entry);

  const std::size_t max_bytes_;
  std::mutex mutex_;
  std::size_t bytes_ = 0;
  std::list<Entry> entries_;  // the one kept last first
  std::unordered_map<RunId, std::list<Entry>::iterator> by_run_;
};

}  // namespace fairlead::engine
