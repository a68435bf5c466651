// SPDX-License-Identifier: Apache-2.0
// A WebSocket after its handshake, on either side. Frames are queued from any thread; the connection is touched on the
// io thread only.
#pragma once

#include <deque>
#include <memory>
#include <mutex>
#include <string>

#include "net/connection.h"
#include "net/websocket.h"
#include "net/websocket_codec.h"

namespace fairlead::net {

class WebSocketSession : public WebSocket, public std::enable_shared_from_this<WebSocketSession> {
 public:
  WebSocketSession(asio::io_context& io, WebSocketRole role, WebSocketLimits limits, std::string peer,
                   std::string subprotocol);

  void set_handlers(WebSocketHandlers handlers) override;
  bool send(std::string message) override;
  void close(CloseCode code, std::string reason) override;
  bool open() const override;
  std::size_t queued_bytes() const override;
  const std::string& peer_address() const override { return peer_; }
  const std::string& subprotocol() const override { return subprotocol_; }

  // Io thread. Returns when the connection has ended and on_close has been called (or will be by set_handlers).
  // `received`: bytes read behind the handshake.
  asio::awaitable<void> run(std::shared_ptr<Connection> connection, std::string received);
  // Io thread: ends a session that never ran (the upgrade was refused or failed).
  void abandon();

 private:
  void wake();                                                    // with mutex_ held
  void queue(Opcode opcode, std::string_view payload);            // with mutex_ held
  void start_close(std::uint16_t code, std::string_view reason);  // with mutex_ held
  asio::awaitable<void> read_all(std::string received);
  asio::awaitable<void> discard_rest();
  asio::awaitable<void> write_all();
  asio::awaitable<void> watch_silence();
  void take(FrameDecoder::Event event);
  void finish();
  void report_drained();

  asio::io_context& io_;
  const WebSocketRole role_;
  const WebSocketLimits limits_;
  const std::string peer_;
  const std::string subprotocol_;

  mutable std::mutex mutex_;
  std::deque<std::string> frames_;
  std::size_t queued_bytes_ = 0;
  bool ended_ = false;  // nothing may be posted to io_ any more
  bool close_queued_ = false;
  bool refused_ = false;  // a send() did not fit: on_drained is owed
  bool handlers_set_ = false;
  WebSocketHandlers handlers_;  // written under mutex_ once, then read on the io thread
  std::uint16_t close_code_ = static_cast<std::uint16_t>(CloseCode::lost);
  std::string close_reason_;

  // Io thread only:
  std::shared_ptr<Connection> connection_;
  // Given up in finish(): the object may outlive the io context.
  std::unique_ptr<asio::steady_timer> wake_writer_;
  std::unique_ptr<asio::steady_timer> wake_reader_;  // waits for handlers
  std::unique_ptr<asio::steady_timer> silence_;
  std::int64_t last_received_us_ = 0;
  bool peer_closed_ = false;
  bool writer_done_ = false;
  bool reader_done_ = false;
  bool close_sent_ = false;
};

}  // namespace fairlead::net
