// SPDX-License-Identifier: Apache-2.0
#include "executor/service_message.h"

#include <optional>

#include "base/bytes.h"
#include "base/text.h"

namespace fairlead::executor {
namespace {

constexpr std::string_view kStart = "##octopus[";

bool is_name(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
}

std::string_view take_name(std::string_view& rest) {
  std::size_t end = 0;
  while (end < rest.size() && is_name(rest[end])) ++end;
  const std::string_view name = rest.substr(0, end);
  rest.remove_prefix(end);
  return name;
}

void skip_spaces(std::string_view& rest) {
  while (!rest.empty() && (rest.front() == ' ' || rest.front() == '\t')) rest.remove_prefix(1);
}

// Parses what follows kStart; on success `rest` begins after the closing bracket.
std::optional<link::ServiceMessage> parse(std::string_view& rest) {
  std::string_view at = rest;
  link::ServiceMessage message;
  message.name = take_name(at);
  if (message.name.empty()) return std::nullopt;
  for (;;) {
    skip_spaces(at);
    if (at.empty()) return std::nullopt;
    if (at.front() == ']') break;
    const std::string_view key = take_name(at);
    if (key.empty() || at.size() < 2 || at[0] != '=' || at[1] != '\'') return std::nullopt;
    at.remove_prefix(2);
    const std::size_t quote = at.find('\'');
    if (quote == std::string_view::npos || message.attributes.size() >= kMaxMessageAttributes) return std::nullopt;
    const std::string_view value = at.substr(0, quote);
    message.attributes[std::string(key)] = parse_base64(value).value_or(std::string(value));
    at.remove_prefix(quote + 1);
  }
  rest = at.substr(1);
  return message;
}

}  // namespace

std::vector<LinePart> split_line(std::string_view line) {
  std::vector<LinePart> parts;
  std::string text;
  std::string_view rest = line;
  while (!rest.empty()) {
    const std::size_t start = rest.find(kStart);
    text += rest.substr(0, start);
    if (start == std::string_view::npos) break;
    rest.remove_prefix(start + kStart.size());
    if (std::optional<link::ServiceMessage> message = parse(rest)) {
      if (!text.empty()) parts.emplace_back(std::exchange(text, {}));
      parts.emplace_back(std::move(*message));
    } else {
      text += kStart;
    }
  }
  if (!text.empty() || parts.empty()) parts.emplace_back(std::move(text));
  return parts;
}

}  // namespace fairlead::executor
