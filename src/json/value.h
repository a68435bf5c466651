// SPDX-License-Identifier: Apache-2.0
// Free-form JSON (RFC 8259): Boost.JSON's document model under our names, parsed with limits and clear errors. Include
// this only where free-form JSON is handled; models and their tables need json/type.h alone.
#pragma once

#include <boost/json.hpp>

#include <optional>
#include <string>
#include <string_view>

namespace fairlead::json {

using Value = boost::json::value;
using Object = boost::json::object;
using Array = boost::json::array;

struct ParseLimits {
  std::size_t max_bytes = 20u << 20;
  std::size_t max_depth = 64;
};

// Throws Error(invalid) with line and column. `what` names the text in the error ("the request body").
Value parse(std::string_view text, std::string_view what, ParseLimits limits = {});
std::string text_of(const Value& value);
// Keys sorted, no white space: equal values give equal bytes. For hashing.
std::string canonical_text(const Value& value);

// Member access that never throws; nullptr or nullopt where the value is no object, lacks the key or has another type.
const Value* find(const Value& value, std::string_view key);
const Value* find_path(const Value& value, std::initializer_list<std::string_view> keys);
std::optional<std::string_view> find_string(const Value& value, std::string_view key);
std::string string_or(const Value& value, std::string_view key, std::string_view otherwise = {});
std::int64_t int_or(const Value& value, std::string_view key, std::int64_t otherwise = 0);
bool bool_or(const Value& value, std::string_view key, bool otherwise = false);

inline std::string_view view(const boost::json::string& text) { return {text.data(), text.size()}; }

}  // namespace fairlead::json
