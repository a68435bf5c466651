// SPDX-License-Identifier: Apache-2.0
#include "api/dispatch.h"

#include "api/problem.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/log.h"
#include "base/metrics.h"
#include "base/text.h"

namespace fairlead::api {

namespace {

bool speaks_octopus(std::string_view path) { return text::starts_with_ignoring_case(path, "/api"); }

net::Response error_answer(const net::RequestHead& request, const Error& error) {
  return speaks_octopus(request.path) ? octopus_error(error) : problem_details(error);
}

Error no_route(const net::RequestHead& request, const Router::Match& match) {
  if (match.allowed.empty()) return not_found(text::format("The resource '{}' was not found.", request.path));
  return Error(Fault::invalid, text::format("The method {} is not supported for {}; use {}.", request.method,
                                            request.path, text::join(match.allowed, ", ")));
}

void require_permission(const Endpoint& endpoint, const Caller& caller) {
  if (may_call(endpoint, caller)) return;
  if (caller.anonymous()) {
    throw Error(Fault::unauthenticated,
                "You must be logged in to request this resource. Please provide a valid API key or log in.");
  }
  throw Error(Fault::forbidden,
              text::format("You do not have permission to perform this action. It needs the permission {}.",
                           endpoint.permission));
}

}  // namespace

bool may_call(const Endpoint& endpoint, const Caller& caller) {
  if (endpoint.permission == kAnonymous || caller.administrator) return true;
  return endpoint.permission == kSignedIn && !caller.anonymous();
}

Dispatcher::Dispatcher(const Router& router, DispatchOptions options) : router_(router), options_(std::move(options)) {}

net::Route Dispatcher::route(const net::RequestHead& head) {
  net::Route route;
  if (!options_.link_path.empty() && head.path == options_.link_path) {
    route.lane = net::Lane::websocket;
    route.subprotocol = options_.link_subprotocol;
    return route;
  }
  const Router::Match match = router_.match(head.method, head.path);
  if (match.endpoint != nullptr) {
    route.lane = match.endpoint->external ? net::Lane::slow : net::Lane::fast;
    route.max_body_bytes = match.endpoint->max_body_bytes;
  }
  return route;
}

net::Response Dispatcher::handle(net::Request&& request) {
  static metrics::Histogram& duration = metrics::histogram("fairlead_http_request_duration_seconds",
                                                           "Time from a worker taking a request to its answer.");
  const std::int64_t started = system_clock().steady_us();
  net::Response response = answer(request);
  duration.observe_us(system_clock().steady_us() - started);
  metrics::counter("fairlead_http_requests_total", "Answered HTTP requests.",
                   text::format("status=\"{}\"", response.status))
      .add();
  return response;
}

Caller Dispatcher::caller_of(const Endpoint& endpoint, const net::Request& request) const {
  try {
    return options_.authenticate(request);
  } catch (const Error& error) {
    // What anybody may see is not kept from those whose key is wrong: clients read the root documents before they sign
    // in.
    if (endpoint.permission != kAnonymous || error.fault() != Fault::unauthenticated) throw;
    return {};
  }
}

net::Response Dispatcher::answer(const net::Request& request) {
  try {
    const Router::Match match = router_.match(request.method, request.path);
    if (match.endpoint == nullptr) {
      net::Response response = error_answer(request, no_route(request, match));
      if (!match.allowed.empty()) {
        response.status = 405;
        response.headers.set("Allow", text::join(match.allowed, ", "));
      }
      return response;
    }
    const Caller caller = caller_of(*match.endpoint, request);
    require_permission(*match.endpoint, caller);
    std::string space;
    if (match.space_scoped) {
      std::optional<std::string> found = options_.resolve_space(match.space);
      if (!found) throw not_found(text::format("The resource '{}' was not found.", match.space));
      space = *std::move(found);
    }
    Context context(request, caller, std::move(space), match.parameters);
    return match.endpoint->handler(context);
  } catch (...) {
    const Error error = error_of(std::current_exception());
    if (error.fault() == Fault::bug) {
      log::error("a request failed", {{"method", request.method}, {"path", request.path}, {"error", error.text()}});
      return error_answer(request, Error(Fault::bug, "The server hit an unexpected problem; its log has the details."));
    }
    return error_answer(request, error);
  }
}

std::optional<net::Response> Dispatcher::websocket(net::Request&& request, std::shared_ptr<net::WebSocket> socket) {
  return options_.accept_link(std::move(request), std::move(socket));
}

}  // namespace fairlead::api
