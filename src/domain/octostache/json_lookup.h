// SPDX-License-Identifier: Apache-2.0
// JSON inside variables: `#{Json.a.b[2].c}` and loops over JSON. Private to this folder. Reads what Newtonsoft.Json
// reads: comments, trailing commas, names without quotes or in single quotes.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace fairlead::domain::octostache {

// The text found by walking `steps` (property names, array positions) into the JSON text: scalars as .NET prints them,
// objects and arrays as compact JSON, a missing property or a position past the end as "". nullopt: not JSON, or a step
// that cannot be taken.
std::optional<std::string> json_lookup(std::string_view json, const std::vector<std::string>& steps);

struct JsonItem {
  bool is_property = false;
  std::string name;   // of a property
  std::string value;  // as json_lookup gives it
};
// The items of an array or the properties of an object; nullopt for everything else.
std::optional<std::vector<JsonItem>> json_items(std::string_view json);

// A double as .NET prints it: shortest round trip, no ".0", exponent from 1E+15 on and below 1E-05.
std::string number_text(double value);

}  // namespace fairlead::domain::octostache
