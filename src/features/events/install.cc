// SPDX-License-Identifier: Apache-2.0
// The audit trail as the API shows it.
#include "features/events/install.h"

#include "api/paging.h"
#include "api/links.h"
#include "base/error.h"
#include "base/text.h"
#include "store/audit.h"

namespace fairlead::features::events {

namespace {

std::string encode_event(const store::AuditEvent& event) {
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
  member("MessageHtml", event.message);
  member("IpAddress", event.remote_ip);
  member("SpaceId", event.space);
  out += text::format(",\"IsService\":false,\"MessageReferences\":[],\"Comments\":null,\"Details\":null,\"ChangeDetails\":{{\"Differences\":{}"
                      ",\"DocumentContext\":null}}}}",
                      event.differences.text.empty() ? "[]" : event.differences.text);
  return api::with_links(std::move(out), api::Links().add("Self", text::format("/api/events/Events-{}", event.number)));
}

std::int64_t number_of(const std::string& id) {
  constexpr std::string_view kPrefix = "Events-";
  const std::string_view digits = text::starts_with_ignoring_case(id, kPrefix) ? std::string_view(id).substr(kPrefix.size()) : id;
  return text::parse_int(digits).value_or(-1);
}

net::Response list(Services& services, const api::Context& context) {
  const api::Page page = api::page_of(context);
  store::AuditQuery query;
  if (!context.space_id().empty()) query.spaces = {context.space_id(), ""};
  if (const auto spaces = context.query_list("spaces"); !spaces.empty()) query.spaces = spaces;
  query.users = context.query_list("users");
  query.categories = context.query_list("eventCategories");
  query.documents_all = context.query_list("regarding");
  query.documents_any = context.query_list("regardingAny");
  for (const char* filter : {"projects", "environments"}) {
    for (const std::string& id : context.query_list(filter)) query.documents_any.push_back(id);
  }
  query.skip = page.skip;
  query.take = static_cast<int>(std::min<std::int64_t>(page.take, 1'000));
  return services.api.store.read([&](const store::Tx& tx) {
    const store::AuditPage found = store::list_audit(tx, query);
    std::vector<std::string> items;
    for (const store::AuditEvent& event : found.items) items.push_back(encode_event(event));
    return api::json_response(api::paged(context, "Event", items, found.total, page));
  });
}

void add_rows(Services& services, api::Scope scope) {
  services.api.router.add({"GET", scope, "/events", "EventView", "Lists audit events, newest first.",
                           [&services](api::Context& context) { return list(services, context); }});
  services.api.router.add({"GET", scope, "/events/{id}", "EventView", "An audit event.", [&services](api::Context& context) {
                             return services.api.store.read([&](const store::Tx& tx) {
                               const auto event = store::find_audit(tx, number_of(context.parameter("id")));
                               if (!event) {
                                 throw not_found(text::format("The resource '{}' was not found.", context.parameter("id")));
                               }
                               return api::json_response(encode_event(*event));
                             });
                           }});
}

}  // namespace

void install(Services& services) {
  // The space rows also serve /api/events, for the default space and the system.
  add_rows(services, api::Scope::space);
}

}  // namespace fairlead::features::events
