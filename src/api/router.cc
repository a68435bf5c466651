// SPDX-License-Identifier: Apache-2.0
#include "api/router.h"

#include <algorithm>

#include "base/error.h"
#include "base/text.h"

namespace fairlead::api {

namespace {

bool is_parameter(std::string_view segment) {
  return segment.size() > 2 && segment.front() == '{' && segment.back() == '}';
}

bool is_space_id(std::string_view segment) {
  constexpr std::string_view kPrefix = "Spaces-";
  return text::starts_with_ignoring_case(segment, kPrefix) &&
         text::parse_int(segment.substr(kPrefix.size())).has_value();
}

std::vector<std::string> pattern_segments(std::string_view pattern) {
  std::vector<std::string> segments;
  for (std::string& part : text::split(pattern, '/')) {
    if (part.empty()) continue;
    segments.push_back(is_parameter(part) ? part : text::lower(part));
  }
  return segments;
}

}  // namespace

void Router::add(Endpoint endpoint) {
  Row row;
  row.segments = pattern_segments(endpoint.pattern);
  for (const std::string& segment : row.segments) row.literals += is_parameter(segment) ? 0 : 1;
  auto& bucket = rows_[{endpoint.scope, row.segments.size()}];
  const auto shape = [](const std::vector<std::string>& segments) {
    std::string out;
    for (const std::string& segment : segments) out += "/" + (is_parameter(segment) ? std::string("{}") : segment);
    return out;
  };
  for (const Row& other : bucket) {
    if (other.endpoint->method == endpoint.method && shape(other.segments) == shape(row.segments)) {
      throw Error(Fault::bug, text::format("two endpoints for {} {}", endpoint.method, endpoint.pattern));
    }
  }
  endpoints_.push_back(std::make_unique<Endpoint>(std::move(endpoint)));
  row.endpoint = endpoints_.back().get();
  // Earlier literals win, so "/releases/all" comes before "/releases/{id}" and before "/{what}/all".
  const auto before = [](const Row& a, const Row& b) {
    for (std::size_t i = 0; i < a.segments.size(); ++i) {
      const bool a_parameter = is_parameter(a.segments[i]);
      if (a_parameter != is_parameter(b.segments[i])) return !a_parameter;
    }
    return false;
  };
  bucket.insert(std::upper_bound(bucket.begin(), bucket.end(), row, before), row);
}

Router::Found Router::find(Scope scope, std::string_view method, const std::vector<std::string>& segments,
                           std::size_t from) const {
  Found found;
  const auto bucket = rows_.find({scope, segments.size() - from});
  if (bucket == rows_.end()) return found;
  for (const Row& row : bucket->second) {
    bool matches = true;
    for (std::size_t i = 0; i < row.segments.size() && matches; ++i) {
      matches = is_parameter(row.segments[i]) || text::equals_ignoring_case(row.segments[i], segments[from + i]);
    }
    if (!matches) continue;
    const bool head = method == "HEAD" && row.endpoint->method == "GET";
    if (row.endpoint->method == method || head) {
      found.row = &row;
      return found;
    }
    found.allowed.push_back(row.endpoint->method);
  }
  return found;
}

Router::Match Router::match(std::string_view method, std::string_view path) const {
  Match match;
  std::optional<std::vector<std::string>> decoded = net::path_segments(path);
  if (!decoded) return match;
  std::vector<std::string>& segments = *decoded;
  while (!segments.empty() && segments.back().empty()) segments.pop_back();  // "/api/" is "/api"

  const auto take = [&](Scope scope, std::size_t from, std::string space) {
    if (segments.size() < from) return false;
    const Found found = find(scope, method, segments, from);
    for (const std::string& allowed : found.allowed) match.allowed.push_back(allowed);
    if (found.row == nullptr) return false;
    match.endpoint = found.row->endpoint;
    match.allowed.clear();
    match.space = std::move(space);
    match.space_scoped = scope == Scope::space;
    for (std::size_t i = 0; i < found.row->segments.size(); ++i) {
      const std::string& segment = found.row->segments[i];
      if (is_parameter(segment)) match.parameters[segment.substr(1, segment.size() - 2)] = segments[from + i];
    }
    return true;
  };

  if (take(Scope::root, 0, {})) return match;
  if (segments.empty() || !text::equals_ignoring_case(segments[0], "api")) return match;
  if (take(Scope::system, 1, {})) return match;
  if (segments.size() >= 2 && is_space_id(segments[1])) {
    take(Scope::space, 2, segments[1]);
    return match;
  }
  if (segments.size() >= 3 && text::equals_ignoring_case(segments[1], "spaces") && take(Scope::space, 3, segments[2]))
    return match;
  take(Scope::space, 1, {});
  return match;
}

}  // namespace fairlead::api
