// SPDX-License-Identifier: Apache-2.0
#include "domain/octostache/json_lookup.h"

#include <array>
#include <boost/json.hpp>
#include <charconv>
#include <cmath>

#include "base/text.h"

namespace fairlead::domain::octostache {

namespace {

namespace json = boost::json;

constexpr std::size_t kMaxDepth = 100;

bool is_name_character(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '$';
}

// Names without quotes and single-quoted texts rewritten to standard JSON; everything else is left for the parser.
std::string normalise(std::string_view text) {
  std::string out;
  out.reserve(text.size() + 16);
  for (std::size_t at = 0; at < text.size();) {
    const char c = text[at];
    if (c == '"' || c == '\'') {
      out += '"';
      for (++at; at < text.size() && text[at] != c; ++at) {
        if (text[at] == '\\' && at + 1 < text.size()) {
          if (text[at + 1] != '\'') out += '\\';
          out += text[++at];
        } else {
          if (text[at] == '"') out += '\\';
          out += text[at];
        }
      }
      out += '"';
      if (at < text.size()) ++at;
    } else if (is_name_character(c)) {
      const std::size_t begin = at;
      while (at < text.size() && is_name_character(text[at])) ++at;
      std::size_t colon = at;
      while (colon < text.size() && (text[colon] == ' ' || text[colon] == '\t' || text[colon] == '\n')) ++colon;
      const bool is_key = colon < text.size() && text[colon] == ':';
      if (is_key) out += '"';
      out += text.substr(begin, at - begin);
      if (is_key) out += '"';
    } else {
      out += c;
      ++at;
    }
  }
  return out;
}

std::optional<json::value> parse_json(std::string_view text) {
  json::parse_options options;
  options.allow_comments = true;
  options.allow_trailing_commas = true;
  options.max_depth = kMaxDepth;
  json::error_code error;
  json::value value = json::parse({text.data(), text.size()}, error, {}, options);
  if (!error) return value;
  // Cheap refusal of what is no JSON at all.
  const std::string_view trimmed = text::trim(text);
  if (trimmed.empty() || std::string_view("{['").find(trimmed.front()) == std::string_view::npos) return std::nullopt;
  value = json::parse(normalise(text), error, {}, options);
  if (error) return std::nullopt;
  return value;
}

void write_string(std::string& out, std::string_view text) {
  out += '"';
  for (const char c : text) {
    switch (c) {
      case '"': out += "\\\""; break;
      case '\\': out += "\\\\"; break;
      case '\n': out += "\\n"; break;
      case '\r': out += "\\r"; break;
      case '\t': out += "\\t"; break;
      default:
        if (static_cast<unsigned char>(c) < 0x20) {
          out += text::format("\\u{:04x}", static_cast<int>(c));
        } else {
          out += c;
        }
    }
  }
  out += '"';
}

void write(std::string& out, const json::value& value) {
  switch (value.kind()) {
    case json::kind::null: out += "null"; return;
    case json::kind::bool_: out += value.get_bool() ? "true" : "false"; return;
    case json::kind::int64: out += std::to_string(value.get_int64()); return;
    case json::kind::uint64: out += std::to_string(value.get_uint64()); return;
    case json::kind::double_: {
      std::string number = number_text(value.get_double());
      if (number.find_first_not_of("-0123456789") == std::string::npos) number += ".0";
      out += number;
      return;
    }
    case json::kind::string: write_string(out, {value.get_string().data(), value.get_string().size()}); return;
    case json::kind::array: {
      out += '[';
      bool first = true;
      for (const json::value& item : value.get_array()) {
        if (!std::exchange(first, false)) out += ',';
        write(out, item);
      }
      out += ']';
      return;
    }
    case json::kind::object: {
      out += '{';
      bool first = true;
      for (const auto& member : value.get_object()) {
        if (!std::exchange(first, false)) out += ',';
        write_string(out, {member.key().data(), member.key().size()});
        out += ':';
        write(out, member.value());
      }
      out += '}';
      return;
    }
  }
}

std::string text_of(const json::value& value) {
  switch (value.kind()) {
    case json::kind::null: return {};
    case json::kind::bool_: return value.get_bool() ? "True" : "False";
    case json::kind::double_: return number_text(value.get_double());
    case json::kind::string: return {value.get_string().data(), value.get_string().size()};
    default: {
      std::string out;
      write(out, value);
      return out;
    }
  }
}

}  // namespace

std::optional<std::string> json_lookup(std::string_view json, const std::vector<std::string>& steps) {
  std::optional<json::value> root = parse_json(json);
  if (!root) return std::nullopt;
  const json::value* current = &*root;
  for (std::size_t i = 0; i < steps.size(); ++i) {
    const std::string& step = steps[i];
    if (current->is_object()) {
      const auto found = current->get_object().find(step);
      if (found == current->get_object().end()) return i + 1 == steps.size() ? std::optional("") : std::nullopt;
      current = &found->value();
    } else if (current->is_array()) {
      const std::optional<std::int64_t> position = text::parse_int(step);
      if (!position || *position < 0) return std::nullopt;
      const json::array& items = current->get_array();
      if (static_cast<std::size_t>(*position) >= items.size()) {
        return i + 1 == steps.size() ? std::optional("") : std::nullopt;
      }
      current = &items[static_cast<std::size_t>(*position)];
    } else if (i == 0) {
      return text_of(*current);  // a text that is one JSON scalar answers every property with itself
    } else {
      // The text of a member may itself be JSON; it is looked into in the same way.
      return json_lookup(text_of(*current), {steps.begin() + static_cast<std::ptrdiff_t>(i), steps.end()});
    }
  }
  return text_of(*current);
}

std::optional<std::vector<JsonItem>> json_items(std::string_view json) {
  const std::string_view trimmed = text::trim(json);
  if (trimmed.empty() || std::string_view("[{/").find(trimmed.front()) == std::string_view::npos) return std::nullopt;
  const std::optional<json::value> root = parse_json(json);
  if (!root || !(root->is_array() || root->is_object())) return std::nullopt;
  std::vector<JsonItem> items;
  if (root->is_array()) {
    for (const json::value& item : root->get_array()) items.push_back({false, {}, text_of(item)});
  } else {
    for (const auto& member : root->get_object()) {
      items.push_back({true, {member.key().data(), member.key().size()}, text_of(member.value())});
    }
  }
  return items;
}

std::string number_text(double value) {
  if (std::isnan(value)) return "NaN";
  if (std::isinf(value)) return value > 0 ? "∞" : "-∞";
  std::array<char, 64> buffer{};
  const double magnitude = std::fabs(value);
  if (magnitude == 0) return std::signbit(value) ? "-0" : "0";
  if (magnitude >= 1e-5 && magnitude < 1e15) {
    const auto end = std::to_chars(buffer.data(), buffer.data() + buffer.size(), value, std::chars_format::fixed);
    return {buffer.data(), end.ptr};
  }
  const auto end = std::to_chars(buffer.data(), buffer.data() + buffer.size(), value, std::chars_format::scientific);
  return text::replace_all(std::string(buffer.data(), end.ptr), "e", "E");
}

}  // namespace fairlead::domain::octostache
