// SPDX-License-Identifier: Apache-2.0
#include "features/tasks/install.h"

#include "api/resource.h"
#include "features/spaces/model.h"
#include "features/tasks/list.h"
#include "features/tasks/log_view.h"
#include "features/tasks/model.h"
#include "features/tasks/rules.h"

namespace fairlead::features::tasks {

namespace {

Task task_of(Services& services, const store::Tx& tx, const api::Context& context) {
  Task task = services.api.documents.get<Task>(tx, context.parameter("id"));
  if (!context.space_id().empty() && task.space_id != context.space_id()) {
    throw not_found(text::format("The resource '{}' was not found.", task.id.str()));
  }
  return task;
}

// What a client asks for with POST /tasks: the slice that has the kind of task checks the arguments and starts it.
net::Response create(Services& services, api::Context& context) {
  auto request = context.body<TaskRequest>();
  const auto starter = services.task_starters.find(request.name);
  if (starter == services.task_starters.end()) {
    std::vector<std::string> names;
    for (const auto& [name, start] : services.task_starters) names.push_back(name);
    throw Error(Fault::unsupported,
                text::format("Tasks with the name '{}' cannot be started by this request; only {} can.",
                             text::shorten(request.name, 60), text::join(names, ", ")));
  }
  return services.api.store.write([&](store::Tx& tx) {
    TaskRequest asked = request;
    if (asked.space_id.empty())
      asked.space_id = context.space_id().empty() ? spaces::kDefaultSpace : context.space_id();
    if (!services.api.documents.name_of(tx, asked.space_id)) {
      throw invalid_at("SpaceId", text::format("there is no space '{}'", text::shorten(asked.space_id, 60)));
    }
    const Task task = starter->second(context, tx, asked);
    store::AuditEvent event =
        api::audit_event(context, "TaskQueued", text::format("The task {} was queued", task.description));
    event.space = task.space_id;
    event.documents = {task.id.str()};
    store::append_audit(tx, event);
    return api::created(encode_task(task, tx.now()));
  });
}

net::Response cancel(Services& services, const api::Context& context) {
  return services.api.store.write([&](store::Tx& tx) {
    Task task = task_of(services, tx, context);
    const auto state = domain::parse_task_state(task.state).value_or(domain::TaskState::queued);
    if (domain::is_finished(state)) {
      throw invalid(
          text::format("The task {} has ended already ({}); it cannot be cancelled.", task.id.str(), task.state));
    }
    const std::string reason = "cancelled by " + context.caller().username;
    services.engine.cancel(tx, engine::RunId(task.run_id), reason);
    set_state(services.api.documents, tx, task, domain::TaskState::cancelling, services.facts.node_name);
    store::AuditEvent event =
        api::audit_event(context, "TaskCanceled", text::format("The task {} was cancelled", task.description));
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
  const bool verbose = text::parse_bool(context.query("verbose").value_or("true")).value_or(true);
  body += activity_log(tree, task, verbose);
  const std::int64_t log_bytes = services.task_log.tail(task.id.str(), INT64_MAX, 1).position;
  body += text::format(
      "],\"PhysicalLogSize\":{},\"Progress\":{{\"ProgressPercentage\":{},\"EstimatedTimeRemaining\":\"\"}}}}",
      log_bytes, domain::is_finished(state) ? 100 : progress_percent(tree));
  return api::json_response(api::with_links(
      std::move(body), api::Links().add("Self", "/api/tasks/" + task.id.str() + "/details{?verbose,tail}")));
}

net::Response objects(Services& services, LiveObjects& live, const api::Context& context) {
  return services.api.store.read([&](const store::Tx& tx) {
    const Task task = services.api.documents.get<Task>(tx, context.parameter("id"));
    std::vector<std::string> items;
    for (const TaskObjects& ended :
         services.api.documents.all<TaskObjects>(tx, store::Query().where("TaskId", task.id.str()))) {
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
  router.add({"POST", scope, "/tasks", "TaskCreate", "Starts a task such as a health check.",
              [&services](Context& context) { return create(services, context); }});
  router.add({"GET", scope, "/tasks/taskTypes", "TaskView", "The kinds of tasks.", [](Context&) {
                return api::json_response(
                    R"([{"Id":"Deploy","Name":"Deploy","Links":{}},{"Id":"Health","Name":"Health","Links":{}}])");
              }});
  router.add({"GET", scope, "/tasks/{id}", "TaskView", "A task.", [&services](Context& context) {
                return services.api.store.read([&](const store::Tx& tx) {
                  return api::json_response(encode_task(task_of(services, tx, context), tx.now()));
                });
              }});
  router.add({"GET", scope, "/tasks/{id}/details", "TaskView", "A task with the tree of its log.",
              [&services](Context& context) { return details(services, context); }});
  router.add(
      {"GET", scope, "/tasks/{id}/raw", "TaskView", "The log of a task as plain text.", [&services](Context& context) {
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
  services.api.documents.add<Task>({.table = "task",
                                    .id_prefix = "ServerTasks",
                                    .noun = "task",
                                    .sort = "Id",
                                    .history = true,
                                    .indexes = {{"SpaceId", "State"}}});
  services.api.documents.add<TaskObjects>({.table = "task_objects",
                                           .id_prefix = "TaskObjects",
                                           .noun = "objects of a task",
                                           .space_scoped = false,
                                           .sort = "Id",
                                           .publish = false,
                                           .history = true});
  // Without a space in the path they are about the tasks of all spaces.
  add_rows(services, api::Scope::space);
  add_rows(services, api::Scope::system);
  services.api.router.add({"GET", api::Scope::root, "/ui/v1/tasks/{id}/objects", "TaskView",
                           "The Kubernetes objects of a task with their health.", [&services](api::Context& context) {
                             return objects(services, services.live_objects, context);
                           }});
  services.api.router.add({"GET", api::Scope::root, "/ui/v1/tasks/{id}/log", "TaskView",
                           "What was added to the log of a task after a position.",
                           [&services](api::Context& context) { return log_after(services, context); }});
}

}  // namespace fairlead::features::tasks
