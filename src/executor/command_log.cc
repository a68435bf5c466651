// SPDX-License-Identifier: Apache-2.0
#include "executor/command_log.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "base/log.h"
#include "base/text.h"
#include "json/value.h"

namespace fairlead::executor {
namespace {

constexpr std::size_t kMaxFileBytes = std::size_t{256} << 20;  // what load() reads

std::string head_of(std::int64_t base) { return text::format("{{\"Base\":{}}}\n", base); }

}  // namespace

CommandLog::CommandLog(const Clock& clock, std::string path, std::int64_t first_offset)
    : clock_(clock), path_(std::move(path)) {
  if (!path_.empty()) load();
  if (first_waiting_ + static_cast<std::int64_t>(waiting_.size()) < first_offset) {
    waiting_.clear();
    waiting_bytes_ = 0;
    first_waiting_ = first_offset;
  }
  if (!path_.empty()) begin_file(first_waiting_);
}

void CommandLog::load() {
  const std::optional<std::string> content = file::read_if_exists(path_, kMaxFileBytes);
  if (!content) return;
  std::string_view rest = *content;
  bool head = true;
  while (!rest.empty()) {
    const std::size_t end = rest.find('\n');
    if (end == std::string_view::npos) break;  // cut short by the end of the process
    const std::string_view line = rest.substr(0, end);
    rest.remove_prefix(end + 1);
    if (head) {
      first_waiting_ = json::int_or(json::parse(line, path_), "Base");
      head = false;
    } else {
      waiting_.push_back({std::string(line), line.size()});
      waiting_bytes_ += line.size();
    }
  }
}

void CommandLog::begin_file(std::int64_t base) {
  std::string content = head_of(base);
  for (const Line& line : waiting_) content += line.json + "\n";
  // One that is there is replaced as a whole; where none is, there is nothing to lose by a half-written one.
  file_ = file::Descriptor(::open(path_.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_APPEND | O_CLOEXEC, 0600));
  const bool replaces = !file_.valid();
  const std::string fresh = path_ + ".new";
  if (replaces)
    file_ = file::Descriptor(::open(fresh.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_APPEND | O_CLOEXEC, 0600));
  if (!file_.valid() || ::write(file_.get(), content.data(), content.size()) != static_cast<ssize_t>(content.size()) ||
      (replaces && ::rename(fresh.c_str(), path_.c_str()) != 0)) {
    throw Error(Fault::unavailable, text::format("cannot write the log {}: {}", path_, std::strerror(errno)));
  }
  file_bytes_ = content.size();
}

void CommandLog::write(std::string_view category, std::string text, std::string detail) {
  link::LogLine line;
  line.time = clock_.now();
  line.category = category;
  line.text = std::move(text);
  line.detail = std::move(detail);
  std::vector<link::LogLine> lines;
  lines.push_back(std::move(line));
  append(std::move(lines));
}

void CommandLog::append(std::vector<link::LogLine> lines) {
  std::function<void()> listener;
  {
    const std::lock_guard lock(mutex_);
    for (link::LogLine& line : lines) add(std::move(line));
    if (!unwritten_.empty() && file_.valid()) {
      // A full disk costs the copy that survives a crash, not the command.
      if (::write(file_.get(), unwritten_.data(), unwritten_.size()) < 0) {
        log::warning("the log of a command cannot be kept on disk",
                     {{"file", path_}, {"reason", std::strerror(errno)}});
        file_.reset();
      }
      file_bytes_ += unwritten_.size();
    }
    unwritten_.clear();
    listener = listener_;
  }
  if (listener) listener();
}

void CommandLog::add(link::LogLine line) {
  if (line.text.size() > kMaxLogLineBytes) line.text = text::shorten(line.text, kMaxLogLineBytes);
  if (line.detail.size() > kMaxLogLineBytes) line.detail = text::shorten(line.detail, kMaxLogLineBytes);
  if (waiting_bytes_ > kMaxWaitingBytes) {
    ++dropped_;
    ++dropped_total_;
    return;
  }
  const auto push = [&](const link::LogLine& kept) {
    std::string encoded = json::encode(kept);
    if (!path_.empty()) unwritten_ += encoded + "\n";
    waiting_bytes_ += encoded.size();
    const std::size_t bytes = encoded.size();
    waiting_.push_back({std::move(encoded), bytes});
  };
  if (dropped_ > 0) {
    link::LogLine notice;
    notice.time = line.time;
    notice.category = "Warning";
    notice.text =
        text::format("{} dropped: more was written than the server could take", text::counted(dropped_, "line"));
    dropped_ = 0;
    push(notice);
  }
  push(line);
}

void CommandLog::set_listener(std::function<void()> listener) {
  const std::lock_guard lock(mutex_);
  listener_ = std::move(listener);
}

CommandLog::Taken CommandLog::take(std::size_t bytes) {
  const std::lock_guard lock(mutex_);
  Taken taken;
  taken.offset = first_waiting_;
  std::size_t used = 0;
  while (!waiting_.empty() && (used == 0 || used + waiting_.front().bytes <= bytes)) {
    const Line line = std::move(waiting_.front());
    waiting_.pop_front();
    used += line.bytes;
    waiting_bytes_ -= line.bytes;
    ++first_waiting_;
    taken.lines.push_back(json::decode<link::LogLine>(line.json));
  }
  return taken;
}

std::size_t CommandLog::waiting_bytes() const {
  const std::lock_guard lock(mutex_);
  return waiting_bytes_;
}

void CommandLog::forget_taken() {
  const std::lock_guard lock(mutex_);
  if (file_.valid() && file_bytes_ > waiting_bytes_ + kTrimFileAtBytes) begin_file(first_waiting_);
}

std::int64_t CommandLog::next_offset() const {
  const std::lock_guard lock(mutex_);
  return first_waiting_ + static_cast<std::int64_t>(waiting_.size());
}

std::int64_t CommandLog::dropped() const {
  const std::lock_guard lock(mutex_);
  return dropped_total_;
}

}  // namespace fairlead::executor
