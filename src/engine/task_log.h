// SPDX-License-Identifier: Apache-2.0
// The log of a task: a tree of elements (task, step, target, script) with lines. One append file per task,
// `<folder>/<task>/000.log`, format in docs/formats/task-log.md. Every record carries its source and the source's own
// counter, so duplicates are dropped and nothing is lost: append() returns after fsync, and after a crash the file
// itself says what it holds (a torn last record is cut off).
//
// Two ways in: executors append by source and offset; runs write inside their transaction, so that a wake and its lines
// are one fact. Those lines stay in a table until a background flush has brought them into the file and synced it; the
// sync comes late and for many tasks at once. Thread-safe.
// Reading never blocks writing for longer than one record.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/secret.h"

namespace fairlead::store {
class Store;
class Tx;
}  // namespace fairlead::store

namespace fairlead::engine {

enum class ElementStatus { pending, running, success, success_with_warning, failed, skipped, canceled };
enum class Category {
  trace,
  verbose,
  info,
  highlight,
  wait,
  gap,
  alert,
  warning,
  error,
  fatal,
  planned,
  updated,
  finished,
  abandoned
};
std::string_view name_of(ElementStatus status);  // "SuccessWithWarning"
std::string_view name_of(Category category);     // "Info"
std::optional<Category> category_of(std::string_view name);
std::optional<ElementStatus> element_status_of(std::string_view name);

// A node of the tree. A later record with the same id changes the node; members left at their defaults keep their
// value.
struct LogElement {
  std::string id;      // unique in the task
  std::string parent;  // empty: directly below the task
  std::string name;
  std::optional<ElementStatus> status;  // `running` sets started, a final one sets ended, where those are not given
  Time started;
  Time ended;
  std::optional<int> progress_percent;
  std::string progress_message;
};

struct LogLine {
  Time at;
  Category category = Category::info;
  std::string text;
  std::string detail;
};

// One record: a change of an element, or a line below `element_id`.
struct LogEntry {
  std::string element_id;
  std::optional<LogElement> element;
  std::optional<LogLine> line;
};

struct LogNode {
  LogElement element;
  std::vector<LogLine> lines;
  std::vector<LogNode> children;
};

// A live listener. Called on a writing thread after the entries are durable; must not block.
class LogSink {
 public:
  virtual ~LogSink() = default;
  // `position` is the byte offset after the entries: what to pass to tail() to go on from here.
  virtual void appended(const std::string& task, std::int64_t position, const std::vector<LogEntry>& entries) = 0;
};

class TaskLog {
 public:
  struct Options {
    std::string folder;                           // made when missing, 0700
    std::int64_t max_task_bytes = 20ll << 20;     // then "n lines dropped", kept up to date in the log itself
    std::int64_t max_line_bytes = 64ll << 10;     // text and detail each; longer ones are shortened
    std::size_t max_entries_per_append = 10'000;  // Error(invalid) above
    bool background = true;             // false: entries of transactions reach the files, and tail(), by flush() only
    std::size_t max_elements = 10'000;  // of one task; more are dropped
  };
  TaskLog(store::Store& store, const Clock& clock, Options options);
  ~TaskLog();

  // Called once before the first use: brings lines that were committed but not yet flushed into their files.
  void recover();

  // In the caller's transaction; the lines appear after its commit, in the order of the commits: at once in tree(),
  // raw_text() and tail(), a moment later (they are gathered) for listeners.
  void write(store::Tx& tx, const std::string& task, const std::vector<LogEntry>& entries);
  // From an executor: entries with the source's counter first_offset, first_offset + 1, ... Known ones are dropped, a
  // gap is refused. Returns the next counter wanted, which is what to acknowledge; everything before it is durable.
  std::int64_t append(const std::string& task, const std::string& source, std::int64_t first_offset,
                      const std::vector<LogEntry>& entries);
  std::int64_t next_offset(const std::string& task, const std::string& source);
  // Waits until everything written by committed transactions is in the files, and durable there.
  void flush();

  // Values that must never appear: replaced by "********" in text, detail and names of everything that comes in later.
  // Held in memory: to be said again after a restart. Values of fewer than 3 bytes are not masked; of a value of
  // several lines each line of at least 8 bytes is.
  void mask(const std::string& task, const std::vector<Secret>& secrets);

  // The whole tree; the root stands for the task. `lines_per_element` keeps the last n of each (0: none, negative:
  // all).
  LogNode tree(const std::string& task, int lines_per_element = -1);
  // Plain text for download: time, category, text, indented by depth, in the order of arrival below each element.
  std::string raw_text(const std::string& task);
  struct Tail {
    std::vector<LogEntry> entries;
    std::int64_t position = 0;  // pass it to the next call
    bool at_end = true;
  };
  Tail tail(const std::string& task, std::int64_t position, std::size_t max_bytes = 256u << 10);
  // Removes the task's file: retention.
  void remove(const std::string& task);

  // Live listeners of one task, or of all (empty task). The sink must outlive its registration.
  void listen(const std::string& task, LogSink& sink);
  void unlisten(LogSink& sink);

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace fairlead::engine
