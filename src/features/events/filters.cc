// SPDX-License-Identifier: Apache-2.0
#include "features/events/filters.h"

#include <algorithm>

#include "base/error.h"
#include "base/text.h"
#include "features/projects/model.h"

namespace fairlead::features::events {

namespace {

constexpr std::string_view kPrefix = "Events-";

Time time_of(const api::Context& context, std::string_view name) {
  const std::string text = context.query(name).value_or("");
  const std::optional<Time> time = parse_iso8601(text);
  if (!time) {
    throw invalid_at(std::string(name), text::format("must be a time such as 2026-01-02T03:04:05Z, but is \"{}\"",
                                                     text::shorten(text, 60)));
  }
  return *time;
}

bool given(const api::Context& context, std::string_view name) { return !context.query(name).value_or("").empty(); }

std::int64_t auto_id(const api::Context& context, std::string_view name) {
  const std::optional<std::int64_t> number = number_of(*context.query(name));
  if (!number) throw invalid_at(std::string(name), "must be the number of an event");
  return *number;
}

// Ids in the filter, or what they stand for, of which an event must be about one.
void add_documents(const Services& services, const store::Tx& tx, const api::Context& context,
                   store::AuditQuery& query) {
  for (const char* filter : {"regardingAny", "projects", "environments"}) {
    if (auto ids = context.query_list(filter); !ids.empty()) query.documents_each.push_back(std::move(ids));
  }
  std::vector<std::string> groups = context.query_list("projectGroups");
  if (groups.empty()) return;
  const store::Query in_groups = store::Query().where_any("ProjectGroupId", groups);
  for (const auto& project : services.api.documents.all<projects::Project>(tx, in_groups))
    groups.push_back(project.id.str());
  query.documents_each.push_back(std::move(groups));
}

void add_categories(const api::Context& context, store::AuditQuery& query) {
  const std::vector<std::string> named = context.query_list("eventCategories");
  const std::vector<std::string> groups = context.query_list("eventGroups");
  if (groups.empty()) {
    query.categories = named;
    return;
  }
  const auto contains = [](const std::vector<std::string>& list, const char* text) {
    return std::any_of(list.begin(), list.end(),
                       [&](const std::string& one) { return text::equals_ignoring_case(one, text); });
  };
  // Of the groups and, where categories are named too, only those.
  for (const EventCategory& category : event_categories()) {
    if (contains(groups, category.group) && (named.empty() || contains(named, category.id)))
      query.categories.emplace_back(category.id);
  }
  if (query.categories.empty()) query.categories = {"(none)"};
}

void add_spaces(const api::Context& context, store::AuditQuery& query) {
  query.spaces = context.query_list("spaces");
  if (!context.space_id().empty()) query.spaces = {context.space_id()};
  // Without a space all are meant, and what belongs to none.
  if (!query.spaces.empty() && context.query_flag("includeSystem")) query.spaces.emplace_back();
}

}  // namespace

const std::vector<EventCategory>& event_categories() {
  static const std::vector<EventCategory> categories{
      {"Created", "Document created", "Document"},
      {"Modified", "Document modified", "Document"},
      {"Deleted", "Document deleted", "Document"},
      {"DeploymentQueued", "Deployment queued", "Deployment"},
      {"DeploymentSucceeded", "Deployment succeeded", "Deployment"},
      {"DeploymentFailed", "Deployment failed", "Deployment"},
      {"AutoDeployBlocked", "Automatic deployment not possible", "Deployment"},
      {"ReleaseDefectReported", "Release prevented from progressing", "Release"},
      {"ReleaseDefectResolved", "Release allowed to progress again", "Release"},
      {"TaskQueued", "Task queued", "Task"},
      {"TaskCanceled", "Task canceled", "Task"},
      {"MachineHealthChanged", "Health of a deployment target changed", "Machine"},
  };
  return categories;
}

std::optional<std::int64_t> number_of(const std::string& id) {
  const std::string_view digits =
      text::starts_with_ignoring_case(id, kPrefix) ? std::string_view(id).substr(kPrefix.size()) : id;
  return text::parse_int(digits);
}

std::optional<store::AuditQuery> query_of(const Services& services, const store::Tx& tx, const api::Context& context) {
  for (const char* filter : {"eventAgents", "asCsv"}) {
    if (given(context, filter) && !text::equals_ignoring_case(*context.query(filter), "false")) {
      throw Error(Fault::unsupported,
                  text::format("Events cannot be asked for with \"{}\" yet; leave it out.", filter));
    }
  }
  if (given(context, "tenants") || given(context, "tags")) return std::nullopt;
  store::AuditQuery query;
  add_spaces(context, query);
  query.users = context.query_list("users");
  for (std::string& user : context.query_list("user")) query.users.push_back(std::move(user));
  add_categories(context, query);
  query.documents_all = context.query_list("regarding");
  add_documents(services, tx, context, query);
  for (const std::string& type : context.query_list("documentTypes")) query.document_prefixes.push_back(type + "-");
  for (const std::string& id : context.query_list("ids")) query.numbers.push_back(number_of(id).value_or(0));
  if (given(context, "fromAutoId")) query.least_number = auto_id(context, "fromAutoId");
  if (given(context, "toAutoId")) query.most_number = auto_id(context, "toAutoId");
  if (given(context, "from")) query.from = time_of(context, "from");
  if (given(context, "to")) query.to = time_of(context, "to");
  return query;
}

}  // namespace fairlead::features::events
