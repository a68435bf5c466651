// SPDX-License-Identifier: Apache-2.0
#include "engine/task_log_record.h"

#include <algorithm>

#include "base/text.h"
#include "engine/record.h"

namespace fairlead::engine {

namespace {

constexpr std::string_view kStatusNames[] = {"Pending", "Running", "Success", "SuccessWithWarning",
                                             "Failed",  "Skipped", "Canceled"};
constexpr std::string_view kCategoryNames[] = {"Trace",   "Verbose", "Info",     "Highlight", "Wait",
                                               "Gap",     "Alert",   "Warning",  "Error",     "Fatal",
                                               "Planned", "Updated", "Finished", "Abandoned"};

template <class E, std::size_t N>
std::optional<E> find_name(const std::string_view (&names)[N], std::string_view name) {
  for (std::size_t i = 0; i < N; ++i) {
    if (text::equals_ignoring_case(names[i], name)) return static_cast<E>(i);
  }
  return std::nullopt;
}

}  // namespace

std::string_view name_of(ElementStatus status) { return kStatusNames[static_cast<std::size_t>(status)]; }
std::string_view name_of(Category category) { return kCategoryNames[static_cast<std::size_t>(category)]; }
std::optional<Category> category_of(std::string_view name) { return find_name<Category>(kCategoryNames, name); }
std::optional<ElementStatus> element_status_of(std::string_view name) {
  return find_name<ElementStatus>(kStatusNames, name);
}

namespace task_log {

namespace {

// Deeper trees are shown flat from there on.
constexpr int kMaxDepth = 32;

struct StoredElement {
  std::string id, parent, name, status, message;
  std::int64_t started = 0, ended = 0, progress = -1;
};

struct StoredRecord {
  std::string source;
  std::int64_t offset = 0;
  std::string element;
  std::int64_t at = 0;
  std::string category, line, detail;
  std::optional<StoredElement> change;
  std::int64_t dropped = 0;
};

const json::Type& type_of(json::Tag<StoredElement>) {
  using E = StoredElement;
  constexpr json::Flags omit = json::omit_when_empty;
  static const json::Type type = json::Type::of<E>("element")
                                     .field("id", &E::id)
                                     .field("parent", &E::parent, omit)
                                     .field("name", &E::name, omit)
                                     .field("status", &E::status, omit)
                                     .field("started", &E::started)
                                     .field("ended", &E::ended)
                                     .field("progress", &E::progress)
                                     .field("message", &E::message, omit);
  return type;
}

const json::Type& type_of(json::Tag<StoredRecord>) {
  using R = StoredRecord;
  constexpr json::Flags omit = json::omit_when_empty;
  static const json::Type type = json::Type::of<R>("record")
                                     .field("s", &R::source, omit)
                                     .field("o", &R::offset)
                                     .field("e", &R::element, omit)
                                     .field("t", &R::at)
                                     .field("c", &R::category, omit)
                                     .field("m", &R::line, omit)
                                     .field("d", &R::detail, omit)
                                     .field("n", &R::change, omit)
                                     .field("x", &R::dropped);
  return type;
}

StoredRecord stored_of(const Record& record) {
  StoredRecord stored;
  stored.source = record.source;
  stored.offset = record.offset;
  stored.element = record.entry.element_id;
  stored.dropped = record.dropped;
  if (record.entry.line) {
    const LogLine& line = *record.entry.line;
    stored.at = line.at.us;
    stored.category = name_of(line.category);
    stored.line = line.text;
    stored.detail = line.detail;
  }
  if (record.entry.element) {
    const LogElement& element = *record.entry.element;
    StoredElement& change = stored.change.emplace();
    change.id = element.id;
    change.parent = element.parent;
    change.name = element.name;
    if (element.status) change.status = name_of(*element.status);
    change.started = element.started.us;
    change.ended = element.ended.us;
    change.progress = element.progress_percent.value_or(-1);
    change.message = element.progress_message;
  }
  return stored;
}

Record record_of(StoredRecord stored) {
  Record record;
  record.source = std::move(stored.source);
  record.offset = stored.offset;
  record.dropped = stored.dropped;
  record.entry.element_id = std::move(stored.element);
  if (!stored.category.empty()) {
    record.entry.line = LogLine{Time{stored.at}, category_of(stored.category).value_or(Category::info),
                                std::move(stored.line), std::move(stored.detail)};
  }
  if (stored.change) {
    StoredElement& change = *stored.change;
    LogElement& element = record.entry.element.emplace();
    element.id = std::move(change.id);
    element.parent = std::move(change.parent);
    element.name = std::move(change.name);
    element.status = element_status_of(change.status);
    element.started = Time{change.started};
    element.ended = Time{change.ended};
    if (change.progress >= 0) element.progress_percent = static_cast<int>(change.progress);
    element.progress_message = std::move(change.message);
  }
  return record;
}

}  // namespace

std::string encode(const Record& record) { return encode_record(stored_of(record)) + "\n"; }

std::string encode_all(const std::vector<LogEntry>& entries) {
  std::vector<StoredRecord> stored;
  for (const LogEntry& entry : entries) stored.push_back(stored_of(Record{"", 0, entry, 0}));
  return encode_record(stored);
}

std::vector<LogEntry> decode_all(std::string_view text) {
  std::vector<LogEntry> entries;
  for (StoredRecord& stored : decode_record<std::vector<StoredRecord>>(text, "pending entries of a task log")) {
    entries.push_back(record_of(std::move(stored)).entry);
  }
  return entries;
}

std::size_t each_record(std::string_view bytes, const std::function<void(const Record&, std::size_t)>& visit) {
  std::size_t position = 0;
  while (position < bytes.size()) {
    const std::size_t newline = bytes.find('\n', position);
    if (newline == std::string_view::npos) break;
    std::optional<StoredRecord> stored;
    try {
      stored = decode_record<StoredRecord>(bytes.substr(position, newline - position), "a record of a task log");
    } catch (const Error&) {
      break;
    }
    position = newline + 1;
    visit(record_of(*std::move(stored)), position);
  }
  return position;
}

void merge_element(LogElement& known, const LogElement& change, Time at) {
  if (!change.name.empty()) known.name = change.name;
  if (change.status) {
    known.status = change.status;
    const bool begins = *change.status == ElementStatus::running;
    const bool ends = !begins && *change.status != ElementStatus::pending;
    if (begins && known.started.us == 0) known.started = at;
    if (ends && known.ended.us == 0) known.ended = at;
  }
  if (change.started.us != 0) known.started = change.started;
  if (change.ended.us != 0) known.ended = change.ended;
  if (change.progress_percent) known.progress_percent = change.progress_percent;
  if (!change.progress_message.empty()) known.progress_message = change.progress_message;
}

TreeBuilder::TreeBuilder(std::string task, int lines_per_element) : lines_per_element_(lines_per_element) {
  nodes_.emplace_back();
  nodes_[0].element.name = std::move(task);
  nodes_[0].is_child = true;
  index_.emplace_back("", 0);
}

std::size_t TreeBuilder::index_of(const std::string& id) {
  const auto found = std::lower_bound(index_.begin(), index_.end(), id,
                                      [](const auto& a, const std::string& b) { return a.first < b; });
  if (found != index_.end() && found->first == id) return found->second;
  const std::size_t index = nodes_.size();
  index_.emplace(found, id, index);
  Node& node = nodes_.emplace_back();
  node.element.id = id;
  node.element.name = id;
  return index;
}

void TreeBuilder::add(const Record& record) {
  dropped_ = std::max(dropped_, record.dropped);
  if (record.entry.element) {
    const LogElement& change = *record.entry.element;
    const std::size_t index = index_of(change.id);
    merge_element(nodes_[index].element, change, Time{});
    if (!nodes_[index].is_child) {
      const std::size_t parent = index_of(change.parent);
      nodes_[index].is_child = true;
      nodes_[index].element.parent = change.parent;
      if (parent != index) nodes_[parent].children.push_back(index);
    }
  }
  if (record.entry.line) {
    const std::size_t index = index_of(record.entry.element_id);
    if (!nodes_[index].is_child) {
      nodes_[index].is_child = true;
      nodes_[0].children.push_back(index);
    }
    Node& node = nodes_[index];
    if (lines_per_element_ < 0 || node.lines.size() < static_cast<std::size_t>(lines_per_element_)) {
      node.lines.push_back(*record.entry.line);
    } else if (lines_per_element_ > 0) {
      node.lines[node.first_line] = *record.entry.line;
      node.first_line = (node.first_line + 1) % node.lines.size();
    }
  }
}

LogNode TreeBuilder::take(std::size_t index, int depth) {
  Node& node = nodes_[index];
  LogNode made;
  made.element = std::move(node.element);
  std::rotate(node.lines.begin(), node.lines.begin() + static_cast<std::ptrdiff_t>(node.first_line), node.lines.end());
  made.lines = std::move(node.lines);
  if (depth >= kMaxDepth) return made;
  for (const std::size_t child : std::exchange(node.children, {})) made.children.push_back(take(child, depth + 1));
  return made;
}

LogNode TreeBuilder::finish() {
  LogNode root = take(0, 0);
  if (dropped_ > 0 && lines_per_element_ != 0) {
    LogLine line;
    line.category = Category::gap;
    line.text = text::counted(dropped_, "line") + " dropped: the log of the task is full";
    root.lines.push_back(std::move(line));
  }
  return root;
}

namespace {

void append_raw(const LogNode& node, int depth, std::string& out) {
  const std::string indent(static_cast<std::size_t>(depth) * 2, ' ');
  if (depth > 0) {
    out += text::format("                    | {}== {}: {} ==\n", indent,
                        node.element.status ? name_of(*node.element.status) : std::string_view("Pending"),
                        node.element.name);
  }
  for (const LogLine& line : node.lines) {
    const std::string time = line.at.us == 0 ? "        " : iso8601(line.at).substr(11, 8);
    for (const std::string& part : text::split(line.text, '\n')) {
      out += text::format("{}   {:<8} | {}  {}\n", time, name_of(line.category), indent, part);
    }
    if (line.detail.empty()) continue;
    for (const std::string& part : text::split(line.detail, '\n'))
      out += text::format("                    | {}    {}\n", indent, part);
  }
  for (const LogNode& child : node.children) append_raw(child, depth + 1, out);
}

}  // namespace

std::string raw_text(const LogNode& root) {
  std::string out;
  append_raw(root, 0, out);
  return out;
}

}  // namespace task_log
}  // namespace fairlead::engine
