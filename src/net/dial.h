// SPDX-License-Identifier: Apache-2.0
// The steps of opening a client WebSocket: resolve, connect, CONNECT through a proxy, TLS, upgrade. Io thread only.
#pragma once

#include <sys/socket.h>

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/worker_pool.h"
#include "net/asio.h"
#include "net/connection.h"
#include "net/websocket.h"

namespace fairlead::net {

struct Endpoint {
  sockaddr_storage storage = {};
  socklen_t size = 0;
};

// What the steps need of the dialer.
struct DialContext {
  asio::io_context& io;
  WorkerPool& resolver;
  // Called with each connection that is made, so that the dialer can watch its deadline and abort it.
  std::function<void(const std::shared_ptr<Connection>&)> adopt;
};

struct OpenedSocket {
  std::shared_ptr<Connection> connection;
  std::string received;  // bytes behind the handshake
  std::string subprotocol;
};

// The server answered, but not with 101.
struct UpgradeRefused {
  int status;
  std::string body;
};

// Opens the connection up to and including the upgrade. Throws Error or UpgradeRefused.
asio::awaitable<OpenedSocket> open_socket(DialContext context, const DialOptions& options);

}  // namespace fairlead::net
