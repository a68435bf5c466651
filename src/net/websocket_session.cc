// SPDX-License-Identifier: Apache-2.0
#include "net/websocket_session.h"

#include <algorithm>
#include <chrono>
#include <exception>
#include <utility>

#include "base/bytes.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/log.h"

namespace fairlead::net {
namespace {

constexpr std::size_t kReadBytes = 16 << 10;
constexpr std::size_t kWriteBatchBytes = 256 << 10;
constexpr std::size_t kMaxDiscardedBytes = 16 << 20;
constexpr Pace kWebSocketPace = {.timeout_ms = 30'000, .min_bytes = 4'096};

constexpr std::uint16_t number_of(CloseCode code) { return static_cast<std::uint16_t>(code); }

}  // namespace

WebSocketSession::WebSocketSession(asio::io_context& io, WebSocketRole role, WebSocketLimits limits, std::string peer,
                                   std::string subprotocol)
    : io_(io),
      role_(role),
      limits_(limits),
      peer_(std::move(peer)),
      subprotocol_(std::move(subprotocol)),
      wake_writer_(std::make_unique<asio::steady_timer>(io)),
      wake_reader_(std::make_unique<asio::steady_timer>(io)),
      silence_(std::make_unique<asio::steady_timer>(io)) {
  wake_writer_->expires_at(asio::steady_timer::time_point::max());
  wake_reader_->expires_at(asio::steady_timer::time_point::max());
}

void WebSocketSession::wake() {
  if (ended_) return;
  asio::post(io_, [self = shared_from_this()] {
    if (self->wake_writer_) self->wake_writer_->cancel();
    if (self->wake_reader_) self->wake_reader_->cancel();
  });
}

void WebSocketSession::queue(Opcode opcode, std::string_view payload) {
  std::string mask;
  if (role_ == WebSocketRole::client) mask = random_bytes(4);
  std::string frame = encode_frame(opcode, payload, mask.empty() ? nullptr : mask.data());
  const bool first = frames_.empty();
  queued_bytes_ += frame.size();
  frames_.push_back(std::move(frame));
  if (first) wake();
}

void WebSocketSession::set_handlers(WebSocketHandlers handlers) {
  std::unique_lock lock(mutex_);
  if (handlers_set_) return;
  handlers_set_ = true;
  if (!ended_) {
    handlers_ = std::move(handlers);
    wake();
    return;
  }
  const std::uint16_t code = close_code_;
  const std::string reason = close_reason_;
  lock.unlock();
  if (handlers.on_close) handlers.on_close(code, reason);
}

bool WebSocketSession::send(std::string message) {
  const std::lock_guard lock(mutex_);
  if (ended_ || close_queued_ || message.size() > limits_.max_message_bytes) return false;
  if (queued_bytes_ + message.size() > limits_.max_queued_bytes) {
    refused_ = true;
    return false;
  }
  queue(Opcode::binary, message);
  return true;
}

void WebSocketSession::start_close(std::uint16_t code, std::string_view reason) {
  if (ended_ || close_queued_) return;
  close_queued_ = true;
  close_code_ = code;
  close_reason_ = std::string(reason);
  // 1005 and 1006 stand for "no code" and may not be sent.
  const bool silent = code == 1005 || code == number_of(CloseCode::lost);
  queue(Opcode::close, silent ? std::string() : close_payload(code, reason));
  wake();
}

void WebSocketSession::close(CloseCode code, std::string reason) {
  const std::lock_guard lock(mutex_);
  start_close(number_of(code), reason);
}

bool WebSocketSession::open() const {
  const std::lock_guard lock(mutex_);
  return !ended_ && !close_queued_;
}

std::size_t WebSocketSession::queued_bytes() const {
  const std::lock_guard lock(mutex_);
  return queued_bytes_;
}

asio::awaitable<void> WebSocketSession::run(std::shared_ptr<Connection> connection, std::string received) {
  connection_ = std::move(connection);
  connection_->clear_read_deadline();
  last_received_us_ = system_clock().steady_us();
  auto self = shared_from_this();
  asio::co_spawn(io_, [self]() -> asio::awaitable<void> { co_await self->write_all(); }, asio::detached);
  asio::co_spawn(io_, [self]() -> asio::awaitable<void> { co_await self->watch_silence(); }, asio::detached);
  co_await read_all(std::move(received));
  reader_done_ = true;
  // The writer still sends what is queued, above all our answer to a close frame. Without one there is nobody to
  // answer.
  if (!peer_closed_ && !close_sent_) connection_->abort();
  {
    const std::lock_guard lock(mutex_);
    wake();
  }
  while (!writer_done_) {
    error_code ignored;
    co_await wake_reader_->async_wait(asio::redirect_error(asio::use_awaitable, ignored));
  }
  silence_->cancel();
  connection_->shutdown_write();
  if (!peer_closed_) co_await discard_rest();
  finish();
}

// Unread bytes at the end would make the kernel reset the connection, and the peer might lose our close frame.
asio::awaitable<void> WebSocketSession::discard_rest() {
  std::string buffer(kReadBytes, '\0');
  std::size_t left = kMaxDiscardedBytes;
  connection_->set_read_deadline(limits_.close_timeout_ms);
  while (left > 0) {
    const std::size_t count = co_await connection_->read(buffer.data(), buffer.size());
    if (count == 0) break;
    left -= std::min(left, count);
  }
}

asio::awaitable<void> WebSocketSession::read_all(std::string received) {
  while (true) {
    {
      const std::lock_guard lock(mutex_);
      if (handlers_set_ || close_queued_ || connection_->aborted()) break;
    }
    error_code ignored;
    co_await wake_reader_->async_wait(asio::redirect_error(asio::use_awaitable, ignored));
  }
  FrameDecoder decoder(role_, limits_.max_message_bytes);
  std::string buffer(kReadBytes, '\0');
  std::string_view fresh = received;
  while (!connection_->aborted() && !peer_closed_) {
    if (!fresh.empty()) {
      last_received_us_ = system_clock().steady_us();
      const FrameDecoder::Problem problem =
          decoder.feed(fresh, [this](FrameDecoder::Event event) { take(std::move(event)); });
      if (problem.code != 0) {
        const std::lock_guard lock(mutex_);
        start_close(problem.code, problem.reason);
        close_sent_ = true;  // read on only to let our close frame arrive
        co_return;
      }
      if (peer_closed_) co_return;
    }
    const std::size_t count = co_await connection_->read(buffer.data(), buffer.size());
    if (count == 0) co_return;
    fresh = std::string_view(buffer.data(), count);
  }
}

void WebSocketSession::take(FrameDecoder::Event event) {
  switch (event.opcode) {
    case Opcode::ping: {
      const std::lock_guard lock(mutex_);
      // A peer that only pings and never reads must not fill the queue.
      if (!close_queued_ && queued_bytes_ < limits_.max_queued_bytes) queue(Opcode::pong, event.payload);
      return;
    }
    case Opcode::close: {
      peer_closed_ = true;
      const std::lock_guard lock(mutex_);
      start_close(event.code, event.payload);  // the answer; nothing where we closed first
      close_code_ = event.code;
      close_reason_ = event.payload;
      return;
    }
    case Opcode::binary: break;
    default: return;
  }
  {
    const std::lock_guard lock(mutex_);
    if (close_queued_) return;
  }
  if (!handlers_.on_message) return;
  try {
    handlers_.on_message(std::move(event.payload));
  } catch (...) {
    log::error("a WebSocket's message handler threw", {{"error", error_of(std::current_exception()).text()}});
    close(CloseCode::internal_error, "the message could not be handled");
  }
}

asio::awaitable<void> WebSocketSession::write_all() {
  auto self = shared_from_this();
  std::string batch;
  while (true) {
    bool last = false;
    {
      const std::lock_guard lock(mutex_);
      batch.clear();
      while (!frames_.empty() && batch.size() < kWriteBatchBytes) {
        batch += frames_.front();
        frames_.pop_front();
      }
      last = frames_.empty() && close_queued_;
    }
    if (connection_->aborted()) break;
    if (!batch.empty()) {
      if (!co_await connection_->write(batch, std::string_view(), kWebSocketPace)) {
        connection_->abort();
        break;
      }
      {
        const std::lock_guard lock(mutex_);
        queued_bytes_ -= batch.size();
      }
      report_drained();
    }
    if (last) {
      close_sent_ = true;
      // The peer answers our close, or has sent its own already.
      if (!peer_closed_ && !reader_done_) connection_->set_read_deadline(limits_.close_timeout_ms);
      break;
    }
    if (!batch.empty()) continue;
    if (reader_done_) break;
    error_code ignored;
    co_await wake_writer_->async_wait(asio::redirect_error(asio::use_awaitable, ignored));
  }
  writer_done_ = true;
  wake_reader_->cancel();
}

void WebSocketSession::report_drained() {
  std::function<void()> drained;
  {
    const std::lock_guard lock(mutex_);
    if (!refused_ || queued_bytes_ > limits_.max_queued_bytes / 2) return;
    refused_ = false;
    drained = handlers_.on_drained;
  }
  try {
    if (drained) drained();
  } catch (...) {
    log::error("a WebSocket's drain handler threw", {{"error", error_of(std::current_exception()).text()}});
  }
}

asio::awaitable<void> WebSocketSession::watch_silence() {
  auto self = shared_from_this();
  const std::int64_t interval_us = limits_.ping_interval_ms * kMillisecond;
  const std::int64_t dead_us = limits_.dead_after_ms * kMillisecond;
  while (!reader_done_) {
    silence_->expires_after(std::chrono::microseconds(interval_us));
    error_code ignored;
    co_await silence_->async_wait(asio::redirect_error(asio::use_awaitable, ignored));
    if (reader_done_ || connection_->aborted()) break;
    const std::int64_t silent_us = system_clock().steady_us() - last_received_us_;
    if (silent_us >= dead_us) {
      const std::lock_guard lock(mutex_);
      close_code_ = number_of(CloseCode::lost);
      close_reason_ = "the peer was silent for too long";
      connection_->abort();
      wake();
      break;
    }
    if (silent_us < interval_us) continue;
    const std::lock_guard lock(mutex_);
    if (!close_queued_) queue(Opcode::ping, {});
  }
}

void WebSocketSession::finish() {
  std::function<void(std::uint16_t, std::string)> on_close;
  std::uint16_t code = 0;
  std::string reason;
  {
    const std::lock_guard lock(mutex_);
    ended_ = true;
    frames_.clear();
    queued_bytes_ = 0;
    code = close_code_;
    reason = close_reason_;
    if (handlers_set_) on_close = std::move(handlers_.on_close);
  }
  wake_writer_.reset();
  wake_reader_.reset();
  silence_.reset();
  connection_.reset();
  // Dropped after the call, and here rather than with the last pointer: handlers often hold the socket itself.
  const WebSocketHandlers kept = std::move(handlers_);
  try {
    if (on_close) on_close(code, std::move(reason));
  } catch (...) {
    log::error("a WebSocket's close handler threw", {{"error", error_of(std::current_exception()).text()}});
  }
}

void WebSocketSession::abandon() {
  {
    const std::lock_guard lock(mutex_);
    if (close_reason_.empty()) close_reason_ = "the connection was not opened";
  }
  finish();
}

}  // namespace fairlead::net
