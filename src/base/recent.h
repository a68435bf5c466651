// SPDX-License-Identifier: Apache-2.0
// Values that never change, by the text that determines them: those used last are kept in memory. For what is costly to
// decode and asked for again and again. Thread-safe; two threads that miss the same key both make it.
#pragma once

#include <cstddef>
#include <list>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>

namespace fairlead {

template <class T>
class Recent {
 public:
  // Keeps at most `limit` values.
  explicit Recent(std::size_t limit) : limit_(limit) {}

  // The value of the key; `make()` where it is not there. What that throws is thrown here, and nothing is kept.
  template <class Make>
  std::shared_ptr<const T> get(std::string_view key, Make&& make) {
    if (std::shared_ptr<const T> found = find(key)) return found;
    auto made = std::make_shared<const T>(make());
    keep(key, made);
    return made;
  }

 private:
  struct Entry {
    std::string key;
    std::shared_ptr<const T> value;
  };

  std::shared_ptr<const T> find(std::string_view key) {
    const std::lock_guard lock(mutex_);
    const auto found = by_key_.find(key);
    if (found == by_key_.end()) return nullptr;
    entries_.splice(entries_.begin(), entries_, found->second);
    return found->second->value;
  }
  void keep(std::string_view key, const std::shared_ptr<const T>& value) {
    const std::lock_guard lock(mutex_);
    if (by_key_.contains(key)) return;
    entries_.push_front({std::string(key), value});
    by_key_.emplace(entries_.front().key, entries_.begin());
    if (entries_.size() <= limit_) return;
    by_key_.erase(entries_.back().key);
    entries_.pop_back();
  }

  const std::size_t limit_;
  std::mutex mutex_;
  std::list<Entry> entries_;                                                          // the one used last first
  std::unordered_map<std::string_view, typename std::list<Entry>::iterator> by_key_;  // views of the entries' keys
};

}  // namespace fairlead
