// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <exception>
#include <future>
#include <mutex>
#include <thread>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "base/log.h"
#include "base/text.h"
#include "base/thread.h"
#include "net/dial.h"
#include "net/http_client.h"
#include "net/websocket_session.h"

namespace fairlead::net {
namespace {

constexpr std::size_t kMaxWaitingLookups = 1'000;
constexpr auto kDeadlineTick = std::chrono::milliseconds(200);
constexpr auto kGoodbyeTime = std::chrono::milliseconds(500);

// One dial, then one socket.
struct Line {
  DialOptions options;
  std::vector<std::weak_ptr<Connection>> connections;
  std::shared_ptr<WebSocketSession> socket;
};

}  // namespace

struct WebSocketDialer::Impl {
  Impl();
  ~Impl();
  asio::awaitable<void> run(std::shared_ptr<Line> line, std::function<void(DialResult)> done);
  asio::awaitable<void> watch_deadlines();
  void abort_all();

  asio::io_context io{1};
  WorkerPool resolver{"ws-resolver", 1, kMaxWaitingLookups};
  asio::steady_timer timer{io};
  std::unique_ptr<asio::executor_work_guard<asio::io_context::executor_type>> work;
  std::vector<std::shared_ptr<Line>> lines;  // io thread
  bool stopping = false;                     // io thread
  bool ticking = false;                      // io thread
  std::mutex mutex;
  std::condition_variable changed;
  std::size_t open = 0;  // guarded by mutex: lines not yet ended
  std::thread thread;
};

WebSocketDialer::Impl::Impl() {
  work = std::make_unique<asio::executor_work_guard<asio::io_context::executor_type>>(io.get_executor());
  thread = start_thread("ws-dialer", [this] { io.run(); });
}

WebSocketDialer::Impl::~Impl() {
  asio::post(io, [this] {
    stopping = true;
    for (const auto& line : lines) {
      if (line->socket) {
        line->socket->close(CloseCode::going_away, "closing");
        continue;
      }
      for (const auto& weak : line->connections) {
        if (const auto connection = weak.lock()) connection->abort();
      }
    }
  });
  {
    std::unique_lock lock(mutex);
    changed.wait_for(lock, kGoodbyeTime, [&] { return open == 0; });
  }
  asio::post(io, [this] { abort_all(); });
  resolver.stop();
  {
    std::unique_lock lock(mutex);
    changed.wait(lock, [&] { return open == 0; });
  }
  asio::post(io, [this] {
    work.reset();
    timer.cancel();
  });
  thread.join();
}

void WebSocketDialer::Impl::abort_all() {
  for (const auto& line : lines) {
    for (const auto& weak : line->connections) {
      if (const auto connection = weak.lock()) connection->abort();
    }
    if (line->socket) line->socket->close(CloseCode::going_away, "closing");
  }
}

asio::awaitable<void> WebSocketDialer::Impl::watch_deadlines() {
  while (!lines.empty()) {
    timer.expires_after(kDeadlineTick);
    error_code ignored;
    co_await timer.async_wait(asio::redirect_error(asio::use_awaitable, ignored));
    const std::int64_t now = system_clock().steady_us();
    for (const auto& line : lines) {
      for (const auto& weak : line->connections) {
        if (const auto connection = weak.lock()) connection->check_deadlines(now);
      }
    }
  }
  ticking = false;
}

asio::awaitable<void> WebSocketDialer::Impl::run(std::shared_ptr<Line> line, std::function<void(DialResult)> done) {
  DialResult result;
  OpenedSocket opened;
  try {
    if (stopping) throw Error(Fault::cancelled, "the dialer is closing");
    DialContext context{
        .io = io, .resolver = resolver, .adopt = [this, line](const std::shared_ptr<Connection>& connection) {
          std::erase_if(line->connections, [](const auto& weak) { return weak.expired(); });
          line->connections.push_back(connection);
          if (stopping) connection->abort();
        }};
    opened = co_await open_socket(std::move(context), line->options);
  } catch (const UpgradeRefused& refused) {
    result.http_status = refused.status;
    result.http_body = refused.body;
    const Fault fault = refused.status == 401   ? Fault::unauthenticated
                        : refused.status == 403 ? Fault::forbidden
                                                : Fault::unavailable;
    result.error = Error(fault, text::format("{} refused the connection with status {}",
                                             text::shorten(url_for_text(line->options.url), 200), refused.status));
  } catch (...) {
    result.error = error_of(std::current_exception());
  }
  if (!result.error) {
    line->socket = std::make_shared<WebSocketSession>(io, WebSocketRole::client, line->options.limits,
                                                      opened.connection->peer(), opened.subprotocol);
    result.socket = line->socket;
  }
  try {
    done(std::move(result));
  } catch (...) {
    log::error("a dialer's callback threw", {{"error", error_of(std::current_exception()).text()}});
  }
  done = nullptr;
  if (!line->socket) co_return;
  if (stopping) line->socket->close(CloseCode::going_away, "closing");
  co_await line->socket->run(opened.connection, std::move(opened.received));
}

WebSocketDialer::WebSocketDialer() : impl_(std::make_unique<Impl>()) {}

WebSocketDialer::~WebSocketDialer() = default;

void WebSocketDialer::dial(DialOptions options, std::function<void(DialResult)> done) {
  auto line = std::make_shared<Line>();
  line->options = std::move(options);
  {
    const std::lock_guard lock(impl_->mutex);
    ++impl_->open;
  }
  asio::post(impl_->io, [impl = impl_.get(), line, done = std::move(done)]() mutable {
    impl->lines.push_back(line);
    if (!std::exchange(impl->ticking, true)) asio::co_spawn(impl->io, impl->watch_deadlines(), asio::detached);
    asio::co_spawn(impl->io, impl->run(line, std::move(done)), [impl, line](std::exception_ptr thrown) {
      if (thrown) log::error("a WebSocket's session threw", {{"error", error_of(thrown).text()}});
      std::erase(impl->lines, line);
      const std::lock_guard lock(impl->mutex);
      --impl->open;
      impl->changed.notify_all();
    });
  });
}

std::shared_ptr<WebSocket> dial_and_wait(WebSocketDialer& dialer, DialOptions options) {
  // Shared: the promise is still inside set_value() when the waiting thread goes on.
  const auto promise = std::make_shared<std::promise<DialResult>>();
  std::future<DialResult> future = promise->get_future();
  dialer.dial(std::move(options), [promise](DialResult result) { promise->set_value(std::move(result)); });
  DialResult result = future.get();
  if (result.error) throw *std::move(result.error);
  return result.socket;
}

}  // namespace fairlead::net
