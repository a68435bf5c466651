// SPDX-License-Identifier: Apache-2.0
#include "net/http_session.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <exception>
#include <utility>

#include "base/bytes.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/text.h"

namespace fairlead::net {
namespace {

constexpr std::size_t kHeadReadBytes = 4 << 10;
constexpr std::size_t kBodyReadBytes = 64 << 10;
constexpr std::uint64_t kMaxReservedAhead = 1 << 20;
constexpr int kGentleCloseMs = 2'000;
constexpr std::size_t kGentleCloseBytes = 32 << 20;
constexpr int kAnswersBeforeYield = 16;
constexpr int kRetryAfterSeconds = 1;
// All bodies in memory at one time, over all connections: what a crowd of strangers can make us hold.
constexpr std::uint64_t kMaxBufferedBodyBytes = std::uint64_t{512} << 20;

// What an escaped exception means for the client. The text of a bug stays in the log.
Response response_of_exception(std::exception_ptr thrown) {
  const Error error = error_of(thrown);
  if (error.fault() != Fault::bug)
    return error_response(status_of(error.fault()), error.message(), error.retry_after_seconds());
  log::error("a request's handler failed", {{"error", error.text()}});
  return error_response(500, "An unexpected error happened on the server. Its log has the details.");
}

// Runs `work` on a worker and resumes the coroutine on the io thread. nullopt when the pool's queue is full.
template <class Result>
asio::awaitable<std::optional<Result>> on_worker(asio::io_context& io, WorkerPool& pool, std::function<Result()> work) {
  auto initiate = [&io, &pool, &work](auto handler) {
    auto shared = std::make_shared<decltype(handler)>(std::move(handler));
    const bool accepted = pool.try_run([&io, shared, job = std::move(work)]() mutable {
      Result result = job();
      job = nullptr;
      asio::post(io, [moved = std::move(shared), value = std::move(result)]() mutable {
        (*moved)(std::optional<Result>(std::move(value)));
      });
    });
    if (!accepted) asio::post(io, [shared] { (*shared)(std::optional<Result>()); });
  };
  co_return co_await asio::async_initiate<const asio::use_awaitable_t<>, void(std::optional<Result>)>(
      initiate, asio::use_awaitable);
}

bool has_upgrade(const RequestHead& head) {
  const auto lists = [&](std::string_view name, std::string_view wanted) {
    for (const std::string& value : head.headers.all(name)) {
      for (const std::string& part : text::split_list(value)) {
        if (text::equals_ignoring_case(part, wanted)) return true;
      }
    }
    return false;
  };
  return head.method == "GET" && lists("Upgrade", "websocket") && lists("Connection", "upgrade");
}

bool names_protocol(const RequestHead& head, std::string_view protocol) {
  for (const std::string& value : head.headers.all("Sec-WebSocket-Protocol")) {
    for (const std::string& part : text::split_list(value)) {
      if (part == protocol) return true;
    }
  }
  return false;
}

}  // namespace

asio::awaitable<void> HttpServer::Impl::serve(std::shared_ptr<Session> session) {
  HttpSession served(*this, std::move(session));
  co_await served.run();
}

HttpSession::HttpSession(HttpServer::Impl& server, std::shared_ptr<Session> session)
    : server_(server), session_(std::move(session)), connection_(*session_->connection) {}

HttpSession::~HttpSession() { release_body(); }

Pace HttpSession::write_pace() const {
  const std::size_t least =
      server_.options.min_body_bytes_per_second * static_cast<std::size_t>(server_.options.write_timeout_ms) / 1000;
  return {.timeout_ms = server_.options.write_timeout_ms, .min_bytes = std::max<std::size_t>(least, 1)};
}

void HttpSession::release_body() {
  server_.buffered_body_bytes -= reserved_;
  reserved_ = 0;
  body_bytes_ = 0;
  if (!upload_path_.empty()) ::unlink(upload_path_.c_str());
  upload_path_.clear();
}

asio::awaitable<bool> HttpSession::fill(std::size_t bytes) {
  input_.erase(0, input_at_);
  input_at_ = 0;
  const std::size_t have = input_.size();
  input_.resize(have + bytes);
  const std::size_t got = co_await connection_.read(input_.data() + have, bytes);
  input_.resize(have + got);
  co_return got > 0;
}

asio::awaitable<void> HttpSession::run() {
  if (connection_.secure()) {
    connection_.set_read_deadline(server_.options.head_timeout_ms);
    if (!co_await connection_.handshake()) co_return;
  }
  Next next = Next::go_on;
  while (next == Next::go_on && !connection_.aborted()) {
    next = co_await exchange();
    release_body();
  }
  if (next == Next::close_gently) co_await close_gently();
  if (next == Next::close && !connection_.aborted()) connection_.shutdown_write();
}

// The peer may still be sending what we did not read; closing at once would reset the connection and lose our answer.
asio::awaitable<void> HttpSession::close_gently() {
  connection_.shutdown_write();
  connection_.set_read_deadline(kGentleCloseMs);
  std::string ignored(kBodyReadBytes, '\0');
  std::size_t left = kGentleCloseBytes;
  while (left > 0) {
    const std::size_t count = co_await connection_.read(ignored.data(), ignored.size());
    if (count == 0) break;
    left -= std::min(left, count);
  }
}

asio::awaitable<HttpSession::Next> HttpSession::exchange() {
  RequestParser parser(
      {.max_head_bytes = server_.options.max_head_bytes, .max_header_fields = server_.options.max_header_fields});
  head_only_ = false;
  if (const Next next = co_await read_head(parser); next != Next::go_on) co_return next;
  RequestHead& head = parser.head();
  head_only_ = head.method == "HEAD";
  http_1_0_ = parser.http_1_0();
  head.peer_address = connection_.peer();
  head.secure = connection_.secure();
  head.local = session_->local;
  Route route = server_.handler.route(head);
  Request request;
  static_cast<RequestHead&>(request) = std::move(head);
  if (const Next next = co_await read_body(parser, route, request); next != Next::go_on) co_return next;
  connection_.clear_read_deadline();
  if (!route.answer) co_return co_await dispatch(parser, std::move(route), std::move(request));
  // A fast peer with many pipelined requests must not keep the thread to itself.
  if (++answered_at_once_ % kAnswersBeforeYield == 0) co_await asio::post(server_.io, asio::use_awaitable);
  co_return co_await send(*std::move(route.answer), after(parser));
}

asio::awaitable<HttpSession::Next> HttpSession::read_head(RequestParser& parser) {
  const auto nothing = [](std::string_view) { return true; };
  bool begun = !unread().empty();
  connection_.set_read_deadline(begun ? server_.options.head_timeout_ms : server_.options.idle_timeout_ms);
  while (true) {
    // RFC 9112 section 2.2: empty lines before a request are to be ignored.
    while (unread().starts_with("\r\n")) input_at_ += 2;
    if (!unread().empty() && unread() != "\r") {
      const RequestParser::Result result = parser.put(unread(), nothing);
      input_at_ += result.consumed;
      if (result.outcome == RequestParser::Outcome::head) co_return Next::go_on;
      if (result.outcome == RequestParser::Outcome::failed) co_return co_await refuse(parser.failure());
    }
    if (server_.stopping && !begun) co_return Next::close;
    session_->idle = !begun;
    const bool got = co_await fill(kHeadReadBytes);
    session_->idle = false;
    if (!got) {
      if (!begun || !connection_.expired()) co_return Next::close;
      co_return co_await refuse(error_response(408, "The request's head did not arrive in time."));
    }
    if (!begun) connection_.set_read_deadline(server_.options.head_timeout_ms);
    begun = true;
  }
}

bool HttpSession::take_bytes(std::string_view bytes, Request& request, std::uint64_t limit,
                             const file::Descriptor& upload) {
  body_bytes_ += bytes.size();
  if (body_bytes_ > limit) {
    refusal_ = error_response(413, text::format("The request's body is over the limit of {} bytes.", limit));
    return false;
  }
  if (!upload.valid()) {
    if (server_.buffered_body_bytes + bytes.size() > kMaxBufferedBodyBytes) {
      server_.refused.add();
      refusal_ =
          error_response(503, "The server is receiving too much at a time. Please try again.", kRetryAfterSeconds);
      return false;
    }
    server_.buffered_body_bytes += bytes.size();
    reserved_ += bytes.size();
    request.body.append(bytes);
    return true;
  }
  while (!bytes.empty()) {
    const ssize_t written = ::write(upload.get(), bytes.data(), bytes.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) {
      log::error("an upload cannot be written", {{"path", upload_path_}, {"error", std::strerror(errno)}});
      refusal_ = error_response(503, "The server cannot store the upload now.", kRetryAfterSeconds);
      return false;
    }
    bytes.remove_prefix(static_cast<std::size_t>(written));
  }
  return true;
}

asio::awaitable<HttpSession::Next> HttpSession::read_body(RequestParser& parser, const Route& route, Request& request) {
  const std::string_view expectation = request.headers.get("Expect");
  const bool expects = text::equals_ignoring_case(expectation, "100-continue");
  if (!expectation.empty() && !expects) {
    co_return co_await refuse(error_response(417, "The only expectation known here is 100-continue."));
  }
  const std::uint64_t limit = route.max_body_bytes > 0 ? route.max_body_bytes : server_.options.max_body_bytes;
  const auto length = parser.content_length();
  if (length && *length > limit) {
    co_return co_await refuse(
        error_response(413, text::format("The request's body is over the limit of {} bytes.", limit)));
  }
  // The client waits for leave to send: it gets the answer instead.
  if (route.answer && expects && parser.has_body()) co_return co_await refuse(*route.answer);
  file::Descriptor upload;
  if (route.lane == Lane::upload && !route.answer) {
    upload_path_ = route.upload_folder + "/upload-" + random_id();
    upload = file::Descriptor(::open(upload_path_.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
    if (!upload.valid()) {
      log::error("an upload cannot be stored", {{"path", upload_path_}, {"error", std::strerror(errno)}});
      co_return co_await refuse(error_response(503, "The server cannot store the upload now.", kRetryAfterSeconds));
    }
  } else if (length && !route.answer) {
    request.body.reserve(static_cast<std::size_t>(std::min(*length, kMaxReservedAhead)));
  }
  if (expects && parser.has_body() && unread().empty() && !http_1_0_) {
    if (!co_await connection_.write("HTTP/1.1 100 Continue\r\n\r\n", std::string_view(), write_pace()))
      co_return Next::close;
  }
  const std::function<bool(std::string_view)> take = [&](std::string_view bytes) {
    if (!route.answer) return take_bytes(bytes, request, limit, upload);
    body_bytes_ += bytes.size();
    if (body_bytes_ <= limit) return true;
    refusal_ = route.answer;
    return false;
  };
  if (const Next next = co_await pump_body(parser, take); next != Next::go_on) co_return next;
  if (upload.valid()) {
    request.body_file = upload_path_;
    request.body_file_bytes = body_bytes_;
  }
  co_return Next::go_on;
}

asio::awaitable<HttpSession::Next> HttpSession::pump_body(RequestParser& parser,
                                                          const std::function<bool(std::string_view)>& take) {
  const int span_ms = server_.options.body_timeout_ms;
  const std::uint64_t least = std::max<std::uint64_t>(
      server_.options.min_body_bytes_per_second * static_cast<std::uint64_t>(span_ms) / 1000, 1);
  std::uint64_t in_span = 0;
  connection_.set_read_deadline(span_ms);
  while (true) {
    const RequestParser::Result result = parser.put(unread(), take);
    input_at_ += result.consumed;
    if (result.outcome == RequestParser::Outcome::done) co_return Next::go_on;
    if (result.outcome == RequestParser::Outcome::failed) {
      Response answer = refusal_ ? *std::move(refusal_) : parser.failure();
      refusal_.reset();
      co_return co_await refuse(std::move(answer));
    }
    const std::size_t before = unread().size();
    if (before > server_.options.max_head_bytes + kBodyReadBytes) {
      co_return co_await refuse(error_response(400, "A chunk's head or trailer is too long."));
    }
    if (!co_await fill(kBodyReadBytes)) {
      if (!connection_.expired()) co_return Next::close;
      co_return co_await refuse(error_response(408, "The request's body did not arrive in time."));
    }
    in_span += unread().size() - before;
    if (in_span < least) continue;
    in_span = 0;
    connection_.set_read_deadline(span_ms);
  }
}

asio::awaitable<HttpSession::Next> HttpSession::dispatch(RequestParser& parser, Route route, Request request) {
  server_.requests.add();
  const bool slow = route.lane == Lane::slow || route.lane == Lane::upload;
  if (route.lane == Lane::stream) co_return co_await run_stream(std::move(request));
  if (route.lane == Lane::websocket) co_return co_await run_websocket(route, std::move(request), parser.http_1_0());
  // The function must be copyable, so the request is shared with the one job that takes it.
  const auto shared = std::make_shared<Request>(std::move(request));
  std::function<Response()> work = [this, shared]() -> Response {
    try {
      return server_.handler.handle(std::move(*shared));
    } catch (...) {
      return response_of_exception(std::current_exception());
    }
  };
  auto response = co_await on_worker<Response>(server_.io, slow ? server_.slow : server_.fast, std::move(work));
  if (!response) {
    server_.refused.add();
    co_return co_await send(error_response(503, "The server is busy. Please try again.", kRetryAfterSeconds),
                            after(parser));
  }
  upload_path_.clear();  // the handler has it
  co_return co_await send(*std::move(response), after(parser));
}

asio::awaitable<HttpSession::Next> HttpSession::run_stream(Request request) {
  const auto events = std::make_shared<EventStreamSession>(server_.io, server_.options.max_event_buffer_bytes);
  session_->events = events;
  if (server_.stopping) events->close();
  using Answer = std::optional<Response>;
  const auto shared = std::make_shared<Request>(std::move(request));
  std::function<Answer()> work = [this, shared, events]() -> Answer {
    try {
      return server_.handler.stream(std::move(*shared), events);
    } catch (...) {
      return response_of_exception(std::current_exception());
    }
  };
  auto answer = co_await on_worker<Answer>(server_.io, server_.fast, std::move(work));
  if (!answer || *answer) {
    events->finish();
    session_->events.reset();
    co_return co_await refuse(answer
                                  ? **std::move(answer)
                                  : error_response(503, "The server is busy. Please try again.", kRetryAfterSeconds));
  }
  const std::string head = text::format(
      "HTTP/1.1 200 OK\r\nDate: {}\r\nContent-Type: text/event-stream\r\nCache-Control: no-store\r\nX-Accel-Buffering: "
      "no\r\n"
      "Connection: close\r\n\r\n",
      server_.date());
  if (co_await connection_.write(head, std::string_view(), write_pace())) {
    input_ = {};
    co_await events->run(session_->connection, server_.options.heartbeat_ms, write_pace());
  }
  events->finish();
  co_return Next::close;
}

asio::awaitable<HttpSession::Next> HttpSession::run_websocket(const Route& route, Request request, bool http_1_0) {
  const std::string key(request.headers.get("Sec-WebSocket-Key"));
  if (!has_upgrade(request) || request.headers.get("Sec-WebSocket-Version") != "13" || http_1_0) {
    Response response = error_response(426, "This address speaks WebSocket, version 13.");
    response.headers.add("Upgrade", "websocket");
    response.headers.add("Sec-WebSocket-Version", "13");
    co_return co_await refuse(std::move(response));
  }
  if (!is_valid_key(key)) co_return co_await refuse(error_response(400, "The Sec-WebSocket-Key is not valid."));
  const std::string protocol =
      !route.subprotocol.empty() && names_protocol(request, route.subprotocol) ? route.subprotocol : std::string();
  const auto socket = std::make_shared<WebSocketSession>(server_.io, WebSocketRole::server, server_.options.websocket,
                                                         connection_.peer(), protocol);
  session_->socket = socket;
  if (server_.stopping) socket->close(CloseCode::going_away, "the server is stopping");
  using Answer = std::optional<Response>;
  const auto shared = std::make_shared<Request>(std::move(request));
  std::function<Answer()> work = [this, shared, socket]() -> Answer {
    try {
      return server_.handler.websocket(std::move(*shared), socket);
    } catch (...) {
      return response_of_exception(std::current_exception());
    }
  };
  auto answer = co_await on_worker<Answer>(server_.io, server_.fast, std::move(work));
  if (!answer || *answer) {
    session_->socket.reset();
    socket->abandon();
    co_return co_await refuse(answer
                                  ? **std::move(answer)
                                  : error_response(503, "The server is busy. Please try again.", kRetryAfterSeconds));
  }
  const std::string head = text::format(
      "HTTP/1.1 101 Switching Protocols\r\nDate: {}\r\nUpgrade: websocket\r\nConnection: "
      "Upgrade\r\nSec-WebSocket-Accept: {}\r\n{}\r\n",
      server_.date(), accept_key(key),
      protocol.empty() ? std::string() : "Sec-WebSocket-Protocol: " + protocol + "\r\n");
  if (!co_await connection_.write(head, std::string_view(), write_pace())) {
    socket->abandon();
    co_return Next::close;
  }
  std::string received(unread());
  input_ = {};
  input_at_ = 0;
  co_await socket->run(session_->connection, std::move(received));
  co_return Next::close;
}

}  // namespace fairlead::net
