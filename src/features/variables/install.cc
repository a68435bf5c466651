// SPDX-License-Identifier: Apache-2.0
#include "features/variables/install.h"

#include <set>

#include "api/resource.h"
#include "api/versioned.h"
#include "features/channels/model.h"
#include "features/environments/model.h"
#include "features/processes/model.h"
#include "features/projects/model.h"
#include "features/targets/model.h"
#include "features/variables/model.h"
#include "features/variables/rules.h"

namespace fairlead::features::variables {

namespace {

void append_item(std::string& out, std::string_view id, std::string_view name) {
  if (out.back() != '[') out += ',';
  out += "{\"Id\":";
  json::append_string(out, id);
  out += ",\"Name\":";
  json::append_string(out, name);
  out += '}';
}

// What a value of this set may be scoped to.
std::string scope_values(Services& services, const store::Tx& tx, const std::string& space, const std::string& owner) {
  const store::Documents& documents = services.api.documents;
  std::string out = "{\"Environments\":[";
  for (const auto& environment : documents.all<environments::Environment>(tx, store::Query().in_space(space))) {
    append_item(out, environment.id.str(), environment.name);
  }
  out += "],\"Machines\":[";
  std::set<std::string, text::LessIgnoringCase> roles;
  for (const auto& machine : documents.all<targets::Machine>(tx, store::Query().in_space(space))) {
    append_item(out, machine.id.str(), machine.name);
    roles.insert(machine.roles.begin(), machine.roles.end());
  }
  out += "],\"Actions\":[";
  if (const auto process = documents.find<processes::DeploymentProcess>(tx, "deploymentprocess-" + owner)) {
    for (const processes::Step& step : process->steps) {
      for (const processes::Action& action : step.actions) append_item(out, action.id, action.name);
    }
  }
  out += "],\"Roles\":[";
  for (const std::string& role : roles) append_item(out, role, role);
  out += "],\"Channels\":[";
  for (const auto& channel : documents.all<channels::Channel>(tx, store::Query().where("ProjectId", owner))) {
    append_item(out, channel.id.str(), channel.name);
  }
  out += "],\"TenantTags\":[],\"Processes\":[";
  if (const auto project = documents.find<projects::Project>(tx, owner)) {
    out += "{\"Id\":";
    json::append_string(out, project->id.str());
    out += ",\"Name\":";
    json::append_string(out, project->name);
    out += ",\"ProcessType\":\"Deployment\"}";
  }
  out += "]}";
  return out;
}

std::string encode_set(Services& services, const store::Tx& tx, const VariableSet& set) {
  std::string body = json::encode(set);
  body.pop_back();
  body += ",\"ScopeValues\":" + scope_values(services, tx, set.space_id, set.owner_id) + "}";
  const std::string space = "/api/" + set.space_id;
  return api::with_links(std::move(body), api::Links()
                                              .add("Self", space + "/variables/" + set.id.str())
                                              .add("Project", space + "/projects/" + set.owner_id));
}

std::optional<VariableSet> find_any(Services& services, const store::Tx& tx, const std::string& space,
                                    const std::string& id) {
  std::optional<VariableSet> set = services.api.documents.find<VariableSet>(tx, id);
  if (!set) {
    if (const auto snapshot = services.api.documents.find<VariableSnapshot>(tx, id)) {
      set.emplace();
      set->id = Id<VariableSet>(id);
      set->space_id = snapshot->space_id;
      set->owner_id = snapshot->owner_id;
      set->version = snapshot->version_taken;
      set->variables = snapshot->variables;
    }
  }
  if (set && set->space_id != space) set.reset();
  return set;
}

net::Response show(Services& services, const api::Context& context, const std::string& id) {
  return services.api.store.read([&](const store::Tx& tx) {
    const std::optional<VariableSet> set = find_any(services, tx, context.space_id(), id);
    if (!set) throw not_found(text::format("The resource '{}' was not found.", id));
    return api::json_response(encode_set(services, tx, *set));
  });
}

net::Response replace(Services& services, const api::Context& context, const std::string& id) {
  const VariableSet body = context.body<VariableSet>();
  return services.api.store.write([&](store::Tx& tx) {
    VariableSet incoming = body;
    api::replace_versioned<VariableSet>(
        services.api, context, tx, {"variable set", "Variables of"}, id, incoming, &VariableSet::owner_id,
        [](VariableSet& set, const VariableSet& stored) { complete_variables(set.variables, stored.variables); });
    return api::json_response(encode_set(services, tx, incoming));
  });
}

std::string set_of_project(Services& services, const api::Context& context) {
  return services.api.store.read([&](const store::Tx& tx) {
    return api::get_in_space<projects::Project>(services.api.documents, tx, context.space_id(),
                                                context.parameter("projectId"))
        .variable_set_id;
  });
}

// The names of the variables of a project, for those who write templates.
net::Response names(Services& services, const api::Context& context) {
  return services.api.store.read([&](const store::Tx& tx) {
    std::set<std::string, text::LessIgnoringCase> found;
    store::Query query = store::Query().in_space(context.space_id());
    const std::string project = context.query("project").value_or("");
    if (!project.empty()) query.where("OwnerId", project);
    for (const VariableSet& set : services.api.documents.all<VariableSet>(tx, query)) {
      for (const Variable& variable : set.variables) found.insert(variable.name);
    }
    std::vector<std::string> items;
    for (const std::string& name : found) json::append_string(items.emplace_back(), name);
    return api::json_response(api::raw_array(items));
  });
}

void add_rows(Services& services) {
  api::Router& router = services.api.router;
  router.add({"GET", api::Scope::space, "/variables/all", "VariableView", "Variable sets by id, as a plain array.",
              [&services](api::Context& context) {
                return services.api.store.read([&](const store::Tx& tx) {
                  std::vector<std::string> items;
                  for (const std::string& id : context.query_list("ids")) {
                    if (const auto set = find_any(services, tx, context.space_id(), id)) {
                      items.push_back(encode_set(services, tx, *set));
                    }
                  }
                  return api::json_response(api::raw_array(items));
                });
              }});
  router.add({"GET", api::Scope::space, "/variables/names", "VariableView", "Names of variables, as a plain array.",
              [&services](api::Context& context) { return names(services, context); }});
  router.add({"GET", api::Scope::space, "/variables/{id}", "VariableView", "A variable set or the snapshot of one.",
              [&services](api::Context& context) { return show(services, context, context.parameter("id")); }});
  router.add({"PUT", api::Scope::space, "/variables/{id}", "VariableEdit", "Replaces a variable set.",
              [&services](api::Context& context) { return replace(services, context, context.parameter("id")); }});
  router.add(
      {"GET", api::Scope::space, "/projects/{projectId}/variables", "VariableView", "The variables of a project.",
       [&services](api::Context& context) { return show(services, context, set_of_project(services, context)); }});
  router.add({"PUT", api::Scope::space, "/projects/{projectId}/variables", "VariableEdit",
              "Replaces the variables of a project.", [&services](api::Context& context) {
                return replace(services, context, set_of_project(services, context));
              }});
}

}  // namespace

void install(Services& services) {
  services.api.documents.add<VariableSet>(
      {.table = "variable_set", .id_prefix = "variableset", .noun = "variable set", .sort = "Id", .history = true});
  services.api.documents.add<VariableSnapshot>({.table = "variable_snapshot",
                                                .id_prefix = "variableset-snapshot",
                                                .noun = "variable snapshot",
                                                .sort = "Id",
                                                .history = true});
  add_rows(services);
  services.project_created.emplace_back(
      [&services](store::Tx& tx, const std::string& space, const std::string& project) {
        VariableSet set;
        set.id = Id<VariableSet>("variableset-" + project);
        set.space_id = space;
        set.owner_id = project;
        services.api.documents.insert(tx, set);
      });
  services.project_removing.emplace_back([&services](store::Tx& tx, const std::string& project) {
    store::Documents& documents = services.api.documents;
    documents.remove(tx, Id<VariableSet>("variableset-" + project));
    const store::Query of_project = store::Query().where("OwnerId", project);
    for (const VariableSnapshot& snapshot : documents.all<VariableSnapshot>(tx, of_project))
      documents.remove(tx, snapshot.id);
  });
}

}  // namespace fairlead::features::variables
