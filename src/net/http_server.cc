// SPDX-License-Identifier: Apache-2.0
#include "net/http_server.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <utility>

#include "base/clock.h"
#include "base/log.h"
#include "base/text.h"
#include "base/thread.h"
#include "net/http_server_impl.h"

namespace fairlead::net {
namespace {

constexpr int kBacklog = 1'024;
constexpr int kAcceptPauseMs = 100;  // after running out of descriptors
constexpr int kShortestTickMs = 5;
constexpr int kLongestTickMs = 1'000;

// An address to bind: big enough for IPv4, IPv6 and Unix sockets.
struct BindAddress {
  sockaddr_storage storage = {};
  socklen_t size = 0;
  sockaddr* raw() { return reinterpret_cast<sockaddr*>(&storage); }
};

BindAddress tcp_address(const std::string& text, std::uint16_t port) {
  BindAddress address;
  auto* v4 = reinterpret_cast<sockaddr_in*>(&address.storage);
  auto* v6 = reinterpret_cast<sockaddr_in6*>(&address.storage);
  const std::string host = text == "localhost" ? "127.0.0.1" : text;
  if (inet_pton(AF_INET, host.c_str(), &v4->sin_addr) == 1) {
    v4->sin_family = AF_INET;
    v4->sin_port = htons(port);
    address.size = sizeof *v4;
  } else if (inet_pton(AF_INET6, host.c_str(), &v6->sin6_addr) == 1) {
    v6->sin6_family = AF_INET6;
    v6->sin6_port = htons(port);
    address.size = sizeof *v6;
  } else {
    throw invalid(text::format("cannot listen on \"{}\": it is not an IP address", text))
        .with_help("use for example 127.0.0.1, 0.0.0.0 or ::");
  }
  return address;
}

std::string peer_text(const sockaddr_storage& storage) {
  char text[INET6_ADDRSTRLEN] = {};
  if (storage.ss_family == AF_INET) {
    const auto& v4 = reinterpret_cast<const sockaddr_in&>(storage);
    inet_ntop(AF_INET, &v4.sin_addr, text, sizeof text);
    return text::format("{}:{}", text, ntohs(v4.sin_port));
  }
  if (storage.ss_family == AF_INET6) {
    const auto& v6 = reinterpret_cast<const sockaddr_in6&>(storage);
    inet_ntop(AF_INET6, &v6.sin6_addr, text, sizeof text);
    return text::format("[{}]:{}", text, ntohs(v6.sin6_port));
  }
  return "local";
}

[[noreturn]] void fail_to_listen(const std::string& where) {
  throw Error(Fault::unavailable, text::format("cannot listen on {}: {}", where, std::strerror(errno)))
      .with_help("another program may be using it");
}

file::Descriptor bind_and_listen(BindAddress address, const std::string& where) {
  file::Descriptor socket(::socket(address.storage.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!socket.valid()) fail_to_listen(where);
  const int yes = 1;
  if (address.storage.ss_family != AF_UNIX) ::setsockopt(socket.get(), SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
  if (::bind(socket.get(), address.raw(), address.size) != 0 || ::listen(socket.get(), kBacklog) != 0)
    fail_to_listen(where);
  return socket;
}

// True when a server answers there: a socket file that nobody listens on is a leftover.
bool is_alive(BindAddress address) {
  const file::Descriptor probe(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  return probe.valid() && ::connect(probe.get(), address.raw(), address.size) == 0;
}

}  // namespace

std::optional<Response> Handler::stream(Request&&, std::shared_ptr<EventStream>) {
  return error_response(404, "There is nothing here.");
}

std::optional<Response> Handler::websocket(Request&&, std::shared_ptr<WebSocket>) {
  return error_response(404, "There is nothing here.");
}

int status_of(Fault fault) {
  switch (fault) {
    case Fault::invalid: return 400;
    case Fault::unauthenticated: return 401;
    case Fault::forbidden: return 403;
    case Fault::not_found: return 404;
    case Fault::conflict: return 409;
    case Fault::too_many: return 429;
    case Fault::unavailable: return 503;
    case Fault::timeout: return 504;
    case Fault::cancelled: return 503;
    case Fault::unsupported: return 501;
    case Fault::bug: return 500;
  }
  return 500;
}

HttpServer::Impl::Impl(HttpServerOptions given, Handler& handler_given)
    : options(std::move(given)),
      handler(handler_given),
      fast("http-worker", options.workers, options.queue_limit),
      slow("http-slow", options.slow_workers, options.slow_queue_limit),
      requests(metrics::counter("fairlead_http_requests_total", "Requests that reached a handler")),
      refused(metrics::counter("fairlead_http_refused_total", "Requests refused for overload")),
      deadline_timer_(io) {
  if (options.tls_certificate_file.empty() != options.tls_key_file.empty()) {
    throw invalid("a TLS certificate and its key must be given together");
  }
  if (options.tls_certificate_file.empty()) return;
  tls = std::make_unique<TlsFiles>(options.tls_certificate_file, options.tls_key_file, options.tls_check_interval_ms);
}

HttpServer::Impl::~Impl() { stop(); }

void HttpServer::Impl::listen_tcp() {
  const std::string where = text::format("{}:{}", options.address, options.port);
  file::Descriptor socket = bind_and_listen(tcp_address(options.address, options.port), where);
  BindAddress bound;
  bound.size = sizeof bound.storage;
  if (::getsockname(socket.get(), bound.raw(), &bound.size) != 0) fail_to_listen(where);
  bound_port = ntohs(bound.storage.ss_family == AF_INET ? reinterpret_cast<sockaddr_in&>(bound.storage).sin_port
                                                        : reinterpret_cast<sockaddr_in6&>(bound.storage).sin6_port);
  listeners.push_back(std::make_unique<asio::posix::stream_descriptor>(io, socket.release()));
}

void HttpServer::Impl::listen_unix() {
  BindAddress address;
  auto* local = reinterpret_cast<sockaddr_un*>(&address.storage);
  if (options.unix_socket.size() >= sizeof local->sun_path) {
    throw invalid(text::format("the path of the socket {} is too long (limit {} bytes)", options.unix_socket,
                               sizeof local->sun_path - 1));
  }
  local->sun_family = AF_UNIX;
  std::copy(options.unix_socket.begin(), options.unix_socket.end(), local->sun_path);
  address.size = sizeof *local;
  struct stat status = {};
  if (::lstat(options.unix_socket.c_str(), &status) == 0 && S_ISSOCK(status.st_mode)) {
    if (is_alive(address)) {
      throw Error(Fault::unavailable,
                  text::format("cannot listen on {}: another program is using it", options.unix_socket));
    }
    ::unlink(options.unix_socket.c_str());
  }
  file::Descriptor socket = bind_and_listen(address, options.unix_socket);
  if (::chmod(options.unix_socket.c_str(), options.unix_socket_mode) != 0) fail_to_listen(options.unix_socket);
  listeners.push_back(std::make_unique<asio::posix::stream_descriptor>(io, socket.release()));
}

void HttpServer::Impl::start() {
  listen_tcp();
  if (!options.unix_socket.empty()) listen_unix();
  work_ = std::make_unique<asio::executor_work_guard<asio::io_context::executor_type>>(io.get_executor());
  for (std::size_t i = 0; i < listeners.size(); ++i) {
    asio::co_spawn(io, accept_all(*listeners[i], i > 0), asio::detached);
  }
  asio::co_spawn(io, watch_deadlines(), asio::detached);
  started_ = true;
  thread_ = start_thread("http-io", [this] { io.run(); });
}

asio::awaitable<void> HttpServer::Impl::accept_all(asio::posix::stream_descriptor& listener, bool local) {
  while (!stopping) {
    sockaddr_storage peer = {};
    socklen_t size = sizeof peer;
    file::Descriptor accepted(
        ::accept4(listener.native_handle(), reinterpret_cast<sockaddr*>(&peer), &size, SOCK_CLOEXEC | SOCK_NONBLOCK));
    if (accepted.valid()) {
      const int yes = 1;
      if (!local) ::setsockopt(accepted.get(), IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
      admit(std::move(accepted), local ? "local" : peer_text(peer), local);
      continue;
    }
    error_code error;
    if (errno == EAGAIN || errno == EWOULDBLOCK) {
      co_await listener.async_wait(asio::posix::stream_descriptor::wait_read,
                                   asio::redirect_error(asio::use_awaitable, error));
      if (error) co_return;
    } else if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM) {
      log::warning("cannot accept connections for the moment", {{"error", std::strerror(errno)}});
      asio::steady_timer pause(io, std::chrono::milliseconds(kAcceptPauseMs));
      co_await pause.async_wait(asio::redirect_error(asio::use_awaitable, error));
    }
  }
}

void HttpServer::Impl::admit(file::Descriptor descriptor, std::string peer, bool local) {
  if (sessions.size() >= options.max_connections) {
    refused.add();
    const Response full = error_response(503, "The server has too many connections. Please try again soon.");
    const std::string text = text::format(
        "HTTP/1.1 503 Service Unavailable\r\nContent-Type: application/json\r\nRetry-After: 1\r\nConnection: close\r\n"
        "Content-Length: {}\r\n\r\n{}",
        full.body.size(), full.body);
    // Best effort: the answer fits an empty send buffer, and nobody waits for a stranger here.
    if (!tls || local) static_cast<void>(::send(descriptor.get(), text.data(), text.size(), MSG_NOSIGNAL));
    return;
  }
  std::unique_ptr<SSL, FreeSsl> ssl;
  if (tls && !local) {
    ssl.reset(SSL_new(tls->context()));
    if (!ssl) return;
    SSL_set_accept_state(ssl.get());
  }
  auto session = std::make_shared<Session>();
  session->connection = std::make_shared<Connection>(io, std::move(descriptor), std::move(ssl), std::move(peer));
  session->local = local;
  sessions.emplace(session.get(), session);
  open_count.store(sessions.size());
  asio::co_spawn(io, serve(session), [this, session](std::exception_ptr thrown) {
    if (thrown) log::error("an HTTP session threw", {{"error", error_of(thrown).text()}});
    if (session->events) session->events->finish();
    sessions.erase(session.get());
    open_count.store(sessions.size());
    if (!sessions.empty()) return;
    const std::lock_guard lock(mutex);
    all_closed.notify_all();
  });
}

asio::awaitable<void> HttpServer::Impl::watch_deadlines() {
  const int shortest = std::min({options.idle_timeout_ms, options.head_timeout_ms, options.body_timeout_ms,
                                 options.write_timeout_ms, options.websocket.close_timeout_ms});
  const int wanted = tls ? std::min(shortest / 8, options.tls_check_interval_ms) : shortest / 8;
  const std::chrono::milliseconds tick(std::clamp(wanted, kShortestTickMs, kLongestTickMs));
  while (work_) {
    deadline_timer_.expires_after(tick);
    error_code error;
    co_await deadline_timer_.async_wait(asio::redirect_error(asio::use_awaitable, error));
    const std::int64_t now = system_clock().steady_us();
    for (const auto& entry : sessions) entry.second->connection->check_deadlines(now);
    if (tls) tls->check(now);
  }
}

void HttpServer::Impl::begin_stop() {
  stopping = true;
  for (const auto& listener : listeners) {
    error_code ignored;
    listener->close(ignored);
  }
  for (const auto& entry : sessions) {
    Session& session = *entry.second;
    if (session.idle) session.connection->abort();
    if (session.events) session.events->close();
    if (session.socket) session.socket->close(CloseCode::going_away, "the server is stopping");
  }
}

void HttpServer::Impl::abort_all() {
  for (const auto& entry : sessions) {
    entry.second->connection->abort();
    if (entry.second->events) entry.second->events->close();
    if (entry.second->socket) entry.second->socket->close(CloseCode::going_away, "the server is stopping");
  }
}

bool HttpServer::Impl::wait_until_closed(int timeout_ms) {
  std::unique_lock lock(mutex);
  const auto closed = [this] { return open_count.load() == 0; };
  if (timeout_ms >= 0) return all_closed.wait_for(lock, std::chrono::milliseconds(timeout_ms), closed);
  all_closed.wait(lock, closed);
  return true;
}

void HttpServer::Impl::stop() {
  if (!started_) return;
  started_ = false;
  asio::post(io, [this] { begin_stop(); });
  // A connection accepted just before begin_stop ran may come after an early "all closed": the second round below
  // catches it.
  if (!wait_until_closed(options.stop_timeout_ms)) log::warning("requests are still running at the end of the server");
  asio::post(io, [this] { abort_all(); });
  fast.stop();
  slow.stop();
  wait_until_closed(-1);
  asio::post(io, [this] {
    work_.reset();
    deadline_timer_.cancel();
  });
  thread_.join();
  if (!options.unix_socket.empty()) ::unlink(options.unix_socket.c_str());
}

const std::string& HttpServer::Impl::date() {
  const std::int64_t second = system_clock().now().us / kSecond;
  if (second != date_second_) {
    date_second_ = second;
    date_ = http_date(second);
  }
  return date_;
}

HttpServer::HttpServer(HttpServerOptions options, Handler& handler)
    : impl_(std::make_unique<Impl>(std::move(options), handler)) {}

HttpServer::~HttpServer() = default;

void HttpServer::start() { impl_->start(); }

std::uint16_t HttpServer::port() const { return impl_->bound_port; }

std::string HttpServer::url() const {
  const std::string& address = impl_->options.address;
  const std::string host = address.find(':') == std::string::npos ? address : "[" + address + "]";
  return text::format("{}://{}:{}", impl_->tls ? "https" : "http", host, impl_->bound_port);
}

void HttpServer::stop() { impl_->stop(); }

std::size_t HttpServer::connections() const { return impl_->open_count.load(); }

}  // namespace fairlead::net
