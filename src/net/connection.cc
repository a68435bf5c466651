// SPDX-License-Identifier: Apache-2.0
#include "net/connection.h"

#include <openssl/err.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <utility>

#include "base/clock.h"
#include "base/error.h"
#include "base/text.h"

namespace fairlead::net {
namespace {

constexpr int kMaxTlsWriteBytes = 1 << 20;

std::string last_openssl_error() {
  const unsigned long code = ERR_peek_last_error();
  ERR_clear_error();
  const char* reason = code ? ERR_reason_error_string(code) : nullptr;
  return reason ? reason : "unknown reason";
}

// One protocol is offered: without it some clients would try HTTP/2.
int choose_protocol(SSL*, const unsigned char** chosen, unsigned char* length, const unsigned char* offered,
                    unsigned size, void*) {
  static constexpr std::array<unsigned char, 9> kHttp11 = {8, 'h', 't', 't', 'p', '/', '1', '.', '1'};
  unsigned char* out = nullptr;
  if (SSL_select_next_proto(&out, length, kHttp11.data(), kHttp11.size(), offered, size) != OPENSSL_NPN_NEGOTIATED) {
    return SSL_TLSEXT_ERR_NOACK;
  }
  *chosen = out;
  return SSL_TLSEXT_ERR_OK;
}

}  // namespace

SslContext make_server_tls(const std::string& certificate_file, const std::string& key_file) {
  SslContext context(SSL_CTX_new(TLS_server_method()));
  if (!context) throw Error(Fault::bug, "OpenSSL cannot make a server context");
  ERR_clear_error();
  if (SSL_CTX_use_certificate_chain_file(context.get(), certificate_file.c_str()) != 1) {
    throw invalid(text::format("cannot use the TLS certificate {}: {}", certificate_file, last_openssl_error()))
        .with_help("it must be a readable PEM file: the server's certificate first, then its issuers");
  }
  if (SSL_CTX_use_PrivateKey_file(context.get(), key_file.c_str(), SSL_FILETYPE_PEM) != 1) {
    throw invalid(text::format("cannot use the TLS key {}: {}", key_file, last_openssl_error()))
        .with_help("it must be a readable PEM file without a password, the key of the certificate");
  }
  SSL_CTX_set_min_proto_version(context.get(), TLS1_2_VERSION);
  SSL_CTX_set_options(context.get(), SSL_OP_NO_RENEGOTIATION | SSL_OP_IGNORE_UNEXPECTED_EOF);
  SSL_CTX_set_mode(context.get(), SSL_MODE_RELEASE_BUFFERS);
  SSL_CTX_set_alpn_select_cb(context.get(), &choose_protocol, nullptr);
  return context;
}

Connection::Connection(asio::io_context& io, file::Descriptor descriptor, std::unique_ptr<SSL, FreeSsl> tls,
                       std::string peer)
    : descriptor_(io, descriptor.release()), peer_(std::move(peer)) {
  if (tls) start_tls(std::move(tls));
}

void Connection::start_tls(std::unique_ptr<SSL, FreeSsl> tls) {
  tls_ = std::move(tls);
  SSL_set_mode(tls_.get(),
               SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER | SSL_MODE_RELEASE_BUFFERS);
  SSL_set_fd(tls_.get(), descriptor_.native_handle());
}

Connection::Step Connection::tls_step(int result) {
  if (result > 0) return {State::moved, static_cast<std::size_t>(result)};
  switch (SSL_get_error(tls_.get(), result)) {
    case SSL_ERROR_WANT_READ: return {State::want_read};
    case SSL_ERROR_WANT_WRITE: return {State::want_write};
    case SSL_ERROR_SYSCALL:
      failure_ = errno != 0 ? std::strerror(errno) : "the connection was closed";
      ERR_clear_error();
      return {State::ended};
    case SSL_ERROR_SSL: failure_ = last_openssl_error(); return {State::ended};
    default: failure_ = "the connection was closed"; return {State::ended};
  }
}

Connection::Step Connection::try_read(char* into, std::size_t size) {
  if (tls_) {
    ERR_clear_error();
    errno = 0;
    return tls_step(SSL_read(tls_.get(), into, static_cast<int>(std::min<std::size_t>(size, kMaxTlsWriteBytes))));
  }
  while (true) {
    const ssize_t got = ::recv(descriptor_.native_handle(), into, size, 0);
    if (got > 0) return {State::moved, static_cast<std::size_t>(got)};
    if (got < 0 && errno == EINTR) continue;
    if (got < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) return {State::want_read};
    failure_ = got < 0 ? std::strerror(errno) : "the connection was closed";
    return {State::ended};
  }
}

Connection::Step Connection::try_write(std::string_view first, std::string_view second) {
  if (tls_) {
    ERR_clear_error();
    errno = 0;
    const std::string_view now = first.empty() ? second : first;
    return tls_step(
        SSL_write(tls_.get(), now.data(), static_cast<int>(std::min<std::size_t>(now.size(), kMaxTlsWriteBytes))));
  }
  while (true) {
    std::array<iovec, 2> parts = {
        {{const_cast<char*>(first.data()), first.size()}, {const_cast<char*>(second.data()), second.size()}}};
    msghdr message = {};
    message.msg_iov = parts.data();
    message.msg_iovlen = second.empty() ? 1 : 2;
    const ssize_t sent = ::sendmsg(descriptor_.native_handle(), &message, MSG_NOSIGNAL);
    if (sent >= 0) return {State::moved, static_cast<std::size_t>(sent)};
    if (errno == EINTR) continue;
    if (errno == EAGAIN || errno == EWOULDBLOCK) return {State::want_write};
    failure_ = std::strerror(errno);
    return {State::ended};
  }
}

asio::awaitable<bool> Connection::wait(State want, const bool& expired) {
  const auto kind =
      want == State::want_read ? asio::posix::stream_descriptor::wait_read : asio::posix::stream_descriptor::wait_write;
  while (!aborted_ && !expired) {
    error_code error;
    co_await descriptor_.async_wait(kind, asio::redirect_error(asio::use_awaitable, error));
    if (!error) co_return !aborted_ && !expired;
    // The deadline of the other direction cancels this wait too: it is simply begun again.
    if (error != asio::error::operation_aborted) co_return false;
  }
  co_return false;
}

asio::awaitable<bool> Connection::handshake() {
  while (!aborted_ && !read_expired_) {
    ERR_clear_error();
    errno = 0;
    const Step step = tls_step(SSL_do_handshake(tls_.get()));
    if (step.state == State::moved) co_return true;
    if (step.state == State::ended) co_return false;
    if (!co_await wait(step.state, read_expired_)) co_return false;
  }
  co_return false;
}

asio::awaitable<std::size_t> Connection::read(char* into, std::size_t size) {
  while (!aborted_ && !read_expired_) {
    const Step step = try_read(into, size);
    if (step.state == State::moved) co_return step.bytes;
    if (step.state == State::ended) co_return 0;
    if (!co_await wait(step.state, read_expired_)) co_return 0;
  }
  co_return 0;
}

asio::awaitable<bool> Connection::write(std::string_view first, std::string_view second, Pace pace) {
  write_expired_ = false;
  std::size_t in_span = pace.min_bytes;  // the first span begins with the first wait
  while (!aborted_ && !(first.empty() && second.empty())) {
    const Step step = try_write(first, second);
    if (step.state == State::moved) {
      const std::size_t of_first = std::min(step.bytes, first.size());
      first.remove_prefix(of_first);
      second.remove_prefix(step.bytes - of_first);
      in_span += step.bytes;
      continue;
    }
    if (step.state == State::ended) break;
    if (in_span >= pace.min_bytes) {
      in_span = 0;
      write_deadline_us_ = system_clock().steady_us() + pace.timeout_ms * kMillisecond;
    }
    if (!co_await wait(step.state, write_expired_)) break;
  }
  write_deadline_us_ = 0;
  co_return !aborted_ && first.empty() && second.empty();
}

asio::awaitable<int> Connection::finish_connect() {
  if (!co_await wait(State::want_write, read_expired_)) co_return ETIMEDOUT;
  int error = 0;
  socklen_t size = sizeof error;
  if (::getsockopt(descriptor_.native_handle(), SOL_SOCKET, SO_ERROR, &error, &size) != 0) co_return errno;
  co_return error;
}

void Connection::set_read_deadline(int timeout_ms) {
  read_expired_ = false;
  read_deadline_us_ = system_clock().steady_us() + timeout_ms * kMillisecond;
}

void Connection::clear_read_deadline() {
  read_expired_ = false;
  read_deadline_us_ = 0;
}

void Connection::check_deadlines(std::int64_t now_us) {
  const bool read_due = read_deadline_us_ != 0 && read_deadline_us_ <= now_us;
  const bool write_due = write_deadline_us_ != 0 && write_deadline_us_ <= now_us;
  if (!read_due && !write_due) return;
  if (read_due) {
    read_expired_ = true;
    read_deadline_us_ = 0;
  }
  if (write_due) {
    write_expired_ = true;
    write_deadline_us_ = 0;
  }
  error_code ignored;
  descriptor_.cancel(ignored);
}

void Connection::abort() {
  aborted_ = true;
  error_code ignored;
  descriptor_.cancel(ignored);
}

void Connection::shutdown_write() {
  if (tls_ && SSL_is_init_finished(tls_.get())) {
    ERR_clear_error();
    SSL_shutdown(tls_.get());  // best effort: the alert is sent when there is room
    ERR_clear_error();
  }
  ::shutdown(descriptor_.native_handle(), SHUT_WR);
}

}  // namespace fairlead::net
