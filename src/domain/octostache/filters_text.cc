// SPDX-License-Identifier: Apache-2.0
// Filters that cut, search and change text.
#include <re2/re2.h>

#include <algorithm>

#include "base/text.h"
#include "domain/octostache/filters.h"
#include "domain/octostache/syntax.h"

namespace fairlead::domain::octostache {

namespace {

constexpr std::size_t kMaxPatternBytes = 4096;
constexpr std::int64_t kPatternMemory = 4 << 20;

// Scripts whose upper and lower case letters lie at a fixed distance or alternate: Latin, Greek, Cyrillic.
char32_t to_case(char32_t c, bool upper) {
  struct Shift {
    char32_t first_upper, last_upper, distance;
  };
  constexpr Shift kShifts[] = {{'A', 'Z', 32},     {0xC0, 0xD6, 32},   {0xD8, 0xDE, 32},  {0x391, 0x3A1, 32},
                               {0x3A3, 0x3AB, 32}, {0x410, 0x42F, 32}, {0x400, 0x40F, 80}};
  for (const Shift& shift : kShifts) {
    if (!upper && c >= shift.first_upper && c <= shift.last_upper) return c + shift.distance;
    if (upper && c >= shift.first_upper + shift.distance && c <= shift.last_upper + shift.distance) {
      return c - shift.distance;
    }
  }
  const bool even_upper = (c >= 0x100 && c <= 0x12F) || (c >= 0x132 && c <= 0x137) || (c >= 0x14A && c <= 0x177);
  const bool odd_upper = (c >= 0x139 && c <= 0x148) || (c >= 0x179 && c <= 0x17E);
  if (even_upper) return upper ? c & ~char32_t{1} : c | char32_t{1};
  if (odd_upper) return upper ? (c % 2 == 0 ? c - 1 : c) : (c % 2 == 1 ? c + 1 : c);
  return c;
}

std::string change_case(std::string_view text, bool upper) {
  std::string out;
  out.reserve(text.size());
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t begin = at;
    const char32_t c = next_code_point(text, at);
    const char32_t changed = to_case(c, upper);
    if (changed == c) {
      out += text.substr(begin, at - begin);
    } else {
      append_utf8(out, changed);
    }
  }
  return out;
}

std::optional<std::string> to_lower(const FilterCall& call) { return change_case(*call.input, false); }
std::optional<std::string> to_upper(const FilterCall& call) { return change_case(*call.input, true); }

std::optional<std::string> trim(const FilterCall& call) {
  const bool any = call.options.empty();
  const bool start = any || text::equals_ignoring_case(call.options[0], "start");
  const bool end = any || text::equals_ignoring_case(call.options[0], "end");
  if (!start && !end) return std::nullopt;
  std::string_view text = *call.input;
  while (start && !text.empty()) {
    std::size_t at = 0;
    if (!is_white_space(next_code_point(text, at))) break;
    text.remove_prefix(at);
  }
  while (end && !text.empty()) {
    std::size_t at = text.size() - 1;
    while (at > 0 && (static_cast<unsigned char>(text[at]) & 0xC0) == 0x80) --at;
    std::size_t next = at;
    if (!is_white_space(next_code_point(text, next))) break;
    text = text.substr(0, at);
  }
  return std::string(text);
}

// Byte offsets of every UTF-16 unit boundary would be exact; code points differ only outside the BMP.
std::vector<std::size_t> character_offsets(std::string_view text) {
  std::vector<std::size_t> offsets;
  for (std::size_t at = 0; at < text.size();) {
    offsets.push_back(at);
    next_code_point(text, at);
  }
  offsets.push_back(text.size());
  return offsets;
}

std::optional<std::string> substring(const FilterCall& call) {
  const std::optional<std::int64_t> first = text::parse_int(call.options[0]);
  const std::optional<std::int64_t> second =
      call.options.size() == 2 ? text::parse_int(call.options[1]) : std::optional<std::int64_t>(0);
  if (!first || !second || *first < 0 || *second < 0) return std::nullopt;
  const auto start = static_cast<std::size_t>(call.options.size() == 2 ? *first : 0);
  const auto length = static_cast<std::size_t>(call.options.size() == 2 ? *second : *first);
  const std::vector<std::size_t> offsets = character_offsets(*call.input);
  const std::size_t count = offsets.size() - 1;
  if (start > count) return std::nullopt;
  const std::size_t end = start + std::min(length, count - start);
  return std::string(call.input->substr(offsets[start], offsets[end] - offsets[start]));
}

std::optional<std::string> truncate(const FilterCall& call) {
  const std::optional<std::int64_t> limit = text::parse_int(call.options[0]);
  if (!limit || *limit < 0) return std::nullopt;
  const std::vector<std::size_t> offsets = character_offsets(*call.input);
  if (offsets.size() - 1 <= static_cast<std::size_t>(*limit)) return std::string(*call.input);
  return std::string(call.input->substr(0, offsets[static_cast<std::size_t>(*limit)])) +
         (call.options.size() == 2 ? call.options[1] : "...");
}

// .NET writes named groups (?<name>...), this RE2 reads (?P<name>...).
std::string pattern_for_re2(std::string_view pattern) {
  std::string out;
  for (std::size_t at = 0; at < pattern.size(); ++at) {
    if (pattern[at] == '\\' && at + 1 < pattern.size()) {
      out += pattern[at++];
      out += pattern[at];
    } else if (pattern.substr(at).starts_with("(?<") && at + 3 < pattern.size() && pattern[at + 3] != '=' &&
               pattern[at + 3] != '!') {
      out += "(?P<";
      at += 2;
    } else {
      out += pattern[at];
    }
  }
  return out;
}

// Null when the pattern is invalid or outside what RE2 can do (look-around, back references).
std::unique_ptr<re2::RE2> compile(std::string_view pattern) {
  if (pattern.size() > kMaxPatternBytes) return nullptr;
  re2::RE2::Options options;
  options.set_log_errors(false);
  options.set_max_mem(kPatternMemory);
  auto compiled = std::make_unique<re2::RE2>(pattern_for_re2(pattern), options);
  return compiled->ok() ? std::move(compiled) : nullptr;
}

// $1, ${1}, ${name}, $&, $0 and $$ as in .NET; anything else after '$' stays as it is.
void expand(std::string& out, std::string_view replacement, const re2::RE2& pattern,
            const std::vector<re2::StringPiece>& groups) {
  for (std::size_t at = 0; at < replacement.size(); ++at) {
    if (replacement[at] != '$' || at + 1 == replacement.size()) {
      out += replacement[at];
      continue;
    }
    const std::string_view rest = replacement.substr(at + 1);
    if (rest[0] == '$' || rest[0] == '&') {
      if (rest[0] == '$') out += '$';
      if (rest[0] == '&') out.append(groups[0].data(), groups[0].size());
      ++at;
      continue;
    }
    std::string_view name;
    std::size_t used = 0;
    if (rest[0] == '{' && rest.find('}') != std::string_view::npos) {
      name = rest.substr(1, rest.find('}') - 1);
      used = name.size() + 2;
    } else {
      while (used < rest.size() && rest[used] >= '0' && rest[used] <= '9') ++used;
      name = rest.substr(0, used);
    }
    std::optional<std::int64_t> number = text::parse_int(name);
    if (!number) {
      const auto& names = pattern.NamedCapturingGroups();
      if (const auto found = names.find(std::string(name)); found != names.end()) number = found->second;
    }
    if (!number || *number < 0 || static_cast<std::size_t>(*number) >= groups.size()) {
      out += '$';
      continue;
    }
    const re2::StringPiece& group = groups[static_cast<std::size_t>(*number)];
    if (group.data() != nullptr) out.append(group.data(), group.size());
    at += used;
  }
}

std::optional<std::string> replace(const FilterCall& call) {
  const std::unique_ptr<re2::RE2> pattern = compile(call.options[0]);
  if (!pattern) return std::nullopt;
  const std::string_view replacement = call.options.size() == 2 ? std::string_view(call.options[1]) : "";
  const re2::StringPiece input(call.input->data(), call.input->size());
  std::vector<re2::StringPiece> groups(static_cast<std::size_t>(pattern->NumberOfCapturingGroups()) + 1);
  std::string out;
  std::size_t at = 0;
  while (at <= input.size() && pattern->Match(input, at, input.size(), re2::RE2::UNANCHORED, groups.data(),
                                              static_cast<int>(groups.size()))) {
    const auto begin = static_cast<std::size_t>(groups[0].data() - input.data());
    out += call.input->substr(at, begin - at);
    expand(out, replacement, *pattern, groups);
    if (out.size() > call.environment.limits.output_bytes) return std::nullopt;
    at = begin + groups[0].size();
    if (!groups[0].empty()) continue;
    // An empty match: one character is passed over, or the loop would never end.
    if (at >= input.size()) {
      return out;
    }
    std::size_t next = at;
    next_code_point(*call.input, next);
    out += call.input->substr(at, next - at);
    at = next;
  }
  if (at < input.size()) out += call.input->substr(at);
  return out;
}

std::string flag(bool value) { return value ? "true" : "false"; }

std::optional<std::string> match(const FilterCall& call) {
  const std::unique_ptr<re2::RE2> pattern = compile(call.options[0]);
  if (!pattern) return std::nullopt;
  return flag(re2::RE2::PartialMatch(re2::StringPiece(call.input->data(), call.input->size()), *pattern));
}

std::optional<std::string> starts_with(const FilterCall& call) {
  return flag(call.input->starts_with(call.options[0]));
}
std::optional<std::string> ends_with(const FilterCall& call) { return flag(call.input->ends_with(call.options[0])); }
std::optional<std::string> contains(const FilterCall& call) {
  return flag(call.input->find(call.options[0]) != std::string_view::npos);
}

std::optional<std::string> append(const FilterCall& call) {
  return std::string(call.input.value_or("")) + text::join(call.options, "");
}
std::optional<std::string> prepend(const FilterCall& call) {
  return text::join(call.options, "") + std::string(call.input.value_or(""));
}

bool is_count(std::string_view text) {
  return text.size() <= 3 && !text.empty() && text.find_first_not_of("0123456789") == std::string_view::npos;
}

// What stands before the first line and before the others.
std::pair<std::string, std::string> indents(const std::vector<std::string>& options) {
  constexpr std::int64_t kMaxIndent = 255;
  if (options.empty()) return {"    ", "    "};
  if (options.size() == 2) return {options[0], options[1]};
  const std::string& option = options[0];
  const std::size_t slash = option.find('/');
  const bool two = slash != std::string::npos;
  const std::string first = two ? option.substr(0, slash) : option;
  const std::string rest = two ? option.substr(slash + 1) : option;
  if (!is_count(rest) || !(is_count(first) || (two && first.empty()))) return {option, option};
  const std::int64_t first_count = first.empty() ? 0 : text::parse_int(first).value_or(0);
  const std::int64_t rest_count = text::parse_int(rest).value_or(0);
  if (first_count > kMaxIndent || rest_count > kMaxIndent) return {option, option};
  return {std::string(static_cast<std::size_t>(first_count), ' '),
          std::string(static_cast<std::size_t>(rest_count), ' ')};
}

std::optional<std::string> indent(const FilterCall& call) {
  if (call.input->empty()) return "";
  const auto [first, rest] = indents(call.options);
  return first + text::replace_all(std::string(*call.input), "\n", "\n" + rest);
}

}  // namespace

const std::vector<FilterRow>& text_filters() {
  using Input = FilterRow::Input;
  static const std::vector<FilterRow> rows{
      {"ToLower", 0, 0, Input::required, to_lower},
      {"ToUpper", 0, 0, Input::required, to_upper},
      {"Trim", 0, 1, Input::required, trim},
      {"Substring", 1, 2, Input::required, substring},
      {"Truncate", 1, 2, Input::required, truncate},
      {"Replace", 1, 2, Input::required, replace},
      {"Match", 1, 1, Input::required, match},
      {"StartsWith", 1, 1, Input::required, starts_with},
      {"EndsWith", 1, 1, Input::required, ends_with},
      {"Contains", 1, 1, Input::required, contains},
      {"Append", 1, kAnyCount, Input::allowed, append},
      {"Prepend", 1, kAnyCount, Input::allowed, prepend},
      {"Indent", 0, 2, Input::required, indent},
  };
  return rows;
}

}  // namespace fairlead::domain::octostache
