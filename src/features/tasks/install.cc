// SPDX-License-Identifier: Apache-2.0
#include "features/tasks/install.h"

#include "api/resource.h"
#include "features/tasks/log_view.h"
#include "features/tasks/model.h"
#include "features/tasks/rules.h"

namespace fairlead::features::tasks {

namespace {

std::string completed_text(const Task& task) {
  if (task.completed_time.us != 0) return iso8601(task.completed_time);
  return task.state == "Queued" ? "Queued..." : task.state + "...";
}

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
  body += text::format(",\"IsCompleted\":{},\"FinishedSuccessfully\":{},\"HasBeenPickedUpByProcessor\":{},\"CanRerun\":{}",
                       flag(domain::is_finished(state)), flag(domain::is_successful(state)), flag(task.start_time.us != 0),
                       flag(domain::is_finished(state) && !task.deployment_id.empty()));
  body += ",\"Completed\":";
  json::append_string(body, completed_text(task));
  body += ",\"Duration\":";
  json::append_string(body, duration_of(task, now));
  body += ",\"EstimatedRemainingQueueDurationSeconds\":0}";
  const std::string self = "/api/" + task.space_id + "/tasks/" + task.id.str();
  return api::with_links(std::move(body),
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

store::Query query_of(const api::Context& context) {
  store::Query query;
  if (!context.space_id().empty()) query.in_space(context.space_id());
  query.by("Id", true);
  const auto ids = context.query_list("ids");
  if (!ids.empty()) query.ids = ids;
  const auto filter = [&](std::string_view parameter, const char* field) {
    const auto values = context.query_list(parameter);
    if (!values.empty()) query.where_any(field, values);
  };
  filter("spaces", "SpaceId");
  filter("states", "State");
  filter("name", "Name");
  filter("project", "ProjectId");
  filter("environment", "EnvironmentId");
  if (context.query_flag("running")) query.where_any("State", {"Executing", "Cancelling"});
  if (context.query_flag("active")) query.where_any("State", {"Queued", "Executing", "Cancelling"});
  return query;
}

Task task_of(Services& services, const store::Tx& tx, const api::Context& context) {
  Task task = services.api.documents.get<Task>(tx, context.parameter("id"));
  if (!context.space_id().empty() && task.space_id != context.space_id()) {
    throw not_found(text::format("The resource '{}' was not found.", task.id.str()));
  }
  return task;
}

net::Response list(Services& services, const api::Context& context) {
  const api::Page page = api::page_of(context);
  return services.api.store.read([&](const store::Tx& tx) {
    store::Query query = query_of(context);
    const auto found = services.api.documents.list<Task>(tx, query.page(page.skip, page.take));
    std::vector<std::string> items;
    for (const Task& task : found.items) items.push_back(encode_task(task, tx.now()));
    return api::json_response(api::paged(context, "Task", items, found.total, page));
  });
}

net::Response cancel(Services& services, const api::Context& context) {
  return services.api.store.write([&](store::Tx& tx) {
    Task task = task_of(services, tx, context);
    const auto state = domain::parse_task_state(task.state).value_or(domain::TaskState::queued);
    if (domain::is_finished(state)) {
      throw invalid(text::format("The task {} has ended already ({}); it cannot be cancelled.", task.id.str(), task.state));
    }
    const std::string reason = "cancelled by " + context.caller().username;
    services.engine.cancel(tx, engine::RunId(task.run_id), reason);
    set_state(services.api.documents, tx, task, domain::TaskState::cancelling, services.facts.node_name);
    store::AuditEvent event = api::audit_event(context, "TaskCanceled", text::format("The task {} was cancelled", task.description));
    event.space = task.space_id;
    event.documents = {task.id.str(), task.deployment_id};
    store::append_audit(tx, event);
    return api::json_response(encode_task(task, tx.now()));
  });
}

net::Response details(Services& services, const api::Context& context) {
  const Task task = services.api.store.read([&](const store::Tx& tx) { return task_of(services, tx, context); });
  const std::int64_t tail = context.query_int("tail", -1, 0, 100'000);
  const engine::LogNode tree = services.task_log.tree(task.id.str(), static_cast<int>(tail));
  const auto state = domain::parse_task_state(task.state).value_or(domain::TaskState::queued);
  std::string body = "{\"Task\":" + encode_task(task, services.api.clock.now()) + ",\"ActivityLogs\":[";
  body += activity_log(tree, task);
  body += text::format("],\"PhysicalLogSize\":0,\"Progress\":{{\"ProgressPercentage\":{},\"EstimatedTimeRemaining\":\"\"}}}}",
                       domain::is_finished(state) ? 100 : 0);
  return api::json_response(api::with_links(
      std::move(body), api::Links().add("Self", "/api/tasks/" + task.id.str() + "/details{?verbose,tail}")));
}

net::Response objects(Services& services, LiveObjects& live, const api::Context& context) {
  return services.api.store.read([&](const store::Tx& tx) {
    const Task task = services.api.documents.get<Task>(tx, context.parameter("id"));
    std::vector<std::string> items;
    for (const TaskObjects& ended : services.api.documents.all<TaskObjects>(tx, store::Query().where("TaskId", task.id.str()))) {
      items.push_back(json::encode(ended));
    }
    for (const TaskObjects& watched : live.of_task(task.id.str())) items.push_back(json::encode(watched));
    std::string body = "{\"TaskId\":";
    json::append_string(body, task.id.str());
    body += ",\"State\":";
    json::append_string(body, task.state);
    body += ",\"Groups\":" + api::raw_array(items) + "}";
    return api::json_response(std::move(body));
  });
}

void add_rows(Services& services, api::Scope scope) {
  using api::Context;
  api::Router& router = services.api.router;
  router.add({"GET", scope, "/tasks", "TaskView", "Lists tasks, newest first.",
              [&services](Context& context) { return list(services, context); }});
  router.add({"GET", scope, "/tasks/{id}", "TaskView", "A task.", [&services](Context& context) {
                return services.api.store.read([&](const store::Tx& tx) {
                  return api::json_response(encode_task(task_of(services, tx, context), tx.now()));
                });
              }});
  router.add({"GET", scope, "/tasks/{id}/details", "TaskView", "A task with the tree of its log.",
              [&services](Context& context) { return details(services, context); }});
  router.add({"GET", scope, "/tasks/{id}/raw", "TaskView", "The log of a task as plain text.", [&services](Context& context) {
                const Task task = services.api.store.read([&](const store::Tx& tx) { return task_of(services, tx, context); });
                return api::text_response(services.task_log.raw_text(task.id.str()));
              }});
  router.add({"GET", scope, "/tasks/{id}/queued-behind", "TaskView", "The tasks that a queued task waits for.",
              [&services](Context& context) {
                services.api.store.read([&](const store::Tx& tx) { task_of(services, tx, context); });
                return api::json_response(api::paged(context, "Task", {}, 0, api::page_of(context)));
              }});
  router.add({"POST", scope, "/tasks/{id}/cancel", "TaskCancel", "Cancels a task.",
              [&services](Context& context) { return cancel(services, context); }});
}

}  // namespace

void install(Services& services) {
  services.api.documents.add<Task>({.table = "task", .id_prefix = "ServerTasks", .noun = "task", .sort = "Id", .history = true});
  services.api.documents.add<TaskObjects>({.table = "task_objects",
                                           .id_prefix = "TaskObjects",
                                           .noun = "objects of a task",
                                           .space_scoped = false,
                                           .sort = "Id",
                                           .history = true});
  add_rows(services, api::Scope::space);
  services.api.router.add({"GET", api::Scope::system, "/tasks/taskTypes", "TaskView", "The kinds of tasks.", [](api::Context&) {
                             return api::json_response(R"([{"Id":"Deploy","Name":"Deploy","Links":{}}])");
                           }});
  services.api.router.add({"GET", api::Scope::root, "/ui/v1/tasks/{id}/objects", "TaskView",
                           "The Kubernetes objects of a task with their health.",
                           [&services](api::Context& context) { return objects(services, services.live_objects, context); }});
  services.api.router.add({"GET", api::Scope::root, "/ui/v1/tasks/{id}/log", "TaskView",
                           "What was added to the log of a task after a position.",
                           [&services](api::Context& context) { return log_after(services, context); }});
}

}  // namespace fairlead::features::tasks
