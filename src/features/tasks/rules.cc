// SPDX-License-Identifier: Apache-2.0
#include "features/tasks/rules.h"

#include "api/links.h"
#include "base/error.h"
#include "base/text.h"
#include "store/outbox.h"

namespace fairlead::features::tasks {

namespace {

constexpr std::size_t kErrorLength = 2'000;

// One line for lists of tasks: the sentence and the first place that it is about.
std::string one_line(const Error& error) {
  std::string out = error.message();
  if (error.details().empty() || error.details()[0].where.empty()) return text::shorten(out, kErrorLength);
  const ErrorDetail& first = error.details()[0];
  if (out.find(first.text) == std::string::npos) out += text::format(": {}: {}", first.where, first.text);
  if (error.details().size() > 1) out += text::format(" (and {} more)", error.details().size() - 1);
  return text::shorten(out, kErrorLength);
}

void publish(store::Tx& tx, const Task& task) {
  std::string payload = "{\"State\":";
  json::append_string(payload, task.state);
  payload += "}";
  store::publish(tx, "task", task.id.str(), payload);
}

std::string completed_text(const Task& task) {
  if (task.completed_time.us != 0) return iso8601(task.completed_time);
  return task.state == "Queued" ? "Queued..." : task.state + "...";
}

}  // namespace

std::string duration_of(const Task& task, Time now) {
  if (task.start_time.us == 0) return "";
  const Time end = task.completed_time.us != 0 ? task.completed_time : now;
  const std::int64_t seconds = (end - task.start_time) / kSecond;
  return seconds < 1 ? "less than a second" : text::counted(seconds, "second");
}

std::string encode_task(const Task& task, Time now) {
  const auto state = domain::parse_task_state(task.state).value_or(domain::TaskState::queued);
  const auto flag = [](bool value) { return value ? "true" : "false"; };
  std::string body = json::encode(task);
  body.pop_back();
  body +=
      text::format(",\"IsCompleted\":{},\"FinishedSuccessfully\":{},\"HasBeenPickedUpByProcessor\":{},\"CanRerun\":{}",
                   flag(domain::is_finished(state)), flag(domain::is_successful(state)), flag(task.start_time.us != 0),
                   flag(domain::is_finished(state) && !task.deployment_id.empty()));
  body += ",\"Completed\":";
  json::append_string(body, completed_text(task));
  body += ",\"Duration\":";
  json::append_string(body, duration_of(task, now));
  body += ",\"EstimatedRemainingQueueDurationSeconds\":0}";
  const std::string self = "/api/" + task.space_id + "/tasks/" + task.id.str();
  return api::with_links(
      std::move(body),
      api::Links()
          .add("Self", "/api/tasks/" + task.id.str())
          .add("Web", "/app#/" + task.space_id + "/tasks/" + task.id.str())
          .add("Raw", "/api/tasks/" + task.id.str() + "/raw")
          .add("Rerun", "/api/tasks/rerun/" + task.id.str())
          .add("Cancel", "/api/tasks/" + task.id.str() + "/cancel")
          .add("State", "/api/tasks/" + task.id.str() + "/state")
          .add("QueuedBehind", "/api/tasks/" + task.id.str() + "/queued-behind{?skip,take}")
          .add("Details", "/api/tasks/" + task.id.str() + "/details{?verbose,tail}")
          .add("Artifacts", "/api/" + task.space_id + "/artifacts?regarding=" + task.id.str())
          .add("Interruptions", "/api/" + task.space_id + "/interruptions?regarding=" + task.id.str()));
}

void set_state(store::Documents& documents, store::Tx& tx, Task& task, domain::TaskState state,
               const std::string& node) {
  const auto now_in = domain::parse_task_state(task.state);
  if (!now_in || !domain::can_become(*now_in, state)) return;
  task.state = domain::name_of(state);
  task.last_updated_time = tx.now();
  if (state == domain::TaskState::executing) {
    if (task.start_time.us == 0) task.start_time = tx.now();
    task.server_node = node;
  }
  if (domain::is_finished(state)) {
    if (task.start_time.us == 0) task.start_time = tx.now();
    task.completed_time = tx.now();
  }
  documents.update(tx, task);
  publish(tx, task);
}

void finish(store::Documents& documents, store::Tx& tx, Task& task, const engine::RunEnd& end,
            const std::string& node) {
  domain::TaskState state = domain::TaskState::failed;
  if (end.outcome == engine::RunOutcome::success) state = domain::TaskState::success;
  if (end.outcome == engine::RunOutcome::canceled) {
    state =
        end.error && end.error->fault() == Fault::timeout ? domain::TaskState::timed_out : domain::TaskState::canceled;
  }
  if (end.error) {
    task.error_message = one_line(*end.error);
    task.has_warnings_or_errors = true;
  }
  // A short task may end before its first slot was seen: it has executed all the same.
  if (task.state == "Queued" && state == domain::TaskState::success) {
    set_state(documents, tx, task, domain::TaskState::executing, node);
  }
  if (task.state == "Executing" && (state == domain::TaskState::canceled)) {
    set_state(documents, tx, task, domain::TaskState::cancelling, node);
  }
  set_state(documents, tx, task, state, node);
}

TaskObject object_of(const link::ObjectStatus& status, const std::string& step, const std::string& target) {
  TaskObject object;
  object.step = step;
  object.target = target;
  object.api_version = status.object.api_version;
  object.kind = status.object.kind;
  object.namespace_name = status.object.namespace_name;
  object.name = status.object.name;
  object.uid = status.object.uid;
  object.status = status.status;
  object.message = status.message;
  object.parent_uid = status.parent_uid;
  return object;
}

void name_parents(std::vector<TaskObject>& objects) {
  std::map<std::string, const TaskObject*> by_uid;
  for (const TaskObject& object : objects) by_uid.emplace(object.uid, &object);
  for (TaskObject& object : objects) {
    const auto parent = object.parent_uid.empty() ? by_uid.end() : by_uid.find(object.parent_uid);
    if (parent == by_uid.end()) continue;
    object.parent_kind = parent->second->kind;
    object.parent_name = parent->second->name;
  }
}

void LiveObjects::watch(const std::string& activity_key, Watched watched) {
  const std::lock_guard lock(mutex_);
  entries_[activity_key].watched = std::move(watched);
}

void LiveObjects::update(const link::StatusUpdate& update) {
  const std::lock_guard lock(mutex_);
  const auto found = entries_.find(update.key);
  if (found == entries_.end()) return;
  Entry& entry = found->second;
  if (update.snapshot) {
    entry.objects.clear();
  } else if (update.sequence <= entry.sequence) {
    return;
  }
  entry.sequence = update.sequence;
  entry.note = update.note;
  for (const link::ObjectStatus& status : update.objects) {
    entry.objects[status.object.text()] = object_of(status, entry.watched.step, entry.watched.target);
  }
}

void LiveObjects::forget(const std::string& activity_key) {
  const std::lock_guard lock(mutex_);
  entries_.erase(activity_key);
}

std::vector<TaskObjects> LiveObjects::of_task(const std::string& task) const {
  const std::lock_guard lock(mutex_);
  std::vector<TaskObjects> out;
  for (const auto& [key, entry] : entries_) {
    if (entry.watched.task != task) continue;
    TaskObjects& objects = out.emplace_back();
    objects.id = Id<TaskObjects>(key);
    objects.task_id = task;
    objects.note = entry.note;
    for (const auto& [name, object] : entry.objects) objects.objects.push_back(object);
    name_parents(objects.objects);
  }
  return out;
}

}  // namespace fairlead::features::tasks
