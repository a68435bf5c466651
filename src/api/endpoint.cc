// SPDX-License-Identifier: Apache-2.0
#include "api/endpoint.h"

#include "base/error.h"
#include "base/text.h"

namespace fairlead::api {

Context::Context(const net::Request& request, const Caller& caller, std::string space_id,
                 std::map<std::string, std::string> parameters)
    : request_(request), caller_(caller), space_id_(std::move(space_id)), parameters_(std::move(parameters)) {}

const std::string& Context::parameter(std::string_view name) const {
  const auto found = parameters_.find(std::string(name));
  if (found == parameters_.end()) throw Error(Fault::bug, text::format("the route has no parameter {}", name));
  return found->second;
}

std::optional<std::string> Context::query(std::string_view name) const {
  return net::query_value(request_.query, name);
}

std::vector<std::string> Context::query_list(std::string_view name) const {
  std::vector<std::string> all;
  for (const std::string& value : net::query_values(request_.query, name)) {
    for (std::string& part : text::split_list(value)) all.push_back(std::move(part));
  }
  return all;
}

std::int64_t Context::query_int(std::string_view name, std::int64_t otherwise, std::int64_t least,
                                std::int64_t most) const {
  const std::optional<std::string> value = query(name);
  if (!value || value->empty()) return otherwise;
  const std::optional<std::int64_t> number = text::parse_int(*value);
  if (!number || *number < least || *number > most) {
    throw invalid_at(std::string(name), text::format("must be a whole number from {} to {}, but is \"{}\"", least, most,
                                                     text::shorten(*value, 40)));
  }
  return *number;
}

bool Context::query_flag(std::string_view name) const {
  return text::parse_bool(query(name).value_or("false")).value_or(false);
}

const std::string& Context::body_text() const {
  if (text::trim(request_.body).empty()) throw invalid("The request has no body; send a JSON object.");
  return request_.body;
}

net::Response json_response(std::string body, int status) {
  net::Response response;
  response.status = status;
  response.content_type = "application/json; charset=utf-8";
  response.body = std::move(body);
  return response;
}

net::Response text_response(std::string body, std::string content_type) {
  net::Response response;
  response.content_type = std::move(content_type);
  response.body = std::move(body);
  return response;
}

}  // namespace fairlead::api
