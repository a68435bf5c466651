// SPDX-License-Identifier: Apache-2.0
// How a YAML scalar becomes JSON: the resolution rules of go-yaml v2 followed by Go's JSON encoding, which is what
// kubectl does. Internal to yaml.cc; exposed for tests. Pure.
#pragma once

#include <string>
#include <string_view>

#include "json/value.h"

namespace fairlead::kube {

struct YamlScalar {
  std::string_view text;
  std::string_view tag;  // full tag, "" without one
  bool plain = true;     // not quoted, no block style
};

// Throws std::string with a reason where the scalar has no JSON form (.inf, a tag that does not fit its text).
json::Value resolve_scalar(const YamlScalar& scalar);
// The same scalar as a mapping key: "on" is the key "true", 0x10 is "16". Throws std::string for null and huge
// integers.
std::string resolve_key(const YamlScalar& scalar);
// `<<`, plain or tagged so.
bool is_merge_key(const YamlScalar& scalar);

}  // namespace fairlead::kube
