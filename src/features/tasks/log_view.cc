// SPDX-License-Identifier: Apache-2.0
#include "features/tasks/log_view.h"

#include <algorithm>

#include "base/text.h"

namespace fairlead::features::tasks {

namespace {

void append_time(std::string& out, std::string_view name, Time time) {
  out += ",\"" + std::string(name) + "\":";
  if (time.us == 0) {
    out += "null";
  } else {
    json::append_string(out, iso8601(time));
  }
}

void append_line(std::string& out, const engine::LogLine& line, int number) {
  out += "{\"Category\":";
  json::append_string(out, engine::name_of(line.category));
  append_time(out, "OccurredAt", line.at);
  out += ",\"MessageText\":";
  json::append_string(out, line.text);
  if (!line.detail.empty()) {
    out += ",\"Detail\":";
    json::append_string(out, line.detail);
  }
  out += text::format(",\"Number\":{}}}", number);
}

bool is_verbose(engine::Category category) {
  return category == engine::Category::verbose || category == engine::Category::trace;
}

void append_node(std::string& out, const engine::LogNode& node, const std::string& id, const std::string& name,
                 std::string_view status, Time started, Time ended, bool verbose) {
  out += "{\"Id\":";
  json::append_string(out, id);
  out += ",\"Name\":";
  json::append_string(out, name);
  out += ",\"Status\":";
  json::append_string(out, status);
  append_time(out, "Started", started);
  append_time(out, "Ended", ended);
  out += text::format(",\"ProgressPercentage\":{},\"ProgressMessage\":", node.element.progress_percent.value_or(0));
  json::append_string(out, node.element.progress_message);
  out += ",\"ShowAtSummaryLevel\":true,\"LogElements\":[";
  int number = 0;
  for (const engine::LogLine& line : node.lines) {
    ++number;  // of all lines, so that it is the same whichever are shown
    if (!verbose && is_verbose(line.category)) continue;
    if (out.back() != '[') out += ',';
    append_line(out, line, number);
  }
  out += "],\"Children\":[";
  for (const engine::LogNode& child : node.children) {
    if (&child != &node.children.front()) out += ',';
    const engine::LogElement& element = child.element;
    append_node(out, child, id + "/" + element.id, element.name,
                engine::name_of(element.status.value_or(engine::ElementStatus::pending)), element.started,
                element.ended, verbose);
  }
  out += "]}";
}

std::string_view status_of_task(const Task& task) {
  const auto state = domain::parse_task_state(task.state).value_or(domain::TaskState::queued);
  switch (state) {
    case domain::TaskState::queued: return "Pending";
    case domain::TaskState::executing:
    case domain::TaskState::cancelling: return "Running";
    case domain::TaskState::canceled: return "Canceled";
    case domain::TaskState::success: return task.has_warnings_or_errors ? "SuccessWithWarning" : "Success";
    case domain::TaskState::failed:
    case domain::TaskState::timed_out: return "Failed";
  }
  return "Pending";
}

void append_entry(std::string& out, const engine::LogEntry& entry) {
  out += "{\"ElementId\":";
  json::append_string(out, entry.element_id);
  if (entry.element) {
    out += ",\"Element\":{\"Id\":";
    json::append_string(out, entry.element->id);
    out += ",\"Parent\":";
    json::append_string(out, entry.element->parent);
    out += ",\"Name\":";
    json::append_string(out, entry.element->name);
    out += ",\"Status\":";
    json::append_string(out, entry.element->status ? engine::name_of(*entry.element->status) : "");
    append_time(out, "Started", entry.element->started);
    append_time(out, "Ended", entry.element->ended);
    out += "}";
  }
  if (entry.line) {
    out += ",\"Line\":";
    append_line(out, *entry.line, 0);
  }
  out += "}";
}

}  // namespace

std::string activity_log(const engine::LogNode& root, const Task& task, bool verbose) {
  std::string out;
  append_node(out, root, task.id.str(), task.description, status_of_task(task), task.start_time, task.completed_time,
              verbose);
  return out;
}

int progress_percent(const engine::LogNode& root) {
  std::size_t ended = 0;
  for (const engine::LogNode& child : root.children) ended += child.element.ended.us != 0 ? 1 : 0;
  return root.children.empty() ? 0 : std::min(static_cast<int>(100 * ended / root.children.size()), 99);
}

net::Response log_after(Services& services, const api::Context& context) {
  const std::int64_t position = context.query_int("position", 0, 0, INT64_MAX);
  const std::string& id = context.parameter("id");
  services.api.store.read([&](const store::Tx& tx) { services.api.documents.get<Task>(tx, id); });
  const engine::TaskLog::Tail tail = services.task_log.tail(id, position);
  std::string body = "{\"Entries\":[";
  for (const engine::LogEntry& entry : tail.entries) {
    if (&entry != &tail.entries.front()) body += ',';
    append_entry(body, entry);
  }
  body += text::format("],\"Position\":{},\"AtEnd\":{}}}", tail.position, tail.at_end ? "true" : "false");
  return api::json_response(std::move(body));
}

}  // namespace fairlead::features::tasks
