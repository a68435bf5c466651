// SPDX-License-Identifier: Apache-2.0
// Audit events of a request: who comes from the context, the rest from the act. Written in the transaction of the
// change.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "api/endpoint.h"
#include "store/audit.h"

namespace fairlead::api {

// An event with the caller's identity filled in; the caller adds documents and details.
store::AuditEvent audit_event(const Context& context, std::string category, std::string message);

void audit_created(store::Tx& tx, const Context& context, std::string_view noun, const std::string& id,
                   std::string_view name);
void audit_modified(store::Tx& tx, const Context& context, std::string_view noun, const std::string& id,
                    std::string_view name, json::Raw differences);
void audit_deleted(store::Tx& tx, const Context& context, std::string_view noun, const std::string& id,
                   std::string_view name);

}  // namespace fairlead::api
