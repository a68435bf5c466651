// SPDX-License-Identifier: Apache-2.0
// From a net::Request to an endpoint and back: routing, authentication, authorisation, space, errors, metrics.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "api/router.h"
#include "net/http_server.h"

namespace fairlead::api {

// May this caller use this row? One function, also asked by the permission test over all rows.
bool may_call(const Endpoint& endpoint, const Caller& caller);

struct DispatchOptions {
  Authenticator authenticate;
  // The id of the space with that id or slug; "" asks for the default space. nullopt: there is none.
  std::function<std::optional<std::string>(std::string_view)> resolve_space;
  // WebSockets (the link of executors) and event streams, by path prefix; optional.
  std::function<std::optional<net::Response>(net::Request&&, std::shared_ptr<net::WebSocket>)> accept_link;
  std::string link_path;
  std::string link_subprotocol;
};

// Thread-safe once the router is filled.
class Dispatcher : public net::Handler {
 public:
  Dispatcher(const Router& router, DispatchOptions options);
  net::Route route(const net::RequestHead& head) override;
  net::Response handle(net::Request&& request) override;
  std::optional<net::Response> websocket(net::Request&& request, std::shared_ptr<net::WebSocket> socket) override;

 private:
  net::Response answer(const net::Request& request);
  Caller caller_of(const Endpoint& endpoint, const net::Request& request) const;
  const Router& router_;
  const DispatchOptions options_;
};

}  // namespace fairlead::api
