// SPDX-License-Identifier: Apache-2.0
#include "domain/version.h"

#include <algorithm>
#include <charconv>
#include <ctime>
#include <vector>

#include "base/error.h"
#include "domain/octostache/template.h"

namespace fairlead::domain {

namespace {

bool is_digit(char c) { return c >= '0' && c <= '9'; }

bool is_identifier_character(char c) {
  return is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '-' || c == '.' || c == '_' ||
         c == '\\';
}

// The number at the start of `rest`, which is shortened by it; nullopt when there is none or it has over 64 bits.
std::optional<std::uint64_t> take_number(std::string_view& rest) {
  std::uint64_t value = 0;
  const auto end = std::from_chars(rest.data(), rest.data() + rest.size(), value);
  if (rest.empty() || !is_digit(rest.front()) || end.ec != std::errc{}) return std::nullopt;
  rest.remove_prefix(static_cast<std::size_t>(end.ptr - rest.data()));
  return value;
}

bool all_digits(std::string_view text) { return !text.empty() && std::all_of(text.begin(), text.end(), is_digit); }

// Digits of any length as numbers: without leading zeros the longer one is greater.
std::strong_ordering compare_digits(std::string_view a, std::string_view b) {
  a.remove_prefix(std::min(a.find_first_not_of('0'), a.size()));
  b.remove_prefix(std::min(b.find_first_not_of('0'), b.size()));
  if (a.size() != b.size()) return a.size() <=> b.size();
  return a <=> b;
}

std::strong_ordering compare_pre_release(std::string_view a, std::string_view b) {
  if (a.empty() || b.empty()) return a.empty() <=> b.empty();  // a release is above its pre-releases
  const std::vector<std::string> left = text::split(a, '.');
  const std::vector<std::string> right = text::split(b, '.');
  for (std::size_t i = 0; i < std::min(left.size(), right.size()); ++i) {
    const bool left_number = all_digits(left[i]);
    const bool right_number = all_digits(right[i]);
    if (left_number != right_number) return left_number ? std::strong_ordering::less : std::strong_ordering::greater;
    const std::strong_ordering order =
        left_number ? compare_digits(left[i], right[i]) : text::lower(left[i]) <=> text::lower(right[i]);
    if (order != 0) return order;
  }
  return left.size() <=> right.size();
}

// What is wrong with a text that is no version.
std::string version_problem(std::string_view text) {
  const std::string_view trimmed = text::trim(text);
  if (trimmed.empty()) return "A version number is required.";
  if (trimmed.size() > kMaxVersionBytes) {
    return text::format("The version number has {} characters; at most {} are allowed.", trimmed.size(),
                        kMaxVersionBytes);
  }
  std::string_view rest = trimmed;
  if (rest.front() == 'v' || rest.front() == 'V') rest.remove_prefix(1);
  if (rest.empty() || !is_digit(rest.front())) {
    return text::format("\"{}\" is not a version number: it must begin with a number, as 1.2.3 does.",
                        text::shorten(trimmed, 60));
  }
  return text::format(
      "\"{}\" is not a version number: write one to four numbers with dots, then optionally a pre-release such as "
      "-beta.1 and metadata such as +build.5.",
      text::shorten(trimmed, 60));
}

struct Mask {
  enum class Kind { number, increment, keep } kind = Kind::number;
  std::string text;
};

// The dotted parts of the numbers and the rest with its separator ("-beta").
std::pair<std::vector<Mask>, std::string> parse_mask(std::string_view masked) {
  const std::size_t end = std::min(masked.find_first_of("-+_"), masked.size());
  std::vector<Mask> parts;
  for (const std::string& part : text::split(masked.substr(0, end), '.')) {
    Mask& mask = parts.emplace_back();
    mask.text = part;
    if (part == "i") mask.kind = Mask::Kind::increment;
    if (part == "c") mask.kind = Mask::Kind::keep;
  }
  return {std::move(parts), std::string(masked.substr(end))};
}

void add_version_parts(octostache::VariableSet& variables, std::string_view prefix,
                       const std::optional<std::string>& text) {
  const Version last = text ? parse_version(*text).value_or(Version{}) : Version{};
  struct Part {
    std::string_view name;
    std::uint64_t value;
  };
  const Part parts[] = {{"Major", last.numbers[0]},
                        {"Minor", last.numbers[1]},
                        {"Patch", last.numbers[2]},
                        {"Build", last.numbers[2]},
                        {"Revision", last.numbers[3]}};
  for (const Part& part : parts) {
    variables.set(text::format("{}.Last{}", prefix, part.name), std::to_string(part.value));
    variables.set(text::format("{}.Next{}", prefix, part.name), std::to_string(part.value + 1));
  }
  const std::string suffix = last.pre_release.empty() ? "" : "-" + last.pre_release;
  variables.set(text::format("{}.LastSuffix", prefix), suffix);
  // The counter at the end of the suffix goes up: "-beta.4" is followed by "-beta.5".
  std::size_t digits = suffix.size();
  while (digits > 0 && is_digit(suffix[digits - 1])) --digits;
  std::string next = suffix;
  if (digits < suffix.size()) {
    std::string_view counter = std::string_view(suffix).substr(digits);
    if (const auto number = take_number(counter)) next = suffix.substr(0, digits) + std::to_string(*number + 1);
  }
  variables.set(text::format("{}.NextSuffix", prefix), next);
}

}  // namespace

std::string Version::pre_release_prefix() const { return pre_release.substr(0, pre_release.find_first_of(".-_")); }

std::string Version::pre_release_counter() const {
  const std::size_t separator = pre_release.find_first_of(".-_");
  return separator == std::string::npos ? "" : pre_release.substr(separator + 1);
}

std::optional<Version> parse_version(std::string_view text) {
  std::string_view rest = text::trim(text);
  if (rest.empty() || rest.size() > kMaxVersionBytes) return std::nullopt;
  Version version;
  version.text = rest;
  if (rest.front() == 'v' || rest.front() == 'V') {
    version.leading_v = true;
    rest.remove_prefix(1);
  }
  for (;;) {
    const std::optional<std::uint64_t> number = take_number(rest);
    if (!number) return std::nullopt;
    version.numbers[static_cast<std::size_t>(version.count++)] = *number;
    if (version.count == 4 || rest.size() < 2 || rest[0] != '.' || !is_digit(rest[1])) break;
    rest.remove_prefix(1);
  }
  if (const std::size_t plus = rest.find('+'); plus != std::string_view::npos) {
    version.metadata = rest.substr(plus + 1);
    rest = rest.substr(0, plus);
    if (version.metadata.empty()) return std::nullopt;
  }
  const bool separated = !rest.empty() && std::string_view("-._\\").find(rest.front()) != std::string_view::npos;
  version.pre_release = separated ? rest.substr(1) : rest;
  if (separated && version.pre_release.empty()) return std::nullopt;
  const auto allowed = [](std::string_view part) {
    return std::all_of(part.begin(), part.end(), is_identifier_character);
  };
  if (!allowed(version.pre_release) || !allowed(version.metadata)) return std::nullopt;
  return version;
}

Version require_version(std::string_view text, std::string_view where) {
  if (std::optional<Version> version = parse_version(text)) return std::move(*version);
  throw invalid_at(std::string(where), version_problem(text));
}

std::strong_ordering compare(const Version& a, const Version& b) {
  if (const auto order = a.numbers <=> b.numbers; order != 0) return order;
  if (const auto order = compare_pre_release(a.pre_release, b.pre_release); order != 0) return order;
  return text::lower(a.metadata) <=> text::lower(b.metadata);
}

bool same_version(std::string_view a, std::string_view b) {
  const std::optional<Version> left = parse_version(a);
  const std::optional<Version> right = parse_version(b);
  if (!left || !right) return text::equals_ignoring_case(text::trim(a), text::trim(b));
  return compare(*left, *right) == 0;
}

void add_numbering_variables(octostache::VariableSet& variables, const NumberingFacts& facts) {
  add_version_parts(variables, "Octopus.Version", facts.last);
  add_version_parts(variables, "Octopus.Version.Channel", facts.last_in_channel);
  for (const auto& [channel, last] : facts.last_by_channel) {
    add_version_parts(variables, text::format("Octopus.Version.Channel[{}]", channel), last);
  }
  const std::time_t seconds = (facts.now.us + facts.utc_offset_minutes * kMinute) / kSecond;
  std::tm local{};
  gmtime_r(&seconds, &local);
  variables.set("Octopus.Date.Day", std::to_string(local.tm_mday));
  variables.set("Octopus.Date.Month", std::to_string(local.tm_mon + 1));
  variables.set("Octopus.Date.Year", std::to_string(local.tm_year + 1900));
  variables.set("Octopus.Date.DayOfYear", std::to_string(local.tm_yday + 1));
  variables.set("Octopus.Time.Hour", std::to_string(local.tm_hour));
  variables.set("Octopus.Time.Minute", std::to_string(local.tm_min));
  variables.set("Octopus.Time.Second", std::to_string(local.tm_sec));
  variables.set("Octopus.Release.Channel.Name", facts.channel_name);
}

bool is_masked(std::string_view text) {
  const auto [parts, rest] = parse_mask(text::trim(text));
  return std::any_of(parts.begin(), parts.end(), [](const Mask& mask) { return mask.kind != Mask::Kind::number; });
}

std::string apply_mask(std::string_view masked, const std::optional<std::string>& last) {
  const auto [parts, rest] = parse_mask(text::trim(masked));
  const std::optional<Version> previous = last ? parse_version(*last) : std::nullopt;
  // While everything on the left equals the last version, its numbers count on; after a difference they restart.
  bool same_so_far = previous.has_value();
  std::string out;
  for (std::size_t i = 0; i < parts.size(); ++i) {
    const std::uint64_t before = same_so_far && i < 4 ? previous->numbers[i] : 0;
    if (i > 0) out += '.';
    switch (parts[i].kind) {
      case Mask::Kind::increment:
        out += std::to_string(same_so_far ? before + 1 : 0);
        same_so_far = false;
        break;
      case Mask::Kind::keep: out += std::to_string(before); break;
      case Mask::Kind::number:
        out += parts[i].text;
        same_so_far = same_so_far && i < 4 && text::parse_int(parts[i].text) == static_cast<std::int64_t>(before);
        break;
    }
  }
  return out + rest;
}

std::string next_version(std::string_view version_template, const NumberingFacts& facts,
                         const octostache::VariableSet* variables) {
  octostache::VariableSet set(variables);
  add_numbering_variables(set, facts);
  const std::string_view source = text::trim(version_template).empty() ? kDefaultVersionTemplate : version_template;
  octostache::EvaluateOptions options;
  options.now = facts.now;
  options.utc_offset_minutes = facts.utc_offset_minutes;
  const octostache::Evaluation result = octostache::evaluate(source, set, options);
  if (!result.ok()) {
    throw invalid(text::format("The version template \"{}\" cannot be evaluated: {}", text::shorten(source, 200),
                               result.missing.empty() ? result.error_text() : result.missing.front().reason))
        .at("VersioningStrategy.Template", result.error_text())
        .with_help("Correct the template in the project's release versioning settings, or give a version number.");
  }
  std::string number(text::trim(result.text));
  if (is_masked(number)) {
    const bool by_channel = source.find("Octopus.Version.Channel") != std::string_view::npos;
    number = apply_mask(number, by_channel && facts.last_in_channel ? facts.last_in_channel : facts.last);
  }
  if (!parse_version(number)) {
    throw invalid(text::format("The version template \"{}\" gave \"{}\", which is not a version number.",
                               text::shorten(source, 200), text::shorten(number, 60)))
        .at("VersioningStrategy.Template", version_problem(number));
  }
  return number;
}

}  // namespace fairlead::domain
