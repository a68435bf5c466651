// SPDX-License-Identifier: Apache-2.0
// What the parts of the server share. Everything is used on the io thread except where it says so.
#pragma once

#include <atomic>
#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <unordered_map>
#include <vector>

#include "base/metrics.h"
#include "base/worker_pool.h"
#include "net/asio.h"
#include "net/connection.h"
#include "net/event_stream.h"
#include "net/http_server.h"
#include "net/request_parser.h"
#include "net/tls_files.h"
#include "net/websocket_session.h"

namespace fairlead::net {

// One accepted connection and what it is doing, so that stop() can end it in the way that fits.
struct Session {
  std::shared_ptr<Connection> connection;
  bool idle = false;  // between requests
  bool local = false;
  std::shared_ptr<EventStreamSession> events;
  std::shared_ptr<WebSocketSession> socket;
};

struct HttpServer::Impl {
  Impl(HttpServerOptions given, Handler& handler_given);
  ~Impl();

  void start();
  void stop();

  // http_session.cc: serves one connection to its end.
  asio::awaitable<void> serve(std::shared_ptr<Session> session);
  // The current Date header's value.
  const std::string& date();

  const HttpServerOptions options;
  Handler& handler;
  std::unique_ptr<TlsFiles> tls;  // null: plain
  asio::io_context io{1};
  std::vector<std::unique_ptr<asio::posix::stream_descriptor>> listeners;
  std::uint16_t bound_port = 0;
  bool stopping = false;
  std::unordered_map<Session*, std::shared_ptr<Session>> sessions;
  std::uint64_t buffered_body_bytes = 0;
  WorkerPool fast;
  WorkerPool slow;
  metrics::Counter& requests;
  metrics::Counter& refused;

  std::mutex mutex;  // for open_count's waiters
  std::condition_variable all_closed;
  std::atomic<std::size_t> open_count{0};  // any thread

 private:
  void listen_tcp();
  void listen_unix();
  asio::awaitable<void> accept_all(asio::posix::stream_descriptor& listener, bool local);
  void admit(file::Descriptor descriptor, std::string peer, bool local);
  asio::awaitable<void> watch_deadlines();
  void begin_stop();
  void abort_all();
  bool wait_until_closed(int timeout_ms);

  asio::steady_timer deadline_timer_;
  std::unique_ptr<asio::executor_work_guard<asio::io_context::executor_type>> work_;
  std::thread thread_;
  std::int64_t date_second_ = -1;
  std::string date_;
  bool started_ = false;
};

}  // namespace fairlead::net
