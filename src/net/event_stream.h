// SPDX-License-Identifier: Apache-2.0
// The server's end of a server-sent-events response. Text is queued from any thread and written on the io thread.
#pragma once

#include <functional>
#include <memory>
#include <mutex>
#include <string>

#include "net/connection.h"
#include "net/http_server.h"

namespace fairlead::net {

class EventStreamSession : public EventStream, public std::enable_shared_from_this<EventStreamSession> {
 public:
  EventStreamSession(asio::io_context& io, std::size_t max_buffer_bytes);
  bool push(std::string_view text) override;
  void close() override;
  bool closed() const override;
  void on_closed(std::function<void()> f) override;

  // Io thread. Writes what is pushed, and a comment after heartbeat_ms of silence, until either side ends.
  asio::awaitable<void> run(std::shared_ptr<Connection> connection, int heartbeat_ms, Pace pace);
  // Io thread: the stream was refused or never began. Calls on_closed.
  void finish();

 private:
  void wake();  // with mutex_ held
  asio::awaitable<void> watch_peer(std::shared_ptr<Connection> connection);

  asio::io_context& io_;
  const std::size_t max_buffer_bytes_;
  mutable std::mutex mutex_;
  std::string buffer_;
  std::function<void()> on_closed_;
  bool closing_ = false;  // no more pushes; what is queued still goes out
  bool ended_ = false;    // nothing may be posted to io_ any more
  std::unique_ptr<asio::steady_timer>
      wake_;  // io thread only; given up in finish(): the object may outlive the io context
};

}  // namespace fairlead::net
