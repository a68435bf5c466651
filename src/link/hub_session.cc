// SPDX-License-Identifier: Apache-2.0
#include "base/bytes.h"
#include "base/log.h"
#include "base/text.h"
#include "link/hub_impl.h"
#include "link/transport.h"

namespace fairlead::link {
namespace {

constexpr std::size_t kMaxIdBytes = 200;
constexpr std::size_t kMaxRunningKeys = 10'000;

Hello read_hello(const std::string& bytes) {
  const Frame frame = decode_frame(bytes);
  if (frame.type != FrameType::hello) throw invalid("link: the first frame must be Hello");
  Hello hello = json::decode<Hello>(frame.payload);
  json::check_required(type_of(json::Tag<Hello>{}), &hello);
  for (const std::string* id :
       {&hello.executor, &hello.incarnation, &hello.kind, &hello.version, &hello.host, &hello.resume.stream}) {
    if (id->size() > kMaxIdBytes) throw invalid("link: a name in Hello is too long");
  }
  if (hello.epoch < 0 || hello.running.size() > kMaxRunningKeys) throw invalid("link: Hello is malformed");
  return hello;
}

bool proves(const Connection& connection, const Hello& hello, const ExecutorIdentity& identity) {
  const std::string text = proof_text(kHelloLabel, connection.challenge, hello);
  const std::string key = parse_base64(hello.public_key).value_or("");
  const std::string proof = parse_base64(hello.proof).value_or("");
  if (key.size() != kPublicKeyBytes) return false;
  if (!identity.public_key.empty()) return key == identity.public_key && verify_signature(key, text, proof);
  if (identity.shared_secret.empty()) return false;
  return equal_in_constant_time(hmac_sha256(identity.shared_secret.reveal(), text), proof);
}

}  // namespace

void Hub::Impl::refuse(const Connection& connection, const std::string& reason) {
  connection.socket->send(encode_frame(Frame{.type = FrameType::goodbye, .payload = text::shorten(reason, 1'000)}));
  connection.socket->close(net::CloseCode::policy, reason);
}

void Hub::Impl::on_message(const std::shared_ptr<Connection>& connection, std::string bytes) {
  std::shared_ptr<Peer> peer;
  try {
    {
      const std::lock_guard lock(connection->mutex);
      peer = connection->peer;
      if (!peer && connection->said_hello) throw invalid("link: a frame before Welcome");
      connection->said_hello = true;
    }
    if (peer) {
      on_frame(*peer, *connection, bytes);
      const std::lock_guard lock(peer->mutex);
      if (!peer->inbox.empty()) schedule(peer);
      return;
    }
    const bool taken = pool.try_run([impl = shared_from_this(), connection, hello = read_hello(bytes)] {
      try {
        impl->authenticate(connection, hello);
      } catch (...) {
        const Error error = fairlead::error_of(std::current_exception());
        log::warning("an executor could not connect", {{"executor", hello.executor}, {"reason", error.message()}});
        impl->refuse(*connection, error.message());
      }
    });
    if (!taken) connection->socket->close(net::CloseCode::going_away, "the server is busy");
  } catch (const Error& error) {
    log::warning("link: connection closed", {{"peer", connection->peer_address}, {"reason", error.message()}});
    connection->socket->close(net::CloseCode::protocol_error, error.message());
  }
}

void Hub::Impl::authenticate(const std::shared_ptr<Connection>& connection, const Hello& hello) {
  const std::optional<ExecutorIdentity> identity = events.find_executor(hello.executor);
  if (!identity || !proves(*connection, hello, *identity)) {
    throw Error(Fault::unauthenticated, text::format("\"{}\" is not known here, is disabled, or its key is another one",
                                                     text::shorten(hello.executor, 100)))
        .with_help("register it again");
  }
  attach(connection, hello, *identity);
}

void Hub::Impl::attach(const std::shared_ptr<Connection>& connection, const Hello& hello,
                       const ExecutorIdentity& identity) {
  const std::shared_ptr<Peer> peer = find_or_make(hello.executor);
  {
    const std::lock_guard lock(mutex);
    handshakes.erase(connection->id);
  }
  Welcome welcome;
  const std::string text = proof_text(kWelcomeLabel, connection->challenge, hello);
  welcome.proof = base64(identity.public_key.empty() ? hmac_sha256(identity.shared_secret.reveal(), text)
                                                     : sign(options.key, text));

  const std::lock_guard lock(peer->mutex);
  const std::lock_guard connection_lock(connection->mutex);
  if (connection->closed) return;
  const bool same = peer->session && !peer->session_is_broken && peer->info.incarnation == hello.incarnation &&
                    peer->info.epoch == static_cast<std::uint64_t>(hello.epoch);
  if (!same) peer->session = std::make_unique<Session>(random_id());
  if (peer->socket) {
    peer->socket->close(net::CloseCode::policy, "replaced by a newer connection of the same executor");
    peer->info.connected = false;
    peer->inbox.push_back({.session = peer->info});
    peer->session->disconnected();
  }
  peer->session_is_broken = false;
  peer->session->connected(hello.resume);
  welcome.resume = peer->session->resume();
  peer->public_key = parse_base64(hello.public_key).value_or("");
  peer->socket = connection->socket;
  peer->connection = connection->id;
  peer->unsent.reset();
  peer->next_ping_us = clock.steady_us() + options.ping_interval_ms * kMillisecond;
  peer->info = SessionInfo{.executor = hello.executor,
                           .epoch = static_cast<std::uint64_t>(hello.epoch),
                           .incarnation = hello.incarnation,
                           .connected = true,
                           .resumed = same,
                           .version = hello.version,
                           .kind = hello.kind,
                           .host = hello.host,
                           .peer_address = connection->peer_address,
                           .running = hello.running};
  peer->inbox.push_back({.session = peer->info});
  connection->peer = peer;
  peer->session->send_control(FrameType::welcome, json::encode(welcome));
  schedule(peer);
  pump(*peer);
}

void Hub::Impl::on_frame(Peer& peer, const Connection& connection, const std::string& bytes) {
  const Frame frame = decode_frame(bytes);
  const std::lock_guard lock(peer.mutex);
  if (peer.connection != connection.id || !peer.session || peer.session_is_broken) return;
  switch (frame.type) {
    case FrameType::data:
    case FrameType::ack:
      if (frame.channel == Channel::command && frame.type == FrameType::data) {
        throw invalid("link: an executor sends no commands");
      }
      for (Message& message : peer.session->receive(frame).messages) {
        if (message.channel == Channel::status) peer.status_bytes += message.payload.size();
        peer.inbox.push_back({.message = std::move(message)});
      }
      if (peer.status_bytes > kMaxWaitingStatusBytes) throw invalid("link: status comes faster than it can be taken");
      break;
    case FrameType::pong: break;
    case FrameType::goodbye: connection.socket->close(net::CloseCode::normal, ""); break;
    default: throw invalid("link: an unexpected frame");
  }
  pump(peer);
}

void Hub::Impl::on_close(const std::shared_ptr<Connection>& connection) {
  {
    const std::lock_guard lock(mutex);
    handshakes.erase(connection->id);
  }
  std::shared_ptr<Peer> peer;
  {
    const std::lock_guard lock(connection->mutex);
    connection->closed = true;
    peer = connection->peer;
  }
  if (!peer) return;
  const std::lock_guard lock(peer->mutex);
  if (peer->connection != connection->id) return;
  peer->socket.reset();
  peer->connection = 0;
  peer->session->disconnected();
  peer->info.connected = false;
  peer->inbox.push_back({.session = peer->info});
  schedule(peer);
}

void Hub::Impl::schedule(const std::shared_ptr<Peer>& peer) {
  if (peer->scheduled) return;
  // The pool's queue has room for every peer once, so it refuses only when the hub stops.
  peer->scheduled = pool.try_run([impl = shared_from_this(), peer] { impl->drain(*peer); });
}

void Hub::Impl::drain(Peer& peer) {
  for (;;) {
    std::deque<HubEvent> batch;
    {
      const std::lock_guard lock(peer.mutex);
      if (peer.inbox.empty()) {
        peer.scheduled = false;
        return;
      }
      batch.swap(peer.inbox);
      peer.status_bytes = 0;
    }
    try {
      deliver(peer, batch);
    } catch (...) {
      const Error error = fairlead::error_of(std::current_exception());
      log::error("reports of an executor could not be stored; it will send them again",
                 {{"executor", peer.executor}, {"reason", error.text()}});
      const std::lock_guard lock(peer.mutex);
      peer.session_is_broken = true;
      // What has arrived on the broken session will come again; what happened to connections has not been told yet.
      peer.inbox.insert(peer.inbox.begin(), std::make_move_iterator(batch.begin()),
                        std::make_move_iterator(batch.end()));
      std::erase_if(peer.inbox, [](const HubEvent& event) { return event.message.has_value(); });
      peer.status_bytes = 0;
      if (peer.socket) peer.socket->close(net::CloseCode::internal_error, "the server could not store a report");
    }
  }
}

void Hub::Impl::deliver(Peer& peer, std::deque<HubEvent>& batch) {
  std::deque<Message> reports;
  while (!batch.empty()) {
    HubEvent event = std::move(batch.front());
    batch.pop_front();
    if (event.session) {
      deliver_reports(peer, reports);
      events.on_session(*event.session);
    } else if (event.message->channel == Channel::status) {
      try {
        events.on_status(peer.executor, json::decode<StatusUpdate>(event.message->payload));
      } catch (const Error& error) {
        log::warning("link: a status update was dropped", {{"executor", peer.executor}, {"reason", error.message()}});
      }
    } else {
      reports.push_back(std::move(*event.message));
      if (reports.size() >= kMaxReportsPerCall) deliver_reports(peer, reports);
    }
  }
  deliver_reports(peer, reports);
}

void Hub::Impl::deliver_reports(Peer& peer, std::deque<Message>& messages) {
  if (messages.empty()) return;
  std::vector<Report> reports;
  for (const Message& message : messages) {
    try {
      reports.push_back(report_of(message));
    } catch (const Error& error) {
      // It will not become better by being sent again.
      log::error("link: a report cannot be read and is dropped",
                 {{"executor", peer.executor}, {"reason", error.text()}});
    }
  }
  if (!reports.empty()) events.on_reports(peer.executor, std::move(reports));
  const std::lock_guard lock(peer.mutex);
  if (!peer.session_is_broken) {
    for (const Message& message : messages) peer.session->done(message);
    pump(peer);
  }
  messages.clear();
}

Report Hub::Impl::report_of(const Message& message) {
  Report report;
  if (message.channel == Channel::log) {
    LogChunk chunk = json::decode<LogChunk>(message.payload);
    report = Report{std::move(chunk.key), chunk.offset, std::move(chunk.lines), std::nullopt};
  } else {
    Result result = json::decode<Result>(message.payload);
    result.value.text =
        rewrite_confidential(std::move(result.value.text), Rewrite::transport_to_sealed,
                             [&](std::string_view sealed) { return secrets.seal(open_sealed(options.key, sealed)); });
    report.key = result.key;
    report.log_offset = result.log_offset;
    report.log = std::exchange(result.log, {});
    report.result = std::move(result);
  }
  if (report.key.empty() || report.key.size() > kMaxKeyBytes) throw invalid("link: a report without a proper key");
  return report;
}

}  // namespace fairlead::link
