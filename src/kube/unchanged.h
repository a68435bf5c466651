// SPDX-License-Identifier: Apache-2.0
// Is our last apply of this very body still in force? Answered from metadata alone, so that a deployment of the same
// content sends no write. The argument is in unchanged.cc. Pure.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/secret.h"
#include "kube/object.h"

namespace fairlead::kube {

// 32 hexadecimal characters over the canonical JSON of the body without the hash annotation itself, keyed so that a
// reader of metadata cannot guess the content of a Secret. "" (never equal to anything) without a key for a Secret.
std::string applied_hash(const Object& body, const Secret& key);

// What metadata says about a live object.
struct LiveMetadata {
  ObjectKey key;
  std::string uid;
  std::string resource_version;
  std::int64_t generation = 0;
  std::string applied_hash;       // the annotation
  std::string entry_api_version;  // of our Apply entry; "" where we have none
  std::string entry_fields;       // our entry's fieldsV1 as JSON text
  bool former_managers = false;   // an entry that an apply has to absorb is there
  bool being_deleted = false;
};
LiveMetadata live_metadata(const Object& live, std::string_view field_manager);

// A manager whose fields an apply of ours absorbs: an earlier name of Fairlead, Octopus, kubectl's client-side apply.
bool is_former_manager(std::string_view manager, std::string_view ours);

// True only where applying `body` would change nothing. When in doubt: false.
bool still_applied(const Object& body, std::string_view hash, const LiveMetadata& live);

// Every field of `body` is owned by the entry (fieldsV1 of structured-merge-diff v4). Exposed for tests.
bool owns_all(const json::Value& fields, const json::Value& body);

}  // namespace fairlead::kube
