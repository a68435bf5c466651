// SPDX-License-Identifier: Apache-2.0
#include "net/testing/raw_client.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>

#include <algorithm>

#include "base/error.h"
#include "base/text.h"

namespace fairlead::net::testing {
namespace {

sockaddr_in loopback(std::uint16_t port) {
  sockaddr_in address = {};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return address;
}

void set_patience(int descriptor) {
  const timeval patience = {.tv_sec = kPatienceSeconds, .tv_usec = 0};
  ::setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
  ::setsockopt(descriptor, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
}

}  // namespace

RawClient::RawClient(std::uint16_t port) : socket_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
  const sockaddr_in address = loopback(port);
  set_patience(socket_.get());
  if (::connect(socket_.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
    throw Error(Fault::unavailable, "a test cannot connect to its server");
  }
}

RawClient::RawClient(const std::string& unix_socket) : socket_(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
  sockaddr_un address = {};
  address.sun_family = AF_UNIX;
  std::copy(unix_socket.begin(), unix_socket.end(), address.sun_path);
  set_patience(socket_.get());
  if (::connect(socket_.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
    throw Error(Fault::unavailable, "a test cannot connect to its server");
  }
}

bool RawClient::send(std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t sent = ::send(socket_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (sent <= 0) return false;
    bytes.remove_prefix(static_cast<std::size_t>(sent));
  }
  return true;
}

bool RawClient::fill() {
  char bytes[16384];
  const ssize_t got = ::recv(socket_.get(), bytes, sizeof bytes, 0);
  if (got > 0) buffer_.append(bytes, static_cast<std::size_t>(got));
  return got > 0;
}

RawResponse RawClient::read_response(bool head_only) {
  RawResponse response;
  std::size_t end = 0;
  while ((end = buffer_.find("\r\n\r\n")) == std::string::npos) {
    if (!fill()) return response;
  }
  response.head = buffer_.substr(0, end + 2);
  buffer_.erase(0, end + 4);
  const int status = static_cast<int>(text::parse_int(response.head.substr(9, 3)).value_or(0));
  const std::string lower = text::lower(response.head);
  const std::size_t field = lower.find("\r\ncontent-length:");
  std::size_t length = 0;
  if (field != std::string::npos && !head_only) {
    const std::size_t start = field + 17;
    length = static_cast<std::size_t>(
        text::parse_int(text::trim(lower.substr(start, lower.find('\r', start) - start))).value_or(0));
  }
  response.body = read_exactly(length);
  if (response.body.size() == length) response.status = status;
  return response;
}

bool RawClient::read_until(std::string_view text) {
  while (buffer_.find(text) == std::string::npos) {
    if (!fill()) return false;
  }
  buffer_.erase(0, buffer_.find(text) + text.size());
  return true;
}

std::string RawClient::read_to_end() {
  while (fill()) continue;
  return std::move(buffer_);
}

std::string RawClient::read_exactly(std::size_t count) {
  while (buffer_.size() < count && fill()) continue;
  std::string bytes = buffer_.substr(0, count);
  buffer_.erase(0, count);
  return bytes;
}

void RawClient::shutdown_write() { ::shutdown(socket_.get(), SHUT_WR); }

RawListener::RawListener() : socket_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
  sockaddr_in address = loopback(0);
  socklen_t size = sizeof address;
  set_patience(socket_.get());
  if (::bind(socket_.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) != 0 ||
      ::listen(socket_.get(), 16) != 0 ||
      ::getsockname(socket_.get(), reinterpret_cast<sockaddr*>(&address), &size) != 0) {
    throw Error(Fault::unavailable, "a test cannot listen");
  }
  port_ = ntohs(address.sin_port);
}

file::Descriptor RawListener::accept() {
  file::Descriptor accepted(::accept4(socket_.get(), nullptr, nullptr, SOCK_CLOEXEC));
  if (accepted.valid()) set_patience(accepted.get());
  return accepted;
}

}  // namespace fairlead::net::testing
