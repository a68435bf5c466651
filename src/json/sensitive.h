// SPDX-License-Identifier: Apache-2.0
// Sensitive values on the Octopus wire: {"HasValue":true,"NewValue":null,"Hint":null}. A value that came in (NewValue)
// is held as a Secret until it is sealed for the store; from then on only its sealed text exists here. What a sealer
// is: store/sealing.
#pragma once

#include <map>
#include <optional>
#include <string>

#include "base/secret.h"

namespace fairlead::json {

struct SensitiveValue {
  bool has_value = false;
  std::optional<Secret> new_value;  // just received, not yet sealed
  std::string sealed;               // what the store holds
  std::string hint;                 // free text of the owner, shown to everybody
  bool keeps_stored() const { return has_value && !new_value && sealed.empty(); }
};

// A property of a step or action: plain text, or a sensitive value.
struct PropertyValue {
  std::string text;
  std::optional<SensitiveValue> sensitive;
  PropertyValue() = default;
  PropertyValue(std::string value) : text(std::move(value)) {}  // NOLINT: a property is a string first
  PropertyValue(const char* value) : text(value) {}             // NOLINT
};

using Properties = std::map<std::string, PropertyValue>;

}  // namespace fairlead::json
