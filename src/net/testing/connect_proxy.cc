// SPDX-License-Identifier: Apache-2.0
#include "net/testing/connect_proxy.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>

#include "base/text.h"

namespace fairlead::net::testing {
namespace {

// "CONNECT 127.0.0.1:443 HTTP/1.1" -> 443; every host is this machine.
std::uint16_t connect_port(const std::string& head) {
  const std::size_t end = head.find(" HTTP/1.1\r\n");
  const std::size_t colon = head.rfind(':', end);
  if (!head.starts_with("CONNECT ") || end == std::string::npos || colon == std::string::npos) return 0;
  return static_cast<std::uint16_t>(text::parse_int(head.substr(colon + 1, end - colon - 1)).value_or(0));
}

int connect_to(std::uint16_t port) {
  const int socket = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address = {};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (::connect(socket, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0) return socket;
  ::close(socket);
  return -1;
}

int connect_to(const std::string& unix_socket) {
  const int socket = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_un address = {};
  address.sun_family = AF_UNIX;
  std::copy(unix_socket.begin(), unix_socket.end(), address.sun_path);
  if (::connect(socket, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0) return socket;
  ::close(socket);
  return -1;
}

void send_text(int socket, const std::string& text) {
  static_cast<void>(::send(socket, text.data(), text.size(), MSG_NOSIGNAL));
}

}  // namespace

ConnectProxy::ConnectProxy(std::string refusal, std::string unix_target)
    : refusal_(std::move(refusal)), unix_target_(std::move(unix_target)) {
  acceptor_ = std::thread([this] {
    while (true) {
      file::Descriptor accepted = listener_.accept();
      const std::lock_guard lock(mutex_);
      if (stopping_) return;
      if (!accepted.valid()) continue;
      const int client = accepted.get();
      descriptors_.push_back(std::move(accepted));
      connections_.emplace_back([this, client] { serve(client); });
    }
  });
}

ConnectProxy::~ConnectProxy() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
    changed_.notify_all();
    for (const file::Descriptor& descriptor : descriptors_) ::shutdown(descriptor.get(), SHUT_RDWR);
  }
  {
    const RawClient wake(port());
  }
  acceptor_.join();
  for (std::thread& connection : connections_) connection.join();
}

void ConnectProxy::freeze() {
  const std::lock_guard lock(mutex_);
  ++generation_;
}

std::vector<std::string> ConnectProxy::heads() const {
  const std::lock_guard lock(mutex_);
  return heads_;
}

void ConnectProxy::serve(int client) {
  std::string head;
  char byte = 0;
  while (!head.ends_with("\r\n\r\n")) {
    if (::recv(client, &byte, 1, 0) != 1) return;
    head.push_back(byte);
  }
  int server = -1;
  int generation = 0;
  {
    const std::lock_guard lock(mutex_);
    heads_.push_back(head);
    if (refusal_.empty()) server = unix_target_.empty() ? connect_to(connect_port(head)) : connect_to(unix_target_);
    generation = generation_;
    if (server >= 0) descriptors_.emplace_back(server);
    if (server >= 0 && stopping_) ::shutdown(server, SHUT_RDWR);
  }
  if (server < 0) {
    send_text(client, text::format("HTTP/1.1 {}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n",
                                   refusal_.empty() ? "502 Bad Gateway" : refusal_));
    ::shutdown(client, SHUT_RDWR);
    return;
  }
  send_text(client, "HTTP/1.1 200 Connected\r\n\r\n");
  std::thread back([this, client, server, generation] { copy(server, client, generation); });
  copy(client, server, generation);
  back.join();
}

void ConnectProxy::copy(int from, int to, int generation) {
  char bytes[16384];
  while (true) {
    const ssize_t got = ::recv(from, bytes, sizeof bytes, 0);
    {
      std::unique_lock lock(mutex_);
      changed_.wait(lock, [&] { return stopping_ || generation == generation_; });
    }
    if (got <= 0) break;
    ssize_t sent = 0;
    while (sent < got) {
      const ssize_t now = ::send(to, bytes + sent, static_cast<std::size_t>(got - sent), MSG_NOSIGNAL);
      if (now <= 0) break;
      sent += now;
    }
    if (sent < got) break;
  }
  ::shutdown(from, SHUT_RD);
  ::shutdown(to, SHUT_WR);
}

}  // namespace fairlead::net::testing
