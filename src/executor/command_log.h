// SPDX-License-Identifier: Apache-2.0
// The log of one command on its way to the server: lines are numbered, kept until they have been handed to the link,
// and for commands that must not run twice also in a file, so that a killed executor loses none that it had taken.
//
// Thread-safe. What does not fit is dropped, counted, and said in the log itself.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/file.h"
#include "link/commands.h"

namespace fairlead::executor {

inline constexpr std::size_t kMaxLogLineBytes = 64 << 10;  // text and detail; longer ones are cut
inline constexpr std::size_t kMaxWaitingBytes = 8 << 20;   // per command, not yet handed to the link
inline constexpr std::size_t kTrimFileAtBytes = 1 << 20;   // of lines that the server has

class CommandLog {
 public:
  // `path`: the file, or "" for memory only. A file that is there is gone on with. The next line has the number
  // `first_offset`, or the one after the file's last, whichever is greater.
  CommandLog(const Clock& clock, std::string path, std::int64_t first_offset);

  void info(std::string text, std::string detail = {}) { write("Info", std::move(text), std::move(detail)); }
  void verbose(std::string text) { write("Verbose", std::move(text)); }
  void warning(std::string text, std::string detail = {}) { write("Warning", std::move(text), std::move(detail)); }
  void error(std::string text, std::string detail = {}) { write("Error", std::move(text), std::move(detail)); }
  void write(std::string_view category, std::string text, std::string detail = {});
  void append(std::vector<link::LogLine> lines);

  // Called after lines were added, outside of locks, on the writer's thread.
  void set_listener(std::function<void()> listener);

  struct Taken {
    std::int64_t offset = 0;
    std::vector<link::LogLine> lines;
  };
  // The next lines to send, at most about `bytes` (at least one line where there is any).
  Taken take(std::size_t bytes);
  // Bytes not taken yet.
  std::size_t waiting_bytes() const;
  // Everything taken so far is on the server: the file may begin anew.
  void forget_taken();
  std::int64_t next_offset() const;
  std::int64_t dropped() const;

 private:
  struct Line {
    std::string json;
    std::size_t bytes = 0;
  };
  void add(link::LogLine line);
  void load();
  void begin_file(std::int64_t base);

  const Clock& clock_;
  const std::string path_;
  mutable std::mutex mutex_;
  std::function<void()> listener_;
  file::Descriptor file_;
  std::string unwritten_;  // for the file, at the end of append()
  std::size_t file_bytes_ = 0;
  std::deque<Line> waiting_;
  std::size_t waiting_bytes_ = 0;
  std::int64_t first_waiting_ = 0;  // number of waiting_.front()
  std::int64_t dropped_ = 0;        // since the last notice
  std::int64_t dropped_total_ = 0;
};

}  // namespace fairlead::executor
