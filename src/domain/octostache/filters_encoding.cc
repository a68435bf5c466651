// SPDX-License-Identifier: Apache-2.0
// Base64 and digests.
#include "base/bytes.h"
#include "base/text.h"
#include "domain/octostache/digest.h"
#include "domain/octostache/filters.h"
#include "domain/octostache/syntax.h"

namespace fairlead::domain::octostache {

namespace {

bool is_utf8(std::string_view name) {
  return text::equals_ignoring_case(name, "utf8") || text::equals_ignoring_case(name, "utf-8");
}
bool is_utf16(std::string_view name) { return text::equals_ignoring_case(name, "unicode"); }

void append_unit(std::string& out, char32_t unit) {
  out += static_cast<char>(unit & 0xFF);
  out += static_cast<char>(unit >> 8);
}

// "Unicode" is UTF-16 with the low byte first.
std::string to_utf16(std::string_view text) {
  std::string out;
  for (std::size_t at = 0; at < text.size();) {
    const char32_t c = next_code_point(text, at);
    if (c >= 0x10000) {
      append_unit(out, 0xD800 + ((c - 0x10000) >> 10));
      append_unit(out, 0xDC00 + ((c - 0x10000) & 0x3FF));
    } else {
      append_unit(out, c);
    }
  }
  return out;
}

std::string from_utf16(std::string_view bytes) {
  const auto unit = [&](std::size_t at) {
    return static_cast<char32_t>(static_cast<unsigned char>(bytes[at])) |
           (static_cast<char32_t>(static_cast<unsigned char>(bytes[at + 1])) << 8);
  };
  std::string out;
  for (std::size_t at = 0; at + 1 < bytes.size(); at += 2) {
    char32_t c = unit(at);
    if (c >= 0xD800 && c < 0xDC00 && at + 3 < bytes.size() && unit(at + 2) >= 0xDC00 && unit(at + 2) < 0xE000) {
      c = 0x10000 + ((c - 0xD800) << 10) + (unit(at + 2) - 0xDC00);
      at += 2;
    } else if (c >= 0xD800 && c < 0xE000) {
      c = 0xFFFD;
    }
    append_utf8(out, c);
  }
  return out;
}

std::optional<std::string> to_base64(const FilterCall& call) {
  if (call.options.empty() || is_utf8(call.options[0])) return base64(*call.input);
  if (is_utf16(call.options[0])) return base64(to_utf16(*call.input));
  return std::nullopt;
}

std::optional<std::string> from_base64(const FilterCall& call) {
  const std::optional<std::string> bytes = parse_base64(*call.input);
  if (!bytes) return std::nullopt;
  if (call.options.empty() || is_utf8(call.options[0])) return text::is_valid_utf8(*bytes) ? bytes : std::nullopt;
  if (is_utf16(call.options[0])) return from_utf16(*bytes);
  return std::nullopt;
}

// Options in either order: how many bytes of the digest are kept, and what the input text stands for.
template <class Digest>
std::optional<std::string> digest(const FilterCall& call, Digest function) {
  std::optional<std::string> bytes(std::string(*call.input));
  std::optional<std::int64_t> size;
  bool has_encoding = false;
  for (const std::string& option : call.options) {
    if (const std::optional<std::int64_t> number = text::parse_int(option)) {
      if (*number <= 0 || size) return std::nullopt;
      size = number;
      continue;
    }
    if (has_encoding) return std::nullopt;
    has_encoding = true;
    if (is_utf16(option)) {
      bytes = to_utf16(*call.input);
    } else if (text::equals_ignoring_case(option, "base64")) {
      bytes = parse_base64(*call.input);
      if (!bytes) return std::nullopt;
    } else if (!is_utf8(option)) {
      return std::nullopt;
    }
  }
  std::string value = function(*bytes);
  if (size && static_cast<std::uint64_t>(*size) < value.size()) value.resize(static_cast<std::size_t>(*size));
  return hex(value);
}

}  // namespace

const std::vector<FilterRow>& encoding_filters() {
  using Input = FilterRow::Input;
  static const std::vector<FilterRow> rows{
      {"ToBase64", 0, 1, Input::required, to_base64},
      {"FromBase64", 0, 1, Input::required, from_base64},
      {"Md5", 0, 2, Input::required, [](const FilterCall& call) { return digest(call, md5); }},
      {"Sha1", 0, 2, Input::required, [](const FilterCall& call) { return digest(call, sha1); }},
      {"Sha256", 0, 2, Input::required, [](const FilterCall& call) { return digest(call, sha256); }},
      {"Sha384", 0, 2, Input::required, [](const FilterCall& call) { return digest(call, sha384); }},
      {"Sha512", 0, 2, Input::required, [](const FilterCall& call) { return digest(call, sha512); }},
  };
  return rows;
}

}  // namespace fairlead::domain::octostache
