// SPDX-License-Identifier: Apache-2.0
// A blocking TCP client that sends exactly what a test says, however wrong. Waits are bounded by kPatience so that a
// broken server fails a test instead of hanging it.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/file.h"

namespace fairlead::net::testing {

inline constexpr int kPatienceSeconds = 20;

struct RawResponse {
  int status = 0;  // 0: the connection ended before a whole response
  std::string head;
  std::string body;
};

class RawClient {
 public:
  explicit RawClient(std::uint16_t port);  // 127.0.0.1
  explicit RawClient(const std::string& unix_socket);
  // False once the peer has closed.
  bool send(std::string_view bytes);
  // One response by its Content-Length; `head_only` for HEAD. A 1xx response counts as one.
  RawResponse read_response(bool head_only = false);
  // Reads until the text has come; false at the end of the connection.
  bool read_until(std::string_view text);
  // Everything up to the end of the connection.
  std::string read_to_end();
  // Exactly this many bytes, fewer at the end of the connection.
  std::string read_exactly(std::size_t count);
  void shutdown_write();
  void close() { socket_.reset(); }

 private:
  bool fill();
  file::Descriptor socket_;
  std::string buffer_;
};

// A listener that accepts and does what the test says with the descriptor.
class RawListener {
 public:
  RawListener();
  std::uint16_t port() const { return port_; }
  file::Descriptor accept();

 private:
  file::Descriptor socket_;
  std::uint16_t port_ = 0;
};

}  // namespace fairlead::net::testing
