// SPDX-License-Identifier: Apache-2.0
#include "api/audit_trail.h"

#include "base/text.h"

namespace fairlead::api {

namespace {

void append(store::Tx& tx, const Context& context, std::string_view category, std::string_view done,
            std::string_view noun, const std::string& id, std::string_view name, json::Raw differences) {
  store::AuditEvent event = audit_event(context, std::string(category), text::format("{} {} was {}", noun, name, done));
  event.documents = {id};
  event.differences = std::move(differences);
  store::append_audit(tx, event);
}

}  // namespace

store::AuditEvent audit_event(const Context& context, std::string category, std::string message) {
  const Caller& caller = context.caller();
  store::AuditEvent event;
  event.category = std::move(category);
  event.message = std::move(message);
  event.user = caller.user_id;
  event.username = caller.username;
  event.identity = caller.established_with;
  event.user_agent = caller.user_agent;
  event.remote_ip = caller.ip_address;
  event.space = context.space_id();
  return event;
}

void audit_created(store::Tx& tx, const Context& context, std::string_view noun, const std::string& id,
                   std::string_view name) {
  append(tx, context, "Created", "created", noun, id, name, {});
}

void audit_modified(store::Tx& tx, const Context& context, std::string_view noun, const std::string& id,
                    std::string_view name, json::Raw differences) {
  if (differences.text.empty()) return;  // a PUT that changes nothing is no news
  append(tx, context, "Modified", "changed", noun, id, name, std::move(differences));
}

void audit_deleted(store::Tx& tx, const Context& context, std::string_view noun, const std::string& id,
                   std::string_view name) {
  append(tx, context, "Deleted", "deleted", noun, id, name, {});
}

}  // namespace fairlead::api
