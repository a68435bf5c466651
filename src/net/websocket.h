// SPDX-License-Identifier: Apache-2.0
// WebSocket connections (RFC 6455), the same interface on both sides. Only binary messages: text is refused with 1003.
// No extension is negotiated. Pings go out every 15 s of silence; a peer silent for 45 s is dead and the socket closes.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "base/error.h"
#include "net/http.h"

namespace fairlead::net {

struct WebSocketLimits {
  std::size_t max_message_bytes = std::size_t{1} << 20;  // a bigger incoming message closes with 1009
  std::size_t max_queued_bytes = std::size_t{8} << 20;   // outgoing, not yet handed to the kernel
  int ping_interval_ms = 15'000;
  int dead_after_ms = 45'000;
  int close_timeout_ms = 5'000;  // wait for the peer's answer to our close
};

// Close codes in use (RFC 6455 section 7.4). lost is never sent: it reports a connection that ended without a close
// frame.
enum class CloseCode : std::uint16_t {
  normal = 1000,
  going_away = 1001,
  protocol_error = 1002,
  unsupported_data = 1003,
  lost = 1006,
  bad_data = 1007,
  policy = 1008,
  too_big = 1009,
  internal_error = 1011,
};

struct WebSocketHandlers {
  std::function<void(std::string message)> on_message;
  // Exactly once, last of all calls: the peer's code (or ours, when we closed first and it did not answer) and reason.
  // Where the socket has ended before set_handlers(), that calls it.
  std::function<void(std::uint16_t code, std::string reason)> on_close;
  // Optional: after a send() was refused, once the queue has fallen to half its limit.
  std::function<void()> on_drained;
};

// All members are thread-safe. Handlers run one at a time on the socket's io thread and must not block or throw (an
// exception closes with 1011). The connection lives until closed, whether or not anyone holds the pointer.
class WebSocket {
 public:
  virtual ~WebSocket() = default;
  // Nothing is read before this; call it once.
  virtual void set_handlers(WebSocketHandlers handlers) = 0;
  // Queues one binary message. False when it does not fit the queue's limit, is over the message limit, or the socket
  // closes.
  virtual bool send(std::string message) = 0;
  // Sends what is queued, then the close frame. Later calls do nothing. `reason` is cut to 123 bytes.
  virtual void close(CloseCode code, std::string reason) = 0;
  virtual bool open() const = 0;
  virtual std::size_t queued_bytes() const = 0;
  virtual const std::string& peer_address() const = 0;
  virtual const std::string& subprotocol() const = 0;  // the agreed one, or ""
};

struct DialOptions {
  std::string url;          // ws:// or wss://
  std::string unix_socket;  // path; connects there instead of to the URL's host
  Headers headers;          // e.g. Authorization
  std::string subprotocol;
  std::string proxy;    // "http://[user:password@]host:port", used with CONNECT; empty: none
  std::string ca_file;  // PEM; empty with ca_pem: the system's store
  std::string ca_pem;
  bool insecure = false;            // accepts any certificate
  bool allow_plain = false;         // ws:// to hosts other than loopback
  int connect_timeout_ms = 10'000;  // for all of it: name, TCP, proxy, TLS, upgrade
  WebSocketLimits limits;
};

// Either `socket`, or `error` and, where the server answered something else than 101, its status and the start of its
// body.
struct DialResult {
  std::shared_ptr<WebSocket> socket;
  std::optional<Error> error;
  int http_status = 0;
  std::string http_body;  // at most 4 KiB
};

// Client side. One thread ("ws-dialer") serves all its sockets; names are resolved on a second one, as that blocks.
// Thread-safe. The destructor closes every socket (their on_close runs) and joins.
class WebSocketDialer {
 public:
  WebSocketDialer();
  ~WebSocketDialer();
  WebSocketDialer(const WebSocketDialer&) = delete;
  WebSocketDialer& operator=(const WebSocketDialer&) = delete;
  // `done` is called exactly once, on the dialer's thread. It must not block.
  void dial(DialOptions options, std::function<void(DialResult)> done);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

// The caller's thread waits for dial(). Throws its error.
std::shared_ptr<WebSocket> dial_and_wait(WebSocketDialer& dialer, DialOptions options);

}  // namespace fairlead::net
