// SPDX-License-Identifier: Apache-2.0
// One connected socket, plain or TLS, driven on its io thread. System calls are tried at once and a coroutine waits
// only when they would block. TLS runs on the descriptor itself: an idle TLS connection costs 15 KB instead of 78 KB
// with a stream on top of it. Reading and writing may go on at the same time, each by one coroutine. All members: io
// thread only.
#pragma once

#include <openssl/ssl.h>

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "base/file.h"
#include "net/asio.h"

namespace fairlead::net {

struct FreeSsl {
  void operator()(SSL* ssl) const { SSL_free(ssl); }
  void operator()(SSL_CTX* context) const { SSL_CTX_free(context); }
};
using SslContext = std::unique_ptr<SSL_CTX, FreeSsl>;

// Server side: certificate chain and key from PEM files. Throws Error(invalid) naming the file.
SslContext make_server_tls(const std::string& certificate_file, const std::string& key_file);

// At least `min_bytes` must move within each span of `timeout_ms`.
struct Pace {
  int timeout_ms = 30'000;
  std::size_t min_bytes = 1;
};

class Connection {
 public:
  // Takes over a connected, non-blocking descriptor. `tls` null: plain.
  Connection(asio::io_context& io, file::Descriptor descriptor, std::unique_ptr<SSL, FreeSsl> tls, std::string peer);

  // TLS only; the direction was set on the SSL object. False on failure.
  asio::awaitable<bool> handshake();
  // At least one byte, or 0 when the connection has ended, failed, expired or was aborted.
  asio::awaitable<std::size_t> read(char* into, std::size_t size);
  // All of both; false when that is not possible at the pace.
  asio::awaitable<bool> write(std::string_view first, std::string_view second, Pace pace);
  // Waits for a connect() under way. Returns its errno, 0 on success, ETIMEDOUT when aborted or expired.
  asio::awaitable<int> finish_connect();

  // Reading that has not got anything by then fails, and expired() becomes true.
  void set_read_deadline(int timeout_ms);
  void clear_read_deadline();
  bool expired() const { return read_expired_; }
  // Called regularly by the owner.
  void check_deadlines(std::int64_t now_us);
  // Wakes everything that waits; all calls fail from now on.
  void abort();
  bool aborted() const { return aborted_; }
  // No more is sent; the peer reads to the end.
  void shutdown_write();

  const std::string& peer() const { return peer_; }
  bool secure() const { return tls_ != nullptr; }
  SSL* ssl() const { return tls_.get(); }
  // What OpenSSL or the system said last about a failure.
  const std::string& failure() const { return failure_; }
  void start_tls(std::unique_ptr<SSL, FreeSsl> tls);

 private:
  enum class State { moved, want_read, want_write, ended };
  struct Step {
    State state;
    std::size_t bytes = 0;
  };
  Step try_read(char* into, std::size_t size);
  Step try_write(std::string_view first, std::string_view second);
  Step tls_step(int result);
  // False once aborted or expired.
  asio::awaitable<bool> wait(State want, const bool& expired);

  asio::posix::stream_descriptor descriptor_;
  std::unique_ptr<SSL, FreeSsl> tls_;
  const std::string peer_;
  std::string failure_;
  std::int64_t read_deadline_us_ = 0;  // 0: none
  std::int64_t write_deadline_us_ = 0;
  bool read_expired_ = false;
  bool write_expired_ = false;
  bool aborted_ = false;
};

}  // namespace fairlead::net
