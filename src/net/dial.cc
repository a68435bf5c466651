// SPDX-License-Identifier: Apache-2.0
#include "net/dial.h"

#include <arpa/inet.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <sys/un.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <utility>

#include "base/bytes.h"
#include "base/clock.h"
#include "base/text.h"
#include "net/http_client.h"
#include "net/tls_text.h"
#include "net/websocket_codec.h"

namespace fairlead::net {
namespace {

constexpr std::size_t kMaxAnswerHeadBytes = 32 << 10;
constexpr std::size_t kMaxAnswerBodyBytes = 4 << 10;
constexpr std::size_t kMaxAddresses = 8;
constexpr int kTcpUserTimeoutMs = 30'000;
constexpr Pace kHandshakePace = {.timeout_ms = 10'000, .min_bytes = 1};

// One dial on its way.
struct Dial {
  DialContext context;
  const DialOptions& options;
  Url url;
  std::string origin;  // for messages
  std::int64_t deadline_us = 0;

  int left_ms() const {
    const std::int64_t left = (deadline_us - system_clock().steady_us()) / kMillisecond;
    return static_cast<int>(std::clamp<std::int64_t>(left, 0, options.connect_timeout_ms));
  }
  Error timed_out() const {
    return Error(Fault::timeout, text::format("{}: no connection within {} ms", origin, options.connect_timeout_ms));
  }
  Error unreachable(std::string_view reason) const {
    return Error(Fault::unavailable, text::format("cannot reach {}: {}", origin, reason));
  }
};

std::string lower_first(std::string text) {
  if (!text.empty() && text[0] >= 'A' && text[0] <= 'Z') text[0] = static_cast<char>(text[0] - 'A' + 'a');
  return text;
}

std::string host_and_port(const std::string& host, std::uint16_t port) {
  return host.find(':') == std::string::npos ? text::format("{}:{}", host, port) : text::format("[{}]:{}", host, port);
}

struct Lookup {
  explicit Lookup(asio::io_context& io) : done(io) {}
  asio::steady_timer done;
  bool finished = false;
  int error = 0;
  std::vector<Endpoint> endpoints;
};

// Blocks; on the resolver's thread.
int look_up(const std::string& host, std::uint16_t port, std::vector<Endpoint>& endpoints) {
  addrinfo hints = {};
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_ADDRCONFIG | AI_NUMERICSERV;
  addrinfo* list = nullptr;
  const int error = ::getaddrinfo(host.c_str(), std::to_string(port).c_str(), &hints, &list);
  for (const addrinfo* entry = list; entry && endpoints.size() < kMaxAddresses; entry = entry->ai_next) {
    Endpoint endpoint;
    std::memcpy(&endpoint.storage, entry->ai_addr, entry->ai_addrlen);
    endpoint.size = entry->ai_addrlen;
    endpoints.push_back(endpoint);
  }
  if (list) ::freeaddrinfo(list);
  return error;
}

asio::awaitable<std::vector<Endpoint>> resolve(Dial& dial, std::string host, std::uint16_t port) {
  const auto lookup = std::make_shared<Lookup>(dial.context.io);
  const bool accepted = dial.context.resolver.try_run([lookup, host, port, &io = dial.context.io] {
    std::vector<Endpoint> endpoints;
    const int error = look_up(host, port, endpoints);
    asio::post(io, [lookup, error, found = std::move(endpoints)]() mutable {
      lookup->finished = true;
      lookup->error = error;
      lookup->endpoints = std::move(found);
      lookup->done.cancel();
    });
  });
  if (!accepted) throw dial.unreachable("too many names are being resolved");
  lookup->done.expires_after(std::chrono::milliseconds(dial.left_ms()));
  error_code ignored;
  co_await lookup->done.async_wait(asio::redirect_error(asio::use_awaitable, ignored));
  if (!lookup->finished) throw dial.timed_out();
  if (lookup->endpoints.empty()) {
    throw dial.unreachable(
        text::format("the name {} cannot be resolved ({})", host, lower_first(::gai_strerror(lookup->error))));
  }
  co_return std::move(lookup->endpoints);
}

std::vector<Endpoint> unix_endpoint(const Dial& dial) {
  Endpoint endpoint;
  auto* local = reinterpret_cast<sockaddr_un*>(&endpoint.storage);
  const std::string& path = dial.options.unix_socket;
  if (path.size() >= sizeof local->sun_path) throw invalid(text::format("the path of the socket {} is too long", path));
  local->sun_family = AF_UNIX;
  std::copy(path.begin(), path.end(), local->sun_path);
  endpoint.size = sizeof *local;
  return {endpoint};
}

asio::awaitable<std::shared_ptr<Connection>> connect_any(Dial& dial, std::vector<Endpoint> endpoints,
                                                         std::string peer) {
  int error = 0;
  for (std::size_t i = 0; i < endpoints.size(); ++i) {
    const int family = endpoints[i].storage.ss_family;
    file::Descriptor socket(::socket(family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    if (!socket.valid()) throw dial.unreachable(lower_first(std::strerror(errno)));
    if (family != AF_UNIX) {
      const int yes = 1;
      ::setsockopt(socket.get(), IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
      ::setsockopt(socket.get(), IPPROTO_TCP, TCP_USER_TIMEOUT, &kTcpUserTimeoutMs, sizeof kTcpUserTimeoutMs);
    }
    error =
        ::connect(socket.get(), reinterpret_cast<sockaddr*>(&endpoints[i].storage), endpoints[i].size) == 0 ? 0 : errno;
    auto connection = std::make_shared<Connection>(dial.context.io, std::move(socket), nullptr, peer);
    dial.context.adopt(connection);
    if (error == EINPROGRESS) {
      // Half of what is left for each but the last, so that one dead address does not eat the time of the living.
      connection->set_read_deadline(i + 1 < endpoints.size() ? dial.left_ms() / 2 : dial.left_ms());
      error = co_await connection->finish_connect();
    }
    if (error == 0) {
      connection->set_read_deadline(dial.left_ms());
      co_return connection;
    }
    if (dial.left_ms() == 0) break;
  }
  if (error == ETIMEDOUT) throw dial.timed_out();
  throw dial.unreachable(lower_first(std::strerror(error)));
}

struct Answer {
  int status = 0;
  Headers headers;
  std::string rest;
};

asio::awaitable<Answer> exchange_heads(Dial& dial, Connection& connection, std::string request) {
  if (!co_await connection.write(request, std::string_view(), kHandshakePace))
    throw dial.unreachable("the connection was lost");
  std::string text;
  std::size_t end = std::string::npos;
  char buffer[4096];
  while ((end = text.find("\r\n\r\n")) == std::string::npos) {
    if (text.size() > kMaxAnswerHeadBytes) throw dial.unreachable("the answer's head is too large");
    const std::size_t count = co_await connection.read(buffer, sizeof buffer);
    if (count == 0 && connection.expired()) throw dial.timed_out();
    if (count == 0) throw dial.unreachable("the connection was closed without an answer");
    text.append(buffer, count);
  }
  Answer answer;
  answer.rest = text.substr(end + 4);
  text.resize(end);
  const std::vector<std::string> lines = text::split(text, '\n');
  const std::string& first = lines.front();
  const auto status =
      first.starts_with("HTTP/1.") && first.size() >= 12 ? text::parse_int(first.substr(9, 3)) : std::nullopt;
  if (!status) throw dial.unreachable("the answer is not HTTP");
  answer.status = static_cast<int>(*status);
  for (std::size_t i = 1; i < lines.size(); ++i) {
    const std::size_t colon = lines[i].find(':');
    if (colon == std::string::npos) continue;
    answer.headers.add(std::string(text::trim(lines[i].substr(0, colon))),
                       std::string(text::trim(lines[i].substr(colon + 1))));
  }
  co_return answer;
}

// "http://user:password@host:port" -> "user:password", decoded.
std::string proxy_credentials(std::string_view proxy) {
  const std::size_t start = proxy.find("://");
  if (start == std::string_view::npos) return {};
  const std::string_view rest = proxy.substr(start + 3);
  const std::string_view authority = rest.substr(0, rest.find('/'));
  const std::size_t at = authority.rfind('@');
  if (at == std::string_view::npos) return {};
  return text::percent_decode(authority.substr(0, at)).value_or(std::string(authority.substr(0, at)));
}

asio::awaitable<void> pass_proxy(Dial& dial, Connection& connection) {
  const std::string target = host_and_port(dial.url.host, dial.url.port);
  std::string request = text::format("CONNECT {} HTTP/1.1\r\nHost: {}\r\n", target, target);
  const std::string credentials = proxy_credentials(dial.options.proxy);
  if (!credentials.empty()) request += "Proxy-Authorization: Basic " + base64(credentials) + "\r\n";
  const Answer answer = co_await exchange_heads(dial, connection, request + "\r\n");
  if (answer.status == 407)
    throw Error(Fault::unauthenticated,
                text::format("the proxy on the way to {} wants other credentials", dial.origin));
  if (answer.status / 100 != 2) throw dial.unreachable(text::format("the proxy refused with status {}", answer.status));
}

void load_authorities(SSL_CTX* context, const DialOptions& options) {
  ERR_clear_error();
  if (options.ca_pem.empty()) {
    if (options.ca_file.empty()) {
      SSL_CTX_set_default_verify_paths(context);
    } else if (SSL_CTX_load_verify_file(context, options.ca_file.c_str()) != 1) {
      throw invalid(text::format("the CA certificates in {} cannot be read", options.ca_file))
          .with_help("it must be a PEM file");
    }
    return;
  }
  const std::unique_ptr<BIO, decltype(&BIO_free_all)> bio(
      BIO_new_mem_buf(options.ca_pem.data(), static_cast<int>(options.ca_pem.size())), &BIO_free_all);
  int count = 0;
  while (X509* certificate = PEM_read_bio_X509(bio.get(), nullptr, nullptr, nullptr)) {
    X509_STORE_add_cert(SSL_CTX_get_cert_store(context), certificate);
    X509_free(certificate);
    ++count;
  }
  ERR_clear_error();
  if (count == 0) throw invalid("the given CA certificate cannot be read").with_help("it must be PEM text");
}

asio::awaitable<void> secure(Dial& dial, Connection& connection) {
  const DialOptions& options = dial.options;
  const SslContext context(SSL_CTX_new(TLS_client_method()));
  if (!context) throw Error(Fault::bug, "OpenSSL cannot make a client context");
  SSL_CTX_set_min_proto_version(context.get(), TLS1_2_VERSION);
  SSL_CTX_set_options(context.get(), SSL_OP_NO_RENEGOTIATION | SSL_OP_IGNORE_UNEXPECTED_EOF);
  SSL_CTX_set_verify(context.get(), options.insecure ? SSL_VERIFY_NONE : SSL_VERIFY_PEER, nullptr);
  const auto finding = std::make_shared<TlsFinding>();
  if (!options.insecure) {
    load_authorities(context.get(), options);
    record_finding(context.get(), finding);
  }
  std::unique_ptr<SSL, FreeSsl> ssl(SSL_new(context.get()));
  if (!ssl) throw Error(Fault::bug, "OpenSSL cannot make a session");
  const std::string& host = dial.url.host;
  in6_addr scratch;
  const bool is_address =
      inet_pton(AF_INET, host.c_str(), &scratch) == 1 || inet_pton(AF_INET6, host.c_str(), &scratch) == 1;
  if (is_address) {
    X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl.get()), host.c_str());
  } else {
    SSL_set1_host(ssl.get(), host.c_str());
    // SSL_set_tlsext_host_name, whose macro casts away const.
    SSL_ctrl(ssl.get(), SSL_CTRL_SET_TLSEXT_HOSTNAME, TLSEXT_NAMETYPE_host_name, const_cast<char*>(host.c_str()));
  }
  SSL_set_connect_state(ssl.get());
  connection.start_tls(std::move(ssl));
  if (co_await connection.handshake()) co_return;
  if (connection.expired()) throw dial.timed_out();
  if (!options.insecure && SSL_get_verify_result(connection.ssl()) != X509_V_OK) {
    const bool own = !options.ca_pem.empty() || !options.ca_file.empty();
    throw Error(Fault::unavailable, certificate_sentence(*finding, dial.origin, host, own));
  }
  throw dial.unreachable(text::format("the TLS handshake failed ({})", connection.failure()));
}

bool is_clean_header(const Headers::Field& field) {
  return !field.first.empty() && field.first.find_first_of(" :\r\n\t") == std::string::npos &&
         field.second.find_first_of("\r\n") == std::string::npos;
}

std::string upgrade_request(const Dial& dial, const std::string& key) {
  const bool usual_port = dial.url.port == (dial.url.scheme == "wss" ? 443 : 80);
  const std::string host = host_and_port(dial.url.host, dial.url.port);
  std::string request = text::format(
      "GET {} HTTP/1.1\r\nHost: {}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: "
      "13\r\nSec-WebSocket-Key: {}\r\n",
      dial.url.target, usual_port ? host.substr(0, host.rfind(':')) : host, key);
  if (!dial.options.subprotocol.empty()) request += "Sec-WebSocket-Protocol: " + dial.options.subprotocol + "\r\n";
  for (const Headers::Field& field : dial.options.headers) {
    if (!is_clean_header(field))
      throw invalid(text::format("the header {} of the request is not valid", text::shorten(field.first, 60)));
    request.append(field.first).append(": ").append(field.second).append("\r\n");
  }
  return request + "\r\n";
}

asio::awaitable<OpenedSocket> upgrade(Dial& dial, std::shared_ptr<Connection> connection) {
  const std::string key = base64(random_bytes(16));
  Answer answer = co_await exchange_heads(dial, *connection, upgrade_request(dial, key));
  if (answer.status != 101) {
    // The start of the body tells the user why; what does not come at once is not waited for long.
    const auto length = text::parse_int(answer.headers.get("Content-Length"));
    const std::size_t wanted =
        static_cast<std::size_t>(std::clamp<std::int64_t>(length.value_or(0), 0, kMaxAnswerBodyBytes));
    char buffer[1024];
    while (answer.rest.size() < wanted) {
      const std::size_t count = co_await connection->read(buffer, sizeof buffer);
      if (count == 0) break;
      answer.rest.append(buffer, count);
    }
    throw UpgradeRefused{answer.status, answer.rest.substr(0, wanted)};
  }
  if (!text::equals_ignoring_case(answer.headers.get("Upgrade"), "websocket") ||
      answer.headers.get("Sec-WebSocket-Accept") != accept_key(key)) {
    throw dial.unreachable("the server does not speak WebSocket");
  }
  const std::string protocol(answer.headers.get("Sec-WebSocket-Protocol"));
  if (protocol != dial.options.subprotocol || answer.headers.has("Sec-WebSocket-Extensions")) {
    throw dial.unreachable(text::format("the server chose the subprotocol \"{}\" instead of \"{}\"",
                                        text::shorten(protocol, 60), dial.options.subprotocol));
  }
  OpenedSocket opened;
  opened.connection = std::move(connection);
  opened.received = std::move(answer.rest);
  opened.subprotocol = protocol;
  co_return opened;
}

}  // namespace

asio::awaitable<OpenedSocket> open_socket(DialContext context, const DialOptions& options) {
  const auto url = parse_url(options.url);
  if (!url || (url->scheme != "ws" && url->scheme != "wss")) {
    throw invalid(text::format("\"{}\" is not a valid ws or wss URL", text::shorten(url_for_text(options.url), 200)));
  }
  if (url->has_user) throw invalid("the URL of a WebSocket must not contain a user name");
  Dial dial{.context = std::move(context), .options = options, .url = *url, .origin = {}, .deadline_us = 0};
  dial.origin = options.unix_socket.empty() ? text::format("{}://{}", url->scheme, host_and_port(url->host, url->port))
                                            : options.unix_socket;
  dial.deadline_us = system_clock().steady_us() + options.connect_timeout_ms * kMillisecond;
  const bool plain = url->scheme == "ws";
  if (plain && options.unix_socket.empty() && !options.allow_plain && !is_loopback(url->host)) {
    throw invalid(text::format("{} is not encrypted", dial.origin))
        .with_help("use wss:// for every host but this machine");
  }
  std::vector<Endpoint> endpoints;
  const bool through_proxy = !options.proxy.empty() && options.unix_socket.empty();
  if (!options.unix_socket.empty()) {
    endpoints = unix_endpoint(dial);
  } else if (through_proxy) {
    const auto proxy = parse_url(options.proxy);
    if (!proxy || proxy->scheme != "http") throw invalid("the proxy must be given as http://host:port");
    endpoints = co_await resolve(dial, proxy->host, proxy->port);
  } else {
    endpoints = co_await resolve(dial, url->host, url->port);
  }
  const std::shared_ptr<Connection> connection = co_await connect_any(dial, std::move(endpoints), dial.origin);
  if (through_proxy) co_await pass_proxy(dial, *connection);
  if (!plain) co_await secure(dial, *connection);
  co_return co_await upgrade(dial, connection);
}

}  // namespace fairlead::net
