// SPDX-License-Identifier: Apache-2.0
#include "json/value.h"

#include <algorithm>
#include <vector>

#include "base/error.h"
#include "base/text.h"

namespace fairlead::json {

namespace {

std::string place_of(std::string_view text, std::size_t offset) {
  offset = std::min(offset, text.size());
  const std::string_view before = text.substr(0, offset);
  const auto line = 1 + std::count(before.begin(), before.end(), '\n');
  const std::size_t start = before.rfind('\n') == std::string_view::npos ? 0 : before.rfind('\n') + 1;
  return text::format("line {}, column {}", line, offset - start + 1);
}

void append_canonical(const Value& value, std::string& out) {
  if (const Object* object = value.if_object()) {
    std::vector<const boost::json::key_value_pair*> members;
    for (const auto& member : *object) members.push_back(&member);
    std::sort(members.begin(), members.end(), [](auto* a, auto* b) { return a->key() < b->key(); });
    out += '{';
    for (const auto* member : members) {
      if (member != members.front()) out += ',';
      out += boost::json::serialize(member->key());
      out += ':';
      append_canonical(member->value(), out);
    }
    out += '}';
  } else if (const Array* array = value.if_array()) {
    out += '[';
    for (const Value& element : *array) {
      if (&element != &array->front()) out += ',';
      append_canonical(element, out);
    }
    out += ']';
  } else {
    out += boost::json::serialize(value);
  }
}

}  // namespace

Value parse(std::string_view text, std::string_view what, ParseLimits limits) {
  if (text.size() > limits.max_bytes) {
    throw invalid(text::format("{} is larger than the limit of {} bytes", what, limits.max_bytes));
  }
  boost::json::parse_options options;
  options.max_depth = limits.max_depth;
  boost::json::stream_parser parser({}, options);
  boost::json::error_code failure;
  const std::size_t consumed = parser.write_some(text.data(), text.size(), failure);
  if (!failure && consumed < text.size() && !text::trim(text.substr(consumed)).empty()) {
    failure = boost::json::error::extra_data;
  }
  if (!failure) parser.finish(failure);
  if (!failure) return parser.release();
  if (failure == boost::json::error::too_deep) {
    throw invalid(text::format("{} is nested deeper than {} levels", what, limits.max_depth));
  }
  throw invalid(text::format("{} is not valid JSON at {}: {}", what, place_of(text, consumed), failure.message()));
}

std::string text_of(const Value& value) { return boost::json::serialize(value); }

std::string canonical_text(const Value& value) {
  std::string out;
  append_canonical(value, out);
  return out;
}

const Value* find(const Value& value, std::string_view key) {
  const Object* object = value.if_object();
  return object == nullptr ? nullptr : object->if_contains(key);
}

const Value* find_path(const Value& value, std::initializer_list<std::string_view> keys) {
  const Value* at = &value;
  for (const std::string_view key : keys) {
    at = find(*at, key);
    if (at == nullptr) return nullptr;
  }
  return at;
}

std::optional<std::string_view> find_string(const Value& value, std::string_view key) {
  const Value* member = find(value, key);
  if (member == nullptr || !member->is_string()) return std::nullopt;
  return view(member->get_string());
}

std::string string_or(const Value& value, std::string_view key, std::string_view otherwise) {
  return std::string(find_string(value, key).value_or(otherwise));
}

std::int64_t int_or(const Value& value, std::string_view key, std::int64_t otherwise) {
  const Value* member = find(value, key);
  if (member == nullptr) return otherwise;
  if (member->is_int64()) return member->get_int64();
  if (member->is_uint64() && member->get_uint64() <= static_cast<std::uint64_t>(INT64_MAX)) {
    return static_cast<std::int64_t>(member->get_uint64());
  }
  return otherwise;
}

bool bool_or(const Value& value, std::string_view key, bool otherwise) {
  const Value* member = find(value, key);
  return member != nullptr && member->is_bool() ? member->get_bool() : otherwise;
}

}  // namespace fairlead::json
