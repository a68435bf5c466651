// SPDX-License-Identifier: Apache-2.0
#include "domain/version_rule.h"

#include <re2/re2.h>

#include "base/error.h"
#include "base/text.h"

namespace fairlead::domain {

namespace {

constexpr std::int64_t kMaxExpressionMemory = 1 << 20;

Error range_error(std::string_view text, std::string_view why) {
  return invalid(text::format("The version range \"{}\" is not valid: {}. Write it like [1.0,2.0) or 1.0.",
                              text::shorten(text, 100), why));
}

std::optional<Version> bound(std::string_view text, std::string_view part) {
  part = text::trim(part);
  if (part.empty()) return std::nullopt;
  std::optional<Version> version = parse_version(part);
  if (!version) throw range_error(text, text::format("\"{}\" is no version", part));
  return version;
}

std::unique_ptr<re2::RE2> compiled(std::string_view expression) {
  re2::RE2::Options options;
  options.set_log_errors(false);
  options.set_max_mem(kMaxExpressionMemory);
  return std::make_unique<re2::RE2>(re2::StringPiece(expression.data(), expression.size()), options);
}

std::string tag_of(const Version& version) {
  return version.metadata.empty() ? version.pre_release : version.pre_release + "+" + version.metadata;
}

}  // namespace

VersionRange VersionRange::parse(std::string_view text) {
  VersionRange range;
  if (text.size() > kMaxBytes) throw range_error(text, "it is too long");
  std::string_view rest = text::trim(text);
  while (!rest.empty()) {
    Interval interval;
    if (rest.front() != '[' && rest.front() != '(') {
      // A single version: that one or any later.
      if (!range.intervals_.empty()) throw range_error(text, "after an interval only another one may follow");
      interval.low = bound(text, rest);
      interval.with_low = true;
      range.intervals_.push_back(std::move(interval));
      return range;
    }
    const std::size_t end = rest.find_first_of("])");
    if (end == std::string_view::npos) throw range_error(text, "an interval does not end");
    interval.with_low = rest.front() == '[';
    interval.with_high = rest[end] == ']';
    const std::string_view inside = rest.substr(1, end - 1);
    const std::size_t comma = inside.find(',');
    interval.low = bound(text, inside.substr(0, comma));
    interval.high = comma == std::string_view::npos ? interval.low : bound(text, inside.substr(comma + 1));
    const bool exact = comma == std::string_view::npos;
    if (exact && !(interval.low && interval.with_low && interval.with_high))
      throw range_error(text, "one version stands in [ ]");
    if (interval.low && interval.high && compare(*interval.low, *interval.high) > 0)
      throw range_error(text, "it ends before it begins");
    range.intervals_.push_back(std::move(interval));
    rest = text::trim(rest.substr(end + 1));
    if (rest.empty()) break;
    if (rest.front() != ',') throw range_error(text, "intervals are separated by commas");
    rest = text::trim(rest.substr(1));
    if (rest.empty()) throw range_error(text, "nothing follows the last comma");
  }
  return range;
}

bool VersionRange::contains(const Version& version) const {
  if (intervals_.empty()) return true;
  for (const Interval& interval : intervals_) {
    if (interval.low) {
      const auto order = compare(version, *interval.low);
      if (order < 0 || (order == 0 && !interval.with_low)) continue;
    }
    if (interval.high) {
      const auto order = compare(version, *interval.high);
      if (order > 0 || (order == 0 && !interval.with_high)) continue;
    }
    return true;
  }
  return false;
}

std::optional<std::string> problem_of(const VersionRule& rule) {
  try {
    VersionRange::parse(rule.range);
  } catch (const Error& error) {
    return error.message();
  }
  if (rule.tag.empty()) return std::nullopt;
  const std::unique_ptr<re2::RE2> expression = compiled(rule.tag);
  if (expression->ok()) return std::nullopt;
  return text::format("The pre-release expression \"{}\" is not valid: {}.", text::shorten(rule.tag, 100),
                      expression->error());
}

std::optional<std::string> refusal_of(const VersionRule& rule, std::string_view text) {
  const Version version = require_version(text, "Version");
  if (!VersionRange::parse(rule.range).contains(version)) {
    return text::format("the version {} is not in the range {}", version.text, rule.range);
  }
  if (rule.tag.empty()) return std::nullopt;
  const std::unique_ptr<re2::RE2> expression = compiled(rule.tag);
  if (!expression->ok()) throw invalid(*problem_of(rule));
  const std::string tag = tag_of(version);
  if (re2::RE2::PartialMatch(tag, *expression)) return std::nullopt;
  return text::format("the pre-release part \"{}\" of the version {} does not match {}", tag, version.text, rule.tag);
}

}  // namespace fairlead::domain
