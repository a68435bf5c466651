// SPDX-License-Identifier: Apache-2.0
// Filters that make text safe inside another format, and the parts of a URI.
#include <algorithm>
#include <iterator>

#include "base/text.h"
#include "domain/octostache/filters.h"
#include "domain/octostache/syntax.h"

namespace fairlead::domain::octostache {

namespace {

struct Pair {
  char from;
  std::string_view to;
};

template <std::size_t Count>
std::string map_characters(std::string_view text, const Pair (&pairs)[Count]) {
  std::string out;
  out.reserve(text.size() + text.size() / 8);
  for (const char c : text) {
    const auto* found =
        std::find_if(std::begin(pairs), std::end(pairs), [c](const Pair& pair) { return pair.from == c; });
    if (found == std::end(pairs)) {
      out += c;
    } else {
      out += found->to;
    }
  }
  return out;
}

std::optional<std::string> escape_html(const FilterCall& call) {
  static constexpr Pair kPairs[] = {{'&', "&amp;"},  {'<', "&lt;"},    {'>', "&gt;"},
                                    {'"', "&quot;"}, {'\'', "&apos;"}, {'/', "&#x2F;"}};
  return map_characters(*call.input, kPairs);
}

std::optional<std::string> escape_xml(const FilterCall& call) {
  static constexpr Pair kPairs[] = {{'&', "&amp;"}, {'<', "&lt;"}, {'>', "&gt;"}, {'"', "&quot;"}, {'\'', "&apos;"}};
  return map_characters(*call.input, kPairs);
}

std::optional<std::string> escape_json(const FilterCall& call) {
  static constexpr Pair kPairs[] = {{'"', "\\\""}, {'\\', "\\\\"}, {'\r', "\\r"}, {'\n', "\\n"}, {'\t', "\\t"}};
  return map_characters(*call.input, kPairs);
}

// Inside single quotes YAML folds a line break to a space and n + 1 of them to n.
std::optional<std::string> escape_yaml_single(const FilterCall& call) {
  std::string out;
  const std::string_view text = *call.input;
  for (std::size_t at = 0; at < text.size(); ++at) {
    const bool is_break = text[at] == '\r' || text[at] == '\n';
    const bool in_run = at > 0 && (text[at - 1] == '\r' || text[at - 1] == '\n');
    if (is_break && !in_run) out += text[at] == '\r' ? "\r\n" : "\n";
    if (text[at] == '\'') out += '\'';
    out += text[at];
  }
  return out;
}

// Every UTF-16 unit of the code point as \uXXXX.
void append_unicode_escape(std::string& out, char32_t c) {
  if (c >= 0x10000) {
    const char32_t rest = c - 0x10000;
    out += text::format("\\u{:04x}\\u{:04x}", static_cast<unsigned>(0xD800 + (rest >> 10)),
                        static_cast<unsigned>(0xDC00 + (rest & 0x3FF)));
  } else {
    out += text::format("\\u{:04x}", static_cast<unsigned>(c));
  }
}

std::optional<std::string> escape_yaml_double(const FilterCall& call) {
  std::string out;
  for (std::size_t at = 0; at < call.input->size();) {
    const char32_t c = next_code_point(*call.input, at);
    if (c == '\r') {
      out += "\\r";
    } else if (c == '\n') {
      out += "\\n";
    } else if (c == '\t') {
      out += "\\t";
    } else if (c == '\\' || c == '"') {
      out += '\\';
      out += static_cast<char>(c);
    } else if (c >= 0x20 && c < 0x7F) {
      out += static_cast<char>(c);
    } else {
      append_unicode_escape(out, c);
    }
  }
  return out;
}

std::string properties(std::string_view text, bool key) {
  std::string out;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t begin = at;
    const char32_t c = next_code_point(text, at);
    if (c == '\\') {
      out += "\\\\";
    } else if (c == '\r') {
      out += "\\r";
    } else if (c == '\n') {
      out += "\\n";
    } else if (c == '\t') {
      out += "\\t";
    } else if ((c == ' ' && (key || begin == 0)) || (key && (c == ':' || c == '='))) {
      out += '\\';
      out += static_cast<char>(c);
    } else if (c >= 0xFF) {
      append_unicode_escape(out, c);
    } else {
      out += text.substr(begin, at - begin);
    }
  }
  return out;
}

std::optional<std::string> escape_properties_key(const FilterCall& call) { return properties(*call.input, true); }
std::optional<std::string> escape_properties_value(const FilterCall& call) { return properties(*call.input, false); }

std::string percent_escape(std::string_view text, std::string_view kept) {
  std::string out;
  for (const char c : text) {
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
    if (plain || kept.find(c) != std::string_view::npos) {
      out += c;
    } else {
      out += text::format("%{:02X}", static_cast<unsigned>(static_cast<unsigned char>(c)));
    }
  }
  return out;
}

// RFC 3986: unreserved characters; the whole-URI form keeps the reserved ones as well.
std::optional<std::string> escape_uri(const FilterCall& call) {
  return percent_escape(*call.input, "-_.~:/?#[]@!$&'()*+,;=");
}
std::optional<std::string> escape_uri_data(const FilterCall& call) { return percent_escape(*call.input, "-_.~"); }

}  // namespace

std::optional<std::string> uri_part(const FilterCall& call);  // uri_part.cc

const std::vector<FilterRow>& escape_filters() {
  using Input = FilterRow::Input;
  static const std::vector<FilterRow> rows{
      {"HtmlEscape", 0, 0, Input::required, escape_html},
      {"XmlEscape", 0, 0, Input::required, escape_xml},
      {"JsonEscape", 0, 0, Input::required, escape_json},
      {"YamlSingleQuoteEscape", 0, 0, Input::required, escape_yaml_single},
      {"YamlDoubleQuoteEscape", 0, 0, Input::required, escape_yaml_double},
      {"PropertiesKeyEscape", 0, 0, Input::required, escape_properties_key},
      {"PropertiesValueEscape", 0, 0, Input::required, escape_properties_value},
      {"UriEscape", 0, 0, Input::required, escape_uri},
      {"UriDataEscape", 0, 0, Input::required, escape_uri_data},
      {"UriPart", 0, kAnyCount, Input::required, uri_part},
  };
  return rows;
}

}  // namespace fairlead::domain::octostache
