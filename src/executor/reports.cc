// SPDX-License-Identifier: Apache-2.0
#include "executor/reports.h"

#include <algorithm>
#include <chrono>

#include "base/log.h"
#include "base/text.h"
#include "base/thread.h"
#include "link/dialer.h"

namespace fairlead::executor {

Reports::Reports(const Clock& clock, std::function<void(const std::string&)> on_delivered)
    : clock_(clock), on_delivered_(std::move(on_delivered)) {}

Reports::~Reports() { stop(); }

void Reports::start(link::Dialer& dialer) {
  const std::lock_guard lock(mutex_);
  dialer_ = &dialer;
  thread_ = start_thread("reports", [this] { run(); });
}

void Reports::stop() {
  {
    const std::lock_guard lock(mutex_);
    stopped_ = true;
    changed_.notify_all();
  }
  if (thread_.joinable()) thread_.join();
}

// Waits for the next moment at which lines have waited long enough.
void Reports::run() {
  std::unique_lock lock(mutex_);
  while (!stopped_) {
    if (next_flush_us_ == 0) {
      changed_.wait(lock);
      continue;
    }
    const std::int64_t now_us = clock_.steady_us();
    if (now_us < next_flush_us_) {
      changed_.wait_for(lock, std::chrono::microseconds(next_flush_us_ - now_us));
      continue;
    }
    next_flush_us_ = 0;
    for (auto& [key, command] : commands_) {
      if (command.flush_due_us == 0) continue;
      if (command.flush_due_us <= now_us) {
        advance(key, command, true);
      } else if (next_flush_us_ == 0 || command.flush_due_us < next_flush_us_) {
        next_flush_us_ = command.flush_due_us;
      }
    }
  }
}

void Reports::open(const std::string& key, std::shared_ptr<CommandLog> log) {
  {
    const std::lock_guard lock(mutex_);
    commands_[key].log = log;
  }
  log->set_listener([this, key] { written(key); });
}

void Reports::written(const std::string& key) {
  const std::lock_guard lock(mutex_);
  const auto found = commands_.find(key);
  if (found == commands_.end() || found->second.result) return;
  Command& command = found->second;
  if (command.log->waiting_bytes() >= kFlushAtBytes) {
    advance(key, command, true);
  } else if (command.flush_due_us == 0) {
    command.flush_due_us = clock_.steady_us() + kFlushEveryUs;
    if (next_flush_us_ == 0 || command.flush_due_us < next_flush_us_) {
      next_flush_us_ = command.flush_due_us;
      changed_.notify_all();
    }
  }
}

void Reports::finish(link::Result result) {
  const std::lock_guard lock(mutex_);
  const auto found = commands_.find(result.key);
  if (found == commands_.end()) return;
  found->second.result = std::move(result);
  advance(found->first, found->second, true);
}

// With the mutex. One piece per command is on its way at a time: that keeps commands from starving each other.
void Reports::advance(const std::string& key, Command& command, bool flush) {
  command.flush_due_us = 0;
  if (dialer_ == nullptr || command.chunk_in_flight || command.result_sent) return;
  const std::size_t waiting = command.log->waiting_bytes();
  if (command.result && waiting <= kChunkBytes / 2) {
    CommandLog::Taken rest = command.log->take(kChunkBytes);
    command.result->log_offset = rest.offset;
    command.result->log = std::move(rest.lines);
    const std::uint64_t tag = next_tag_++;
    if (!dialer_->send(*command.result, tag)) {
      // Too long for the link: the command still gets an end.
      command.result->value.text.clear();
      command.result->outcome = link::Outcome::failed;
      command.result->error = link::failure_of(
          Error(Fault::too_many, text::format("the result is longer than {} MiB", link::kMaxResultBytes >> 20)));
      dialer_->send(*command.result, tag);
    }
    tags_.emplace(tag, Tag{key, true});
    command.result_sent = true;
    command.result->log.clear();
    return;
  }
  if (waiting == 0 || !flush || dialer_->log_room() == 0) return;
  CommandLog::Taken taken = command.log->take(kChunkBytes);
  const std::uint64_t tag = next_tag_++;
  command.chunk_in_flight = true;
  tags_.emplace(tag, Tag{key, false});
  dialer_->send(link::LogChunk{key, taken.offset, std::move(taken.lines)}, tag);
}

void Reports::acknowledged(std::uint64_t tag) {
  std::string delivered;
  {
    const std::lock_guard lock(mutex_);
    const auto found = tags_.find(tag);
    if (found == tags_.end()) return;
    const Tag what = std::move(found->second);
    tags_.erase(found);
    const auto at = commands_.find(what.key);
    if (at != commands_.end()) {
      if (what.is_result) {
        delivered = what.key;
        at->second.log->set_listener({});
        commands_.erase(at);
      } else {
        at->second.chunk_in_flight = false;
        at->second.log->forget_taken();
      }
    }
    // The window may have opened for any of them.
    if (!what.is_result) {
      for (auto& [key, command] : commands_) {
        if (command.result || command.log->waiting_bytes() > 0) advance(key, command, true);
      }
    }
  }
  if (!delivered.empty()) on_delivered_(delivered);
}

void Reports::drop_all() {
  const std::lock_guard lock(mutex_);
  for (auto& [key, command] : commands_) command.log->set_listener({});
  commands_.clear();
  tags_.clear();
}

std::size_t Reports::open_count() const {
  const std::lock_guard lock(mutex_);
  return commands_.size();
}

}  // namespace fairlead::executor
