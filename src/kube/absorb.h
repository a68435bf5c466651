// SPDX-License-Identifier: Apache-2.0
// Taking over the fields of former managers (the csaupgrade of client-go): an object once written by client-side apply
// keeps the fields that were removed from the manifest since, owned by the old manager, until they are counted as ours.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "kube/client.h"

namespace fairlead::kube {

// The JSON patch that moves the fields of all former managers into our Apply entry, guarded by the resourceVersion;
// nullopt where there is nothing to absorb or we have no entry yet. Pure.
std::optional<json::Value> absorb_patch(const Object& live, std::string_view field_manager);

// The union of two fieldsV1 sets. Pure.
json::Value union_of_fields(const json::Value& a, const json::Value& b);

// Patches and applies `body` again, so that absorbed fields that it does not have go away. `live` is the answer of an
// apply of ours. Returns the newest state; `live` itself where nothing is to be absorbed.
Object absorb_former_managers(KubeClient& client, const Resource& resource, const Object& body, Object live,
                              std::string_view field_manager, const CancelToken& cancel);

}  // namespace fairlead::kube
