// SPDX-License-Identifier: Apache-2.0
#include "engine/journal_cache.h"

#include <utility>

namespace fairlead::engine {
namespace {

constexpr std::size_t kBytesOfAnEntry = 200;  // without its texts

std::size_t bytes_of(const Journal& journal) {
  std::size_t bytes = kBytesOfAnEntry;
  for (const auto& [path, entry] : journal) {
    bytes += kBytesOfAnEntry + path.size() + entry.value.size() + entry.digest.size();
  }
  return bytes;
}

}  // namespace

void JournalCache::keep(const RunId& run, std::int64_t epoch, std::int64_t arrivals, Journal journal) {
  for (auto& [path, entry] : journal) entry.consumed = false;
  const std::size_t bytes = bytes_of(journal);
  const std::lock_guard lock(mutex_);
  if (const auto old = by_run_.find(run); old != by_run_.end()) drop(old->second);
  if (bytes > max_bytes_) return;
  entries_.push_front({run, epoch, arrivals, bytes, std::move(journal)});
  by_run_.emplace(run, entries_.begin());
  bytes_ += bytes;
  while (bytes_ > max_bytes_) drop(std::prev(entries_.end()));
}

std::optional<Journal> JournalCache::take(const RunId& run, std::int64_t epoch, std::int64_t arrivals) {
  const std::lock_guard lock(mutex_);
  const auto found = by_run_.find(run);
  if (found == by_run_.end()) return std::nullopt;
  std::optional<Journal> journal;
  Entry& entry = *found->second;
  if (entry.epoch == epoch && entry.arrivals == arrivals) journal = std::move(entry.journal);
  drop(found->second);
  return journal;
}

void JournalCache::drop(std::list<Entry>::iterator entry) {
  bytes_ -= entry->bytes;
  by_run_.erase(entry->run);
  entries_.erase(entry);
}

}  // namespace fairlead::engine
