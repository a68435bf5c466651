// SPDX-License-Identifier: Apache-2.0
#include "domain/name_rules.h"

#include "base/error.h"
#include "base/text.h"

namespace fairlead::domain {

namespace {

std::size_t characters_in(std::string_view utf8) {
  std::size_t count = 0;
  for (const char c : utf8) {
    if ((static_cast<unsigned char>(c) & 0xC0) != 0x80) ++count;
  }
  return count;
}

std::string_view first_characters(std::string_view utf8, std::size_t limit) {
  std::size_t count = 0;
  for (std::size_t at = 0; at < utf8.size(); ++at) {
    if ((static_cast<unsigned char>(utf8[at]) & 0xC0) == 0x80) continue;
    if (count++ == limit) return utf8.substr(0, at);
  }
  return utf8;
}

std::string_view trim_any(std::string_view text, std::string_view characters) {
  const std::size_t first = text.find_first_not_of(characters);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(characters) - first + 1);
}

}  // namespace

std::optional<std::string> name_problem(std::string_view name, const NameLimits& limits) {
  if (text::trim(name).empty()) return "A name is required; give at least one character that is not white space.";
  if (!text::is_valid_utf8(name)) return "The name is not valid UTF-8; send it in that encoding.";
  if (text::trim(name).size() != name.size()) return "The name begins or ends with white space; remove it.";
  const std::size_t length = characters_in(name);
  if (length > limits.characters) {
    return text::format("The name has {} characters; at most {} are allowed.", length, limits.characters);
  }
  for (const char c : name) {
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7F) {
      return "The name contains a control character such as a line break or a tab; remove it.";
    }
  }
  return std::nullopt;
}

void require_name(std::string_view name, std::string_view where, const NameLimits& limits) {
  if (auto problem = name_problem(name, limits)) throw invalid_at(std::string(where), *problem);
}

bool is_slug(std::string_view text) {
  if (text.empty() || text.size() > kMaxSlugBytes || text.front() == '-' || text.back() == '-') return false;
  char before = '\0';
  for (const char c : text) {
    const bool word = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
    if (!word && (c != '-' || before == '-')) return false;
    before = c;
  }
  return true;
}

std::optional<std::string> slug_problem(std::string_view text) {
  if (is_slug(text)) return std::nullopt;
  if (text.size() > kMaxSlugBytes) {
    return text::format("The slug has {} characters; at most {} are allowed.", text.size(), kMaxSlugBytes);
  }
  return text::format(
      "The slug \"{}\" is not valid; use lower-case letters and digits, with single hyphens between them.",
      text::shorten(text, 60));
}

std::string unique_slug(std::string_view name, const std::function<bool(std::string_view)>& taken) {
  constexpr std::size_t kSuffixBytes = 10;
  std::string base = text::slug(name).substr(0, kMaxSlugBytes - kSuffixBytes);
  while (base.back() == '-') base.pop_back();
  std::string candidate = base;
  for (std::size_t number = 1; taken(candidate); ++number) candidate = text::format("{}-{}", base, number);
  return candidate;
}

std::string ephemeral_environment_name(std::string_view evaluated) {
  std::string name(text::trim(evaluated));
  for (char& c : name) {
    if (std::string_view("<>:\"/\\|?*{}").find(c) != std::string_view::npos) c = '-';
  }
  const std::string_view trimmed = trim_any(name, "-_");
  // Trimmed again: the cut may have made a hyphen the last character.
  const std::string_view result = trim_any(first_characters(trimmed, kMaxEphemeralNameCharacters), "-_ ");
  if (result.empty()) {
    throw invalid(text::format("The name template of the ephemeral environment gave \"{}\", of which nothing is left.",
                               text::shorten(evaluated, 60)))
        .with_help("Let the template contain at least one letter or digit.");
  }
  return std::string(result);
}

}  // namespace fairlead::domain
