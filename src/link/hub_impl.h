// SPDX-License-Identifier: Apache-2.0
// The inside of Hub, shared by hub.cc (interface, life cycle, sending) and hub_session.cc (handshake, receiving). Not
// for others.
//
// Threads: socket callbacks run on the server's io thread and only move data; HubEvents is called on `pool`, one call
// at a time per Peer (its `inbox` is drained by one job); `ticker` pings. Locks: hub mutex, then a peer's or a
// connection's; none is held across HubEvents.
#pragma once

#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>

#include "base/cancel.h"
#include "base/worker_pool.h"
#include "link/hub.h"
#include "link/messages.h"
#include "link/session.h"

namespace fairlead::link {

inline constexpr std::size_t kMaxHandshakes = 1'000;  // sockets that have not proved who they are
inline constexpr std::size_t kMaxQueuedBytesPerExecutor = std::size_t{64} << 20;
inline constexpr std::size_t kMaxReportsPerCall = 256;
inline constexpr std::size_t kMaxWaitingStatusBytes = std::size_t{8} << 20;  // per executor

// What a peer's job hands to HubEvents, in order.
struct HubEvent {
  std::optional<SessionInfo> session;
  std::optional<Message> message;
};

// One executor that has proved who it is. Lives on while disconnected, so that it can go on where it was.
struct Peer {
  explicit Peer(std::string id) : executor(std::move(id)) {}
  const std::string executor;
  std::mutex mutex;  // guards everything below
  std::unique_ptr<Session> session;
  bool session_is_broken = false;  // an effect failed: the next connection begins a new session
  SessionInfo info;
  std::string public_key;
  std::shared_ptr<net::WebSocket> socket;  // null: not connected
  std::uint64_t connection = 0;            // which one
  std::int64_t next_ping_us = 0;
  std::optional<std::string> unsent;  // a frame that the socket had no room for
  std::deque<HubEvent> inbox;
  std::size_t status_bytes = 0;  // in the inbox
  bool scheduled = false;
};

// One socket.
struct Connection {
  std::uint64_t id = 0;
  std::shared_ptr<net::WebSocket> socket;
  Challenge challenge;
  std::string peer_address;
  std::int64_t opened_us = 0;
  std::mutex mutex;  // guards everything below; taken after a peer's where both are
  bool said_hello = false;
  bool closed = false;
  std::shared_ptr<Peer> peer;
};

struct Hub::Impl : std::enable_shared_from_this<Hub::Impl> {
  Impl(HubOptions options_, HubSecrets secrets_, HubEvents& events_, Clock& clock_);

  // hub.cc
  std::optional<net::Response> accept(net::Request&& request, std::shared_ptr<net::WebSocket> socket);
  Sent send(const std::string& executor, std::string_view incarnation, Command command);
  bool cancel(const std::string& executor, const Cancel& cancel);
  Sent queue(Peer& peer, std::string_view incarnation, std::string text);
  std::shared_ptr<Peer> find(const std::string& executor) const;
  std::shared_ptr<Peer> find_or_make(const std::string& executor);
  void tick();
  void stop();
  void pump(Peer& peer);  // with the peer's mutex

  // hub_session.cc
  void on_message(const std::shared_ptr<Connection>& connection, std::string bytes);
  void on_close(const std::shared_ptr<Connection>& connection);
  void authenticate(const std::shared_ptr<Connection>& connection, const Hello& hello);
  void attach(const std::shared_ptr<Connection>& connection, const Hello& hello, const ExecutorIdentity& identity);
  void refuse(const Connection& connection, const std::string& reason);
  void on_frame(Peer& peer, const Connection& connection, const std::string& bytes);
  void schedule(const std::shared_ptr<Peer>& peer);  // with the peer's mutex
  void drain(Peer& peer);
  void deliver(Peer& peer, std::deque<HubEvent>& batch);
  void deliver_reports(Peer& peer, std::deque<Message>& messages);
  Report report_of(const Message& message);

  const HubOptions options;
  const HubSecrets secrets;
  HubEvents& events;
  Clock& clock;
  WorkerPool pool;
  CancelSource stopping;
  std::thread ticker;

  mutable std::mutex mutex;  // guards everything below
  bool stopped = false;
  std::uint64_t next_connection = 1;
  std::map<std::string, std::shared_ptr<Peer>> peers;
  std::map<std::uint64_t, std::shared_ptr<Connection>> handshakes;
};

}  // namespace fairlead::link
