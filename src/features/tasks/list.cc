// SPDX-License-Identifier: Apache-2.0
#include "features/tasks/list.h"

#include <algorithm>

#include "api/paging.h"
#include "base/error.h"
#include "base/text.h"
#include "features/tasks/model.h"
#include "features/tasks/rules.h"

namespace fairlead::features::tasks {

namespace {

struct StateGroup {
  domain::TaskState state;
  bool running, active;
};
constexpr StateGroup kStates[] = {
    {domain::TaskState::queued, false, true},     {domain::TaskState::executing, true, true},
    {domain::TaskState::cancelling, true, true},  {domain::TaskState::canceled, false, false},
    {domain::TaskState::timed_out, false, false}, {domain::TaskState::failed, false, false},
    {domain::TaskState::success, false, false},
};

Time time_in(const api::Context& context, std::string_view name) {
  const std::string text = context.query(name).value_or("");
  if (text.empty()) return {};
  const std::optional<Time> time = parse_iso8601(text);
  if (!time) {
    throw invalid_at(std::string(name), text::format("must be a time such as 2026-01-02T03:04:05Z, but is \"{}\"",
                                                     text::shorten(text, 60)));
  }
  return *time;
}

void add_times(const api::Context& context, store::Query& query) {
  for (const char* what : {"Queue", "Start", "Completed"}) {
    const std::string field = text::format("{}Time", what);
    const Time from = time_in(context, text::format("from{}Date", what));
    const Time to = time_in(context, text::format("to{}Date", what));
    if (from.us != 0) query.from(field, from.us);
    if (to.us != 0) query.below(field, to.us + 1);
  }
}

// Everything but the states.
store::Query query_of(const api::Context& context) {
  store::Query query;
  if (!context.space_id().empty()) query.in_space(context.space_id());
  query.by("Id", true);
  const auto filter = [&](std::string_view parameter, const char* field) {
    const auto values = context.query_list(parameter);
    if (!values.empty()) query.where_any(field, values);
  };
  if (const auto ids = context.query_list("ids"); !ids.empty()) query.ids = ids;
  filter("spaces", "SpaceId");
  filter("name", "Name");
  filter("project", "ProjectId");
  filter("environment", "EnvironmentId");
  filter("node", "ServerNode");
  for (const char* flag : {"hasPendingInterruptions", "hasWarningsOrErrors"}) {
    if (context.query_flag(flag)) query.where(flag, true);
  }
  // Descriptions are what people call tasks by; their names are only kinds.
  for (const char* part : {"partialName", "description"}) {
    if (const std::string text = context.query(part).value_or(""); !text.empty()) query.containing("Description", text);
  }
  // There are no tenants, runbooks and preconditions yet, so nothing is about one.
  const bool about_nothing = !context.query_list("tenant").empty() || !context.query_list("runbook").empty() ||
                             !context.query_list("tenantTag").empty() || context.query_flag("hasPendingPreconditions");
  if (about_nothing) query.ids = std::vector<std::string>();
  add_times(context, query);
  return query;
}

// The states that are asked for by name, by "running" and by "active": all of the conditions hold.
std::vector<std::string> states_of(const api::Context& context) {
  const std::vector<std::string> named = context.query_list("states");
  std::vector<std::string> out;
  for (const StateGroup& one : kStates) {
    const std::string_view name = domain::name_of(one.state);
    const auto is_it = [&](const std::string& text) { return text::equals_ignoring_case(text, name); };
    if (!named.empty() && std::none_of(named.begin(), named.end(), is_it)) continue;
    if (context.query_flag("running") && !one.running) continue;
    if (context.query_flag("active") && !one.active) continue;
    out.emplace_back(name);
  }
  return out;
}

// "TotalCounts":{"Queued":0,...}, of the tasks that the other conditions leave, whatever their states.
std::string counts(const store::Documents& documents, const store::Tx& tx, const store::Query& query) {
  std::string out = "\"TotalCounts\":{";
  std::map<std::string, std::int64_t> found = documents.count_by<Task>(tx, query, "State");
  for (const StateGroup& one : kStates) {
    const std::string name(domain::name_of(one.state));
    out += text::format("{}\"{}\":{}", &one == kStates ? "" : ",", name, found[name]);
  }
  return out + "},";
}

}  // namespace

net::Response list(Services& services, const api::Context& context) {
  const api::Page page = api::page_of(context);
  return services.api.store.read([&](const store::Tx& tx) {
    store::Query query = query_of(context);
    // A client that waits asks for ids again and again, and needs no counts of them.
    const std::string totals = query.ids ? std::string() : counts(services.api.documents, tx, query);
    const std::vector<std::string> states = states_of(context);
    if (states.size() < std::size(kStates)) query.where_any("State", states);
    const auto found = services.api.documents.list<Task>(tx, query.page(page.skip, page.take));
    std::vector<std::string> items;
    for (const Task& task : found.items) items.push_back(encode_task(task, tx.now()));
    return api::json_response(api::paged(context, "Task", items, found.total, page, totals));
  });
}

}  // namespace fairlead::features::tasks
