// SPDX-License-Identifier: Apache-2.0
// The audit trail as the API shows it.
#include "features/events/install.h"

#include <algorithm>
#include <map>

#include "api/links.h"
#include "api/paging.h"
#include "base/error.h"
#include "base/text.h"
#include "features/events/filters.h"
#include "store/audit.h"

namespace fairlead::features::events {

namespace {

std::string html_escaped(std::string text) {
  text = text::replace_all(std::move(text), "&", "&amp;");
  text = text::replace_all(std::move(text), "<", "&lt;");
  text = text::replace_all(std::move(text), ">", "&gt;");
  return text::replace_all(std::move(text), "\"", "&quot;");
}

std::string encode_event(const store::AuditEvent& event, bool with_differences) {
  std::string out = text::format("{{\"Id\":\"Events-{}\"", event.number);
  const auto member = [&](std::string_view name, const std::string& value) {
    out += ",\"" + std::string(name) + "\":";
    json::append_string(out, value);
  };
  out += ",\"RelatedDocumentIds\":[";
  bool first = true;
  for (const std::string& document : event.documents) {
    if (document.empty()) continue;
    if (!first) out += ',';
    first = false;
    json::append_string(out, document);
  }
  out += "]";
  member("Category", event.category);
  member("UserId", event.user.empty() ? "users-system" : event.user);
  member("Username", event.username.empty() ? "system" : event.username);
  member("IdentityEstablishedWith", event.identity);
  member("UserAgent", event.user_agent);
  member("Occurred", iso8601(event.created));
  member("Message", event.message);
  member("MessageHtml", html_escaped(event.message));
  member("IpAddress", event.remote_ip);
  if (event.space.empty()) {
    out += ",\"SpaceId\":null";
  } else {
    member("SpaceId", event.space);
  }
  out += text::format(
      ",\"IsService\":false,\"MessageReferences\":[],\"Comments\":null,\"Details\":null,\"ChangeDetails\":{{"
      "\"Differences\":{}"
      ",\"DocumentContext\":null}}}}",
      event.differences.text.empty() || !with_differences ? "[]" : event.differences.text);
  return api::with_links(std::move(out), api::Links().add("Self", text::format("/api/events/Events-{}", event.number)));
}

// Never more at once, whatever a client asks for; the links of the page lead on.
constexpr std::int64_t kMostEvents = 1'000;

net::Response list(Services& services, const api::Context& context) {
  api::Page page = api::page_of(context);
  page.take = std::min(page.take, kMostEvents);
  const bool with_differences = !context.query_flag("excludeDifference");
  return services.api.store.read([&](const store::Tx& tx) {
    std::optional<store::AuditQuery> query = query_of(services, tx, context);
    if (!query) return api::json_response(api::paged(context, "Event", {}, 0, page));
    query->skip = page.skip;
    query->take = static_cast<int>(page.take);
    const store::AuditPage found = store::list_audit(tx, *query);
    std::vector<std::string> items;
    for (const store::AuditEvent& event : found.items) items.push_back(encode_event(event, with_differences));
    return api::json_response(api::paged(context, "Event", items, found.total, page));
  });
}

net::Response one(Services& services, const api::Context& context) {
  return services.api.store.read([&](const store::Tx& tx) {
    const auto event = store::find_audit(tx, number_of(context.parameter("id")).value_or(-1));
    const bool visible =
        event && (context.space_id().empty() || event->space.empty() || event->space == context.space_id());
    if (!visible) throw not_found(text::format("The resource '{}' was not found.", context.parameter("id")));
    return api::json_response(encode_event(*event, true));
  });
}

std::string words(std::initializer_list<std::pair<const char*, std::string>> members) {
  std::string out = "{";
  for (const auto& [name, value] : members) {
    out += out.size() > 1 ? "," : "";
    json::append_string(out, name);
    out += ':';
    json::append_string(out, value);
  }
  return api::with_links(out + "}", api::Links());
}

// The words that the filters know, as plain arrays.
std::vector<std::string> category_items() {
  std::vector<std::string> items;
  for (const EventCategory& category : event_categories())
    items.push_back(words({{"Id", category.id}, {"Name", category.name}}));
  return items;
}

std::vector<std::string> group_items() {
  std::map<std::string, std::vector<std::string>> groups;
  for (const EventCategory& category : event_categories())
    json::append_string(groups[category.group].emplace_back(), category.id);
  std::vector<std::string> items;
  for (const auto& [group, categories] : groups) {
    std::string item = words({{"Id", group}, {"Name", group + " events"}});
    item.insert(1, "\"EventCategories\":" + api::raw_array(categories) + ",");
    items.push_back(std::move(item));
  }
  return items;
}

std::vector<std::string> document_type_items() {
  std::vector<std::string> items;
  for (const auto& [id, name] :
       std::initializer_list<std::pair<const char*, const char*>>{{"Accounts", "Account"},
                                                                  {"Certificates", "Certificate"},
                                                                  {"Channels", "Channel"},
                                                                  {"Deployments", "Deployment"},
                                                                  {"Environments", "Environment"},
                                                                  {"Feeds", "Feed"},
                                                                  {"Lifecycles", "Lifecycle"},
                                                                  {"MachinePolicies", "Machine policy"},
                                                                  {"Machines", "Deployment target"},
                                                                  {"ProjectGroups", "Project group"},
                                                                  {"Projects", "Project"},
                                                                  {"Releases", "Release"},
                                                                  {"ServerTasks", "Task"},
                                                                  {"Spaces", "Space"},
                                                                  {"Users", "User"},
                                                                  {"WorkerPools", "Worker pool"}}) {
    items.push_back(words({{"Id", id}, {"Name", name}}));
  }
  return items;
}

void add_rows(Services& services, api::Scope scope) {
  using api::Context;
  api::Router& router = services.api.router;
  router.add({"GET", scope, "/events", "EventView", "Lists audit events, newest first.",
              [&services](Context& context) { return list(services, context); }});
  router.add({"GET", scope, "/events/{id}", "EventView", "An audit event.",
              [&services](Context& context) { return one(services, context); }});
  const auto constant = [&](const char* path, const char* summary, std::vector<std::string> (*items)()) {
    router.add({"GET", scope, path, "EventView", summary,
                [items](Context&) { return api::json_response(api::raw_array(items())); }});
  };
  constant("/events/categories", "The categories of events.", category_items);
  constant("/events/groups", "Groups of categories of events.", group_items);
  constant("/events/documenttypes", "The types of documents that events are about.", document_type_items);
  constant("/events/agents", "Programs that events can be filtered by: none yet.",
           [] { return std::vector<std::string>(); });
}

}  // namespace

void install(Services& services) {
  // Without a space in the path they are about all spaces and the system.
  add_rows(services, api::Scope::space);
  add_rows(services, api::Scope::system);
}

}  // namespace fairlead::features::events
