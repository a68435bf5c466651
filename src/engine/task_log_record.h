// SPDX-License-Identifier: Apache-2.0
// The records of a task log file: one JSON object a line. Format: docs/formats/task-log.md.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "engine/task_log.h"

namespace fairlead::engine::task_log {

struct Record {
  std::string source;
  std::int64_t offset = 0;
  LogEntry entry;
  std::int64_t dropped = 0;  // not 0: a marker; so many lines have been dropped
};

// One line with its newline.
std::string encode(const Record& record);
std::string encode_all(const std::vector<LogEntry>& entries);  // for the table of pending entries
std::vector<LogEntry> decode_all(std::string_view text);
// Calls `visit` for each complete record from the start of `bytes`; stops at a torn or damaged one. Returns the number
// of bytes that were good.
std::size_t each_record(std::string_view bytes, const std::function<void(const Record&, std::size_t end)>& visit);

// Builds the tree from records in the order of the file.
class TreeBuilder {
 public:
  TreeBuilder(std::string task, int lines_per_element);
  void add(const Record& record);
  LogNode finish();

 private:
  struct Node {
    LogElement element;
    std::vector<LogLine> lines;
    std::size_t first_line = 0;  // of a ring of lines_per_element
    std::vector<std::size_t> children;
    bool is_child = false;
  };
  std::size_t index_of(const std::string& id);
  void merge(Node& node, const LogElement& change);
  LogNode take(std::size_t index, int depth);

  const int lines_per_element_;
  std::vector<Node> nodes_;                                 // the first is the task
  std::vector<std::pair<std::string, std::size_t>> index_;  // sorted by id
  std::int64_t dropped_ = 0;
};

// "14:02:11   Info     |   text": the download of the whole log.
std::string raw_text(const LogNode& root);

// Applies a change to what is known of an element, as described at LogElement.
void merge_element(LogElement& known, const LogElement& change, Time at);

}  // namespace fairlead::engine::task_log
