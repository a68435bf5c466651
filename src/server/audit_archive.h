// SPDX-License-Identifier: Apache-2.0
// Audit events that are older than the database keeps them: one file for each day (UTC) in which they happened, one
// JSON object a line. Format in docs/formats/audit-archive.md.
#pragma once

#include <string>

#include "base/clock.h"
#include "store/audit.h"
#include "store/store.h"

namespace fairlead::server {

inline constexpr int kAuditBatch = 500;

// Moves at most kAuditBatch of the oldest events, created before `before`, into `folder` (made when missing): on disk
// first, then out of the database. The newest event of all is never moved. Returns how many.
std::int64_t archive_oldest_audit(store::Store& store, const std::string& folder, Time before);

// One line, without its end.
std::string audit_line(const store::AuditEvent& event);

}  // namespace fairlead::server
