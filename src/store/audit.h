// SPDX-License-Identifier: Apache-2.0
// The audit log: one event for each change, written in the transaction of the change. Numbers have no gaps, and each
// event carries a hash over itself and its predecessor's hash, so that a removed or altered row is found
// (verify_audit).
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "json/type.h"
#include "store/store.h"

namespace fairlead::store {

struct AuditEvent {
  std::int64_t number = 0;  // set by append_audit
  Time created;             // set by append_audit
  std::string category;     // "Created", "DeploymentStarted"
  std::string message;      // one sentence
  std::string user;         // id; empty: the system itself
  std::string username;
  std::string identity;  // how the identity was established: "API key (...)", "Session cookie"
  std::string user_agent;
  std::string remote_ip;
  std::string space;                   // id; empty: system-wide
  std::vector<std::string> documents;  // ids of what it is about
  json::Raw details;                   // free JSON of the category; no secrets
  json::Raw differences;               // from difference()
  std::string hash;                    // set by append_audit
};

inline constexpr std::size_t kMaxAuditMessageBytes = 8u << 10;
inline constexpr std::size_t kMaxAuditDifferenceBytes = 256u << 10;

// Appends and returns the number. Message and differences beyond their limits are shortened, and say so.
std::int64_t append_audit(Tx& tx, const AuditEvent& event);

struct AuditQuery {
  std::optional<std::string> space;  // with "": system-wide events only
  std::vector<std::string> spaces;   // any of these ("" is system-wide); for readers limited to some spaces
  std::vector<std::string> users;
  std::vector<std::string> categories;
  std::vector<std::string> documents_any;                // about at least one of these
  std::vector<std::string> documents_all;                // about each of these
  std::vector<std::vector<std::string>> documents_each;  // about at least one of each of these lists
  std::vector<std::string> document_prefixes;            // about a document whose id begins so ("Projects-")
  std::vector<std::int64_t> numbers;
  std::int64_t least_number = 0;            // inclusive
  std::optional<std::int64_t> most_number;  // inclusive
  std::optional<Time> from;                 // inclusive
  std::optional<Time> to;                   // exclusive
  std::int64_t before_number = 0;           // 0: from the newest
  std::int64_t skip = 0;
  int take = 30;
};
struct AuditPage {
  std::vector<AuditEvent> items;  // newest first
  std::int64_t total = 0;
};
AuditPage list_audit(const Tx& tx, const AuditQuery& query);
std::optional<AuditEvent> find_audit(const Tx& tx, std::int64_t number);

// Checks numbers and hashes of everything kept. The text of the first finding, or nullopt.
std::optional<std::string> verify_audit(const Tx& tx);
// Retention: removes events created before `before`, from the oldest on. The chain stays verifiable. Returns how many.
std::int64_t trim_audit(Tx& tx, Time before);

// What changed, as a JSON array of {"path":"Name","from":..,"to":..}, empty text when nothing did. Wire form: no secret
// appears; a secret that changed is {"path":..,"from":"(sensitive)","to":"(sensitive)"}.
json::Raw difference(const json::Type& type, const void* before, const void* after);
template <class T>
json::Raw difference(const T& before, const T& after) {
  return difference(type_of(json::Tag<T>{}), &before, &after);
}

}  // namespace fairlead::store
