// SPDX-License-Identifier: Apache-2.0
// Which events a list asks for, and the words that its filters know.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "features/services.h"
#include "store/audit.h"

namespace fairlead::features::events {

struct EventCategory {
  const char* id;
  const char* name;
  const char* group;
};
// Every category that the server writes, by group.
const std::vector<EventCategory>& event_categories();

// The number of "Events-12"; nullopt for anything else.
std::optional<std::int64_t> number_of(const std::string& id);

// The query of a list, without its page; nullopt where nothing can be found (events about tenants, as there are none).
std::optional<store::AuditQuery> query_of(const Services& services, const store::Tx& tx, const api::Context& context);

}  // namespace fairlead::features::events
