// SPDX-License-Identifier: Apache-2.0
// The names by which Fairlead is known inside a cluster. They are part of what users see and select by: kept in one
// place.
#pragma once

#include <string_view>

namespace fairlead::kube {

// The label that says which application (project) an object belongs to; the mirror watches by it.
inline constexpr std::string_view kAppLabel = "fairlead.dev/app";
// Keyed hash of the body that Fairlead applied last (see unchanged.h).
inline constexpr std::string_view kAppliedHashAnnotation = "fairlead.dev/applied-hash";
// Annotations of other tools under this prefix never leave or enter through Fairlead.
inline constexpr std::string_view kPrefix = "fairlead.dev/";
// Field managers are "fairlead/<instance>/<Projects-12>"; everything that starts so is a Fairlead of some instance.
inline constexpr std::string_view kManagerPrefix = "fairlead/";

}  // namespace fairlead::kube
