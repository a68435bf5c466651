// SPDX-License-Identifier: Apache-2.0
#include "features/health_checks/install.h"

#include <algorithm>
#include <set>

#include "api/paging.h"
#include "api/resource.h"
#include "features/deployments/model.h"
#include "features/health_checks/agents.h"
#include "features/health_checks/rules.h"
#include "features/health_checks/run.h"
#include "features/health_checks/schedule.h"

namespace fairlead::features::health_checks {

namespace {

using targets::Machine;

Machine machine_of(const Services& services, const store::Tx& tx, const api::Context& context) {
  return api::get_in_space<Machine>(services.api.documents, tx, context.space_id(), context.parameter("id"));
}

// What the last check said. Agents that have not been checked, but are connected, are online all the same.
net::Response connection(const Services& services, const api::Context& context) {
  return services.api.store.read([&](const store::Tx& tx) {
    const Machine machine = machine_of(services, tx, context);
    std::vector<std::string> lines;
    for (const targets::HealthLine& line : machine.health_log) {
      std::string text = json::encode(line);
      text.insert(text.size() - 1, ",\"Detail\":null");
      lines.push_back(std::move(text));
    }
    std::string body = "{\"MachineId\":";
    json::append_string(body, machine.id.str());
    body += ",\"Status\":";
    json::append_string(body, machine.status);
    body += ",\"CurrentTentacleVersion\":";
    if (machine.endpoint.agent_details && !machine.endpoint.agent_details->agent_version.empty()) {
      json::append_string(body, machine.endpoint.agent_details->agent_version);
    } else {
      body += "null";
    }
    body += ",\"LastChecked\":";
    if (machine.health_checked.us != 0) {
      json::append_string(body, iso8601(machine.health_checked));
    } else {
      body += "null";
    }
    body += ",\"Logs\":" + api::raw_array(lines) + "}";
    const std::string self = "/api/" + machine.space_id + "/machines/" + machine.id.str();
    return api::json_response(
        api::with_links(std::move(body), api::Links().add("Self", self + "/connection").add("Machine", self)));
  });
}

// Health checks of the target, and deployments that applied something to it, newest first.
net::Response tasks_of(const Services& services, const api::Context& context) {
  const api::Page page = api::page_of(context);
  return services.api.store.read([&](const store::Tx& tx) {
    const store::Documents& documents = services.api.documents;
    const Machine machine = machine_of(services, tx, context);
    std::set<std::string> deployments;
    const auto applied = store::Query().where("TargetId", machine.id.str());
    for (const auto& manifest : documents.all<deployments::AppliedManifest>(tx, applied))
      deployments.insert(manifest.deployment_id);
    std::vector<std::string> names = context.query_list("type");
    const auto wanted = [&](std::string_view name) {
      return names.empty() || std::find(names.begin(), names.end(), name) != names.end();
    };
    std::vector<tasks::Task> found;
    if (wanted(kTaskName)) found = documents.all<tasks::Task>(tx, store::Query().where("MachineIds", machine.id.str()));
    for (const std::string& id : deployments) {
      const auto task = documents.first<tasks::Task>(tx, store::Query().where("DeploymentId", id));
      if (task && wanted(task->name)) found.push_back(*task);
    }
    std::sort(found.begin(), found.end(),
              [](const tasks::Task& a, const tasks::Task& b) { return a.queue_time > b.queue_time; });
    std::vector<std::string> items;
    for (std::size_t i = static_cast<std::size_t>(page.skip);
         i < found.size() && items.size() < static_cast<std::size_t>(page.take); ++i) {
      items.push_back(tasks::encode_task(found[i], tx.now()));
    }
    return api::json_response(api::paged(context, "Task", items, static_cast<std::int64_t>(found.size()), page));
  });
}

}  // namespace

void install(Services& services) {
  services.api.documents.add<HealthSchedule>({.table = "health_schedule",
                                              .id_prefix = "HealthSchedules",
                                              .noun = "health check schedule",
                                              .space_scoped = false,
                                              .sort = "Id",
                                              .publish = false});
  services.engine.register_definition(health_definition(services));
  services.engine.register_definition(schedule_definition(services));
  services.engine.register_definition(agents_definition(services));
  services.task_starters[kTaskName] = [&services](const api::Context&, store::Tx& tx,
                                                  const tasks::TaskRequest& request) {
    return start(services, tx, check_of(services, tx, request), request.description);
  };
  services.target_to_check.emplace_back([&services](store::Tx& tx, const Machine& machine) {
    HealthCheck check;
    check.space_id = machine.space_id;
    check.machine_ids = {machine.id.str()};
    start(services, tx, check, "");
  });
  services.machine_policy_written.emplace_back([&services](store::Tx& tx, const std::string& policy, bool removed) {
    if (removed) {
      forget(services, tx, policy);
    } else {
      plan_next(services, tx, policy);
    }
  });
  services.starting.emplace_back([&services] {
    services.api.store.write([&](store::Tx& tx) {
      plan_all(services, tx);
      expect_agents(services, tx);
    });
  });
  services.api.router.add({"GET", api::Scope::space, "/machines/{id}/connection", "MachineView",
                           "What the last health check of a target found.",
                           [&services](api::Context& context) { return connection(services, context); }});
  services.api.router.add({"GET", api::Scope::space, "/machines/{id}/tasks", "TaskView",
                           "Health checks of a target, and deployments to it, newest first.",
                           [&services](api::Context& context) { return tasks_of(services, context); }});
}

}  // namespace fairlead::features::health_checks
