// SPDX-License-Identifier: Apache-2.0
#include "api/problem.h"

#include "base/text.h"
#include "json/type.h"
#include "net/http_server.h"

namespace fairlead::api {

namespace {

void append_member(std::string& out, std::string_view name, std::string_view value) {
  if (out.back() != '{') out += ',';
  json::append_string(out, name);
  out += ':';
  json::append_string(out, value);
}

// Places of an error that is not about the request's contents, where no member of their own would hold them.
std::string message_with_details(const Error& error) {
  std::string message = error.message();
  for (const ErrorDetail& detail : error.details())
    message += " " + (detail.where.empty() ? "" : detail.where + ": ") + detail.text;
  return message;
}

std::string detail_text(const ErrorDetail& detail) {
  return detail.where.empty() ? detail.text : detail.where + ": " + detail.text;
}

net::Response with_status(const Error& error, std::string body, std::string content_type) {
  net::Response response;
  response.status = net::status_of(error.fault());
  response.content_type = std::move(content_type);
  response.body = std::move(body);
  const bool overload = response.status == 503 || response.status == 429;
  const int retry_after = error.retry_after_seconds() != 0 ? error.retry_after_seconds() : overload ? 1 : 0;
  if (retry_after != 0) response.headers.set("Retry-After", text::format("{}", retry_after));
  if (response.status == 401) response.headers.set("WWW-Authenticate", "Bearer");
  return response;
}

}  // namespace

net::Response octopus_error(const Error& error) {
  std::string body = "{";
  const bool validation = error.fault() == Fault::invalid || error.fault() == Fault::conflict;
  append_member(body, "ErrorMessage",
                validation ? "There was a problem with your request." : message_with_details(error));
  // Only a request that can be mended by its sender carries Errors: a client that finds the member takes its texts for
  // the whole story, an empty list included, and looks at neither the status nor ErrorMessage. There is no Details:
  // clients disagree about its type, and one that cannot read it shows that instead of the error.
  if (validation) {
    body += ",\"Errors\":[";
    bool first = true;
    const auto add = [&](std::string_view text) {
      if (!first) body += ',';
      first = false;
      json::append_string(body, text);
    };
    if (error.details().empty()) add(error.message());
    for (const ErrorDetail& detail : error.details()) add(detail_text(detail));
    body += "]";
  }
  if (!error.help().empty()) append_member(body, "HelpText", error.help());
  if (validation) body += ",\"ParsedHelpLinks\":[]";
  body += "}";
  return with_status(error, std::move(body), "application/json; charset=utf-8");
}

net::Response problem_details(const Error& error) {
  std::string body = "{";
  append_member(body, "title", error.message());
  body += text::format(",\"status\":{}", net::status_of(error.fault()));
  append_member(body, "fault", name_of(error.fault()));
  if (!error.help().empty()) append_member(body, "help", error.help());
  body += ",\"errors\":[";
  for (const ErrorDetail& detail : error.details()) {
    if (&detail != &error.details().front()) body += ',';
    body += "{\"where\":";
    json::append_string(body, detail.where);
    body += ",\"text\":";
    json::append_string(body, detail.text);
    body += "}";
  }
  body += "]}";
  return with_status(error, std::move(body), "application/problem+json");
}

}  // namespace fairlead::api
