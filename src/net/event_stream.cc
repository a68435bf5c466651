// SPDX-License-Identifier: Apache-2.0
#include "net/event_stream.h"

#include <chrono>
#include <exception>
#include <utility>

#include "base/error.h"
#include "base/log.h"
#include "base/text.h"

namespace fairlead::net {

std::string event_text(std::string_view id, std::string_view name, std::string_view data) {
  std::string text;
  // A line break in id or name would start another field.
  const auto one_line = [](std::string_view value) {
    return text::replace_all(text::replace_all(std::string(value), "\r", " "), "\n", " ");
  };
  if (!id.empty()) text += "id: " + one_line(id) + "\n";
  if (!name.empty()) text += "event: " + one_line(name) + "\n";
  const std::string unified = text::replace_all(text::replace_all(std::string(data), "\r\n", "\n"), "\r", "\n");
  for (const std::string& line : text::split(unified, '\n')) text += "data: " + line + "\n";
  return text + "\n";
}

EventStreamSession::EventStreamSession(asio::io_context& io, std::size_t max_buffer_bytes)
    : io_(io), max_buffer_bytes_(max_buffer_bytes), wake_(std::make_unique<asio::steady_timer>(io)) {}

void EventStreamSession::wake() {
  if (ended_) return;
  asio::post(io_, [self = shared_from_this()] {
    if (self->wake_) self->wake_->cancel();
  });
}

bool EventStreamSession::push(std::string_view text) {
  const std::lock_guard lock(mutex_);
  if (closing_ || ended_) return false;
  if (buffer_.size() + text.size() > max_buffer_bytes_) {
    closing_ = true;
    wake();
    return false;
  }
  const bool first = buffer_.empty();
  buffer_ += text;
  if (first) wake();
  return true;
}

void EventStreamSession::close() {
  const std::lock_guard lock(mutex_);
  closing_ = true;
  wake();
}

bool EventStreamSession::closed() const {
  const std::lock_guard lock(mutex_);
  return closing_ || ended_;
}

void EventStreamSession::on_closed(std::function<void()> f) {
  {
    const std::lock_guard lock(mutex_);
    if (!ended_) {
      on_closed_ = std::move(f);
      return;
    }
  }
  f();
}

asio::awaitable<void> EventStreamSession::watch_peer(std::shared_ptr<Connection> connection) {
  auto self = shared_from_this();
  char ignored[1024];
  // A browser sends nothing on this connection; whatever comes is dropped until it goes away.
  while (co_await connection->read(ignored, sizeof ignored) > 0) continue;
  connection->abort();
  if (wake_) wake_->cancel();
}

asio::awaitable<void> EventStreamSession::run(std::shared_ptr<Connection> connection, int heartbeat_ms, Pace pace) {
  connection->clear_read_deadline();
  auto self = shared_from_this();
  asio::co_spawn(
      io_, [self, connection]() -> asio::awaitable<void> { co_await self->watch_peer(connection); }, asio::detached);
  std::string batch;
  while (!connection->aborted()) {
    bool last = false;
    {
      const std::lock_guard lock(mutex_);
      batch.swap(buffer_);
      buffer_.clear();
      last = closing_;
    }
    if (!batch.empty() && !co_await connection->write(batch, std::string_view(), pace)) break;
    if (last) break;
    if (!batch.empty()) {
      batch.clear();
      continue;
    }
    wake_->expires_after(std::chrono::milliseconds(heartbeat_ms));
    error_code error;
    co_await wake_->async_wait(asio::redirect_error(asio::use_awaitable, error));
    if (!error && !co_await connection->write(": heartbeat\n\n", std::string_view(), pace)) break;
  }
  connection->shutdown_write();
  connection->abort();
  finish();
}

void EventStreamSession::finish() {
  std::function<void()> on_closed;
  {
    const std::lock_guard lock(mutex_);
    if (ended_) return;
    ended_ = true;
    buffer_.clear();
    on_closed = std::move(on_closed_);
    on_closed_ = nullptr;
  }
  wake_.reset();
  try {
    if (on_closed) on_closed();
  } catch (...) {
    log::error("an event stream's on_closed threw", {{"error", error_of(std::current_exception()).text()}});
  }
}

}  // namespace fairlead::net
