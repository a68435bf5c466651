// SPDX-License-Identifier: Apache-2.0
// The HTTP/1.1 server (RFC 9110, 9112). One io thread owns all sockets and never blocks; handlers are ordinary blocking
// functions on two bounded pools of threads. A stranger can make it refuse, never grow without bound or stop.
//
//   accept -> head -> Handler::route (io) -> body -> Handler::handle / stream / websocket (worker) -> response (io)
//
// Answers of its own, all with a JSON body {"ErrorMessage": ...}: 400 malformed, 408 too slow, 413 body too large, 417
// unknown expectation, 431 head too large, 500 the handler threw, 501 unknown transfer coding, 503 + Retry-After
// overload, 505.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "net/http.h"
#include "net/websocket.h"

namespace fairlead::net {

struct HttpServerOptions {
  std::string address = "127.0.0.1";  // an IP address, or "localhost"
  std::uint16_t port = 0;             // 0: any free port
  std::string tls_certificate_file;   // PEM chain; empty: plain HTTP
  std::string tls_key_file;
  int tls_check_interval_ms = 1'000;  // changed files serve the connections that come after
  std::string unix_socket;            // also listens there (plain); a stale socket file is replaced
  unsigned unix_socket_mode = 0660;

  int workers = 32;
  int slow_workers = 8;
  std::size_t queue_limit = 1'024;  // requests waiting for a worker; beyond: 503
  std::size_t slow_queue_limit = 64;
  std::size_t max_connections = 10'000;  // beyond: 503 and close
  std::size_t max_head_bytes = 64 << 10;
  std::size_t max_header_fields = 200;
  std::uint64_t max_body_bytes = 20 << 20;
  std::size_t max_event_buffer_bytes = 1 << 20;  // per event stream
  WebSocketLimits websocket;

  int idle_timeout_ms = 75'000;  // between requests: closed silently
  int head_timeout_ms = 20'000;  // from the first byte of a request (or the TLS handshake) to the end of its head: 408
  int body_timeout_ms = 30'000;  // without progress of at least min_body_bytes_per_second over this span: 408
  std::size_t min_body_bytes_per_second = 128;
  int write_timeout_ms = 30'000;  // without progress: closed
  int heartbeat_ms = 15'000;      // comment line on silent event streams
  int stop_timeout_ms = 10'000;   // stop() waits this long for running requests
};

// Where a request goes.
enum class Lane {
  fast,       // Handler::handle on the workers
  slow,       // Handler::handle on the slow workers: rows that call outside
  upload,     // the body goes to a new file in Route::upload_folder, then Handler::handle on the slow workers
  stream,     // server-sent events: Handler::stream on the workers
  websocket,  // Handler::websocket on the workers; 426 when the request asks for no upgrade
};

struct Route {
  Lane lane = Lane::fast;
  std::uint64_t max_body_bytes = 0;  // 0: the server's
  std::string upload_folder;
  std::string subprotocol;         // websocket: the one that is offered back where the client names it
  std::optional<Response> answer;  // an answer at once, from the io thread, without reading the body
};

// The server's end of one server-sent-events response (WHATWG HTML, section 9.2). Thread-safe.
class EventStream {
 public:
  virtual ~EventStream() = default;
  // Queues text as it is (see event_text). False once closed or when the buffer is full: then the stream closes, and
  // the browser reconnects with its Last-Event-ID.
  virtual bool push(std::string_view text) = 0;
  // Sends what is queued and ends the response.
  virtual void close() = 0;
  virtual bool closed() const = 0;
  // Called once on the io thread when the stream has ended for any reason, at once where it already has. Must not
  // block.
  virtual void on_closed(std::function<void()> f) = 0;
};

// One event in the wire format. `data` may have several lines. Empty id and name are left out.
std::string event_text(std::string_view id, std::string_view name, std::string_view data);

class Handler {
 public:
  virtual ~Handler() = default;
  // On the io thread: must not block, must not throw. Look at path and method only.
  virtual Route route(const RequestHead& head) = 0;
  // On a worker; may block. An Error that escapes becomes its status (see status_of) with its message.
  virtual Response handle(Request&& request) = 0;
  // On a worker. A Response refuses (authentication); nullopt accepts, and 200 goes out at once. What was pushed before
  // is sent after the head. Defaults refuse with 404.
  virtual std::optional<Response> stream(Request&& request, std::shared_ptr<EventStream> events);
  // On a worker, before the upgrade: a Response refuses. Call set_handlers here; send() is allowed already.
  virtual std::optional<Response> websocket(Request&& request, std::shared_ptr<WebSocket> socket);
};

// The HTTP status of a fault: invalid 400, unauthenticated 401, forbidden 403, not_found 404, conflict 409, too_many
// 429, unavailable 503, timeout 504, cancelled 503, unsupported 501, bug 500.
int status_of(Fault fault);

class HttpServer {
 public:
  // `handler` must outlive the server. Loads the certificate; throws Error naming the file where it cannot.
  HttpServer(HttpServerOptions options, Handler& handler);
  ~HttpServer();  // stop()
  HttpServer(const HttpServer&) = delete;
  HttpServer& operator=(const HttpServer&) = delete;

  // Binds and starts the threads. Throws Error(unavailable) naming the address and the reason.
  void start();
  // The bound port, after start().
  std::uint16_t port() const;
  // "http://127.0.0.1:8080", after start().
  std::string url() const;
  // Stops accepting, finishes running requests within stop_timeout_ms, ends event streams, closes WebSockets with 1001,
  // joins. Handlers still running after that are waited for: they must end. Idempotent.
  void stop();
  // Open connections now.
  std::size_t connections() const;

 private:
  friend class HttpSession;
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace fairlead::net
