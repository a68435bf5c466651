// SPDX-License-Identifier: Apache-2.0
// An endpoint is a row: method, route, permission, summary, handler. Router, dispatch, OpenAPI, the root documents'
// links and the authorisation test all read the same rows.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "api/caller.h"
#include "json/type.h"
#include "net/http.h"

namespace fairlead::api {

// Under which prefixes a route is served.
enum class Scope {
  root,    // exactly as written: "/healthz", "/ui/v1/..."
  system,  // below /api
  space,   // below /api/{Spaces-n}, /api/spaces/{id or slug} and /api (the default space)
};

class Context;
using HandlerFunction = std::function<net::Response(Context&)>;

// Permissions that are not Octopus's: see may_call in api/dispatch.cc.
inline constexpr std::string_view kAnonymous = "(anonymous)";  // anyone, signed in or not
inline constexpr std::string_view kSignedIn = "(signed in)";   // any user

struct Endpoint {
  std::string method;
  Scope scope = Scope::space;
  std::string pattern;     // "/projects/{id}/releases/{version}"; literals match without case
  std::string permission;  // Octopus's name ("ProjectView"), kAnonymous or kSignedIn
  std::string summary;     // one sentence for the API description
  HandlerFunction handler;
  bool external = false;             // calls outside (feeds, Git, clusters): runs on the slow workers
  std::uint64_t max_body_bytes = 0;  // 0: the server's limit
};

// One request on its way through a handler. Lives on the worker's stack.
class Context {
 public:
  Context(const net::Request& request, const Caller& caller, std::string space_id,
          std::map<std::string, std::string> parameters);

  const net::Request& request() const { return request_; }
  const Caller& caller() const { return caller_; }
  const std::string& space_id() const { return space_id_; }  // empty for system routes

  // A {parameter} of the route, decoded; naming one that the route lacks is a bug.
  const std::string& parameter(std::string_view name) const;
  // Query parameters, names without case.
  std::optional<std::string> query(std::string_view name) const;
  std::vector<std::string> query_list(std::string_view name) const;  // repeated and comma-separated values in one list
  // Throws Error(invalid) when it is there and not a whole number in the range.
  std::int64_t query_int(std::string_view name, std::int64_t otherwise, std::int64_t least, std::int64_t most) const;
  bool query_flag(std::string_view name) const;

  // The body by its type table; required fields are checked.
  template <class T>
  T body() const {
    T object = json::decode<T>(body_text());
    json::check_required(type_of(json::Tag<T>{}), &object);
    return object;
  }
  // The body's text; Error(invalid) when it is empty.
  const std::string& body_text() const;

 private:
  const net::Request& request_;
  const Caller& caller_;
  const std::string space_id_;
  const std::map<std::string, std::string> parameters_;
};

net::Response json_response(std::string body, int status = 200);
inline net::Response created(std::string body) { return json_response(std::move(body), 201); }
net::Response text_response(std::string body, std::string content_type = "text/plain; charset=utf-8");

}  // namespace fairlead::api
