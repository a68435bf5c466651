// SPDX-License-Identifier: Apache-2.0
#include "link/hub.h"

#include <algorithm>

#include "base/bytes.h"
#include "base/log.h"
#include "base/text.h"
#include "base/thread.h"
#include "link/hub_impl.h"
#include "link/transport.h"

namespace fairlead::link {

Hub::Impl::Impl(HubOptions options_, HubSecrets secrets_, HubEvents& events_, Clock& clock_)
    : options(std::move(options_)),
      secrets(std::move(secrets_)),
      events(events_),
      clock(clock_),
      pool("link-hub", options.threads, options.max_sessions + kMaxHandshakes) {}

Hub::Hub(HubOptions options, HubSecrets secrets, HubEvents& events, Clock& clock)
    : impl_(std::make_shared<Impl>(std::move(options), std::move(secrets), events, clock)) {
  // The period decides how late a ping or a refused handshake may be, not how often anything is polled.
  const int shortest_ms = std::min(impl_->options.ping_interval_ms, impl_->options.handshake_timeout_ms);
  const std::int64_t period_us = std::clamp(shortest_ms / 4, 5, 1'000) * kMillisecond;
  impl_->ticker = start_thread("link-ticker", [impl = impl_.get(), period_us, token = impl_->stopping.token()] {
    while (!token.wait_for_us(period_us)) impl->tick();
  });
}

Hub::~Hub() { stop(); }

std::optional<net::Response> Hub::accept(net::Request&& request, std::shared_ptr<net::WebSocket> socket) {
  return impl_->accept(std::move(request), std::move(socket));
}

Sent Hub::send(const std::string& executor, std::string_view incarnation, Command command) {
  return impl_->send(executor, incarnation, std::move(command));
}

bool Hub::cancel(const std::string& executor, Cancel cancel) { return impl_->cancel(executor, cancel); }

std::optional<SessionInfo> Hub::session(const std::string& executor) const {
  const std::shared_ptr<Peer> peer = impl_->find(executor);
  if (!peer) return std::nullopt;
  const std::lock_guard lock(peer->mutex);
  if (!peer->session) return std::nullopt;
  return peer->info;
}

std::vector<SessionInfo> Hub::sessions() const {
  std::vector<std::shared_ptr<Peer>> peers;
  {
    const std::lock_guard lock(impl_->mutex);
    for (const auto& [id, peer] : impl_->peers) peers.push_back(peer);
  }
  std::vector<SessionInfo> out;
  for (const std::shared_ptr<Peer>& peer : peers) {
    const std::lock_guard lock(peer->mutex);
    if (peer->session) out.push_back(peer->info);
  }
  return out;
}

void Hub::disconnect(const std::string& executor, const std::string& reason) {
  const std::shared_ptr<Peer> peer = impl_->find(executor);
  if (!peer) return;
  const std::lock_guard lock(peer->mutex);
  if (peer->socket) peer->socket->close(net::CloseCode::policy, reason);
}

void Hub::stop() { impl_->stop(); }

void Hub::Impl::stop() {
  std::vector<std::shared_ptr<net::WebSocket>> sockets;
  {
    const std::lock_guard lock(mutex);
    if (stopped) return;
    stopped = true;
    for (const auto& [id, connection] : handshakes) sockets.push_back(connection->socket);
    for (const auto& [id, peer] : peers) {
      const std::lock_guard peer_lock(peer->mutex);
      if (peer->socket) sockets.push_back(peer->socket);
    }
  }
  for (const auto& socket : sockets) socket->close(net::CloseCode::going_away, "the server stops");
  stopping.cancel("the server stops");
  if (ticker.joinable()) ticker.join();
  pool.stop();
}

std::optional<net::Response> Hub::Impl::accept(net::Request&& request, std::shared_ptr<net::WebSocket> socket) {
  if (socket->subprotocol() != kSubprotocol) {
    return net::error_response(400, text::format("the link speaks the WebSocket subprotocol {}", kSubprotocol));
  }
  auto connection = std::make_shared<Connection>();
  connection->socket = socket;
  connection->peer_address = request.peer_address;
  connection->opened_us = clock.steady_us();
  connection->challenge = {base64(random_bytes(32)), base64(options.key.public_key), options.server_incarnation};
  {
    const std::lock_guard lock(mutex);
    if (stopped) return net::error_response(503, "the server stops", 1);
    if (handshakes.size() >= kMaxHandshakes) return net::error_response(503, "too many executors connect at once", 5);
    connection->id = next_connection++;
    handshakes.emplace(connection->id, connection);
  }
  std::weak_ptr<Impl> weak = weak_from_this();
  socket->set_handlers({.on_message =
                            [weak, connection](std::string bytes) {
                              if (const auto impl = weak.lock()) impl->on_message(connection, std::move(bytes));
                            },
                        .on_close =
                            [weak, connection](std::uint16_t, const std::string&) {
                              if (const auto impl = weak.lock()) impl->on_close(connection);
                            },
                        .on_drained =
                            [weak, connection] {
                              const auto impl = weak.lock();
                              std::shared_ptr<Peer> peer;
                              {
                                const std::lock_guard lock(connection->mutex);
                                peer = connection->peer;
                              }
                              if (!impl || !peer) return;
                              const std::lock_guard lock(peer->mutex);
                              if (peer->connection == connection->id) impl->pump(*peer);
                            }});
  socket->send(encode_frame(Frame{.type = FrameType::challenge, .payload = json::encode(connection->challenge)}));
  return std::nullopt;
}

std::shared_ptr<Peer> Hub::Impl::find(const std::string& executor) const {
  const std::lock_guard lock(mutex);
  const auto found = peers.find(executor);
  return found == peers.end() ? nullptr : found->second;
}

std::shared_ptr<Peer> Hub::Impl::find_or_make(const std::string& executor) {
  const std::lock_guard lock(mutex);
  const auto found = peers.find(executor);
  if (found != peers.end()) return found->second;
  if (peers.size() >= options.max_sessions) {
    std::erase_if(peers, [](const auto& entry) {
      const std::lock_guard peer_lock(entry.second->mutex);
      return !entry.second->socket && entry.second->inbox.empty() && !entry.second->scheduled;
    });
    if (peers.size() >= options.max_sessions) {
      throw Error(Fault::unavailable, text::format("more than {} executors are connected", options.max_sessions));
    }
  }
  return peers.emplace(executor, std::make_shared<Peer>(executor)).first->second;
}

Sent Hub::Impl::send(const std::string& executor, std::string_view incarnation, Command command) {
  const std::shared_ptr<Peer> peer = find(executor);
  if (!peer) return Sent::not_connected;
  std::string public_key;
  {
    const std::lock_guard lock(peer->mutex);
    if (!peer->socket) return Sent::not_connected;
    if (peer->info.incarnation != incarnation) return Sent::other_incarnation;
    public_key = peer->public_key;
  }
  command.payload.text = rewrite_confidential(
      std::move(command.payload.text), Rewrite::sealed_to_transport,
      [&](std::string_view sealed) { return seal_for(public_key, secrets.open(std::string(sealed))); });
  ToExecutor message;
  message.command = std::move(command);
  return queue(*peer, incarnation, json::encode(message));
}

bool Hub::Impl::cancel(const std::string& executor, const Cancel& cancel) {
  const std::shared_ptr<Peer> peer = find(executor);
  if (!peer) return false;
  ToExecutor message;
  message.cancel = cancel;
  return queue(*peer, {}, json::encode(message)) == Sent::queued;
}

Sent Hub::Impl::queue(Peer& peer, std::string_view incarnation, std::string text) {
  const std::lock_guard lock(peer.mutex);
  if (!peer.socket || !peer.session || peer.session_is_broken) return Sent::not_connected;
  if (!incarnation.empty() && peer.info.incarnation != incarnation) return Sent::other_incarnation;
  if (peer.session->queued_bytes() + text.size() > kMaxQueuedBytesPerExecutor) return Sent::refused;
  if (!peer.session->send(Channel::command, std::move(text))) return Sent::refused;
  pump(peer);
  return Sent::queued;
}

void Hub::Impl::pump(Peer& peer) {
  while (peer.socket && peer.session && !peer.session_is_broken) {
    std::optional<std::string> frame =
        peer.unsent ? std::exchange(peer.unsent, std::nullopt) : peer.session->next_frame();
    if (!frame) return;
    if (!peer.socket->send(*frame)) {
      peer.unsent = std::move(frame);
      return;
    }
  }
}

void Hub::Impl::tick() {
  const std::int64_t now_us = clock.steady_us();
  std::vector<std::shared_ptr<Connection>> late;
  std::vector<std::shared_ptr<Peer>> all;
  {
    const std::lock_guard lock(mutex);
    for (const auto& [id, connection] : handshakes) {
      if (now_us - connection->opened_us > options.handshake_timeout_ms * kMillisecond) late.push_back(connection);
    }
    for (const auto& [id, peer] : peers) all.push_back(peer);
  }
  for (const auto& connection : late) refuse(*connection, "the handshake took too long");
  for (const auto& peer : all) {
    const std::lock_guard lock(peer->mutex);
    if (!peer->socket || now_us < peer->next_ping_us) continue;
    peer->next_ping_us = now_us + options.ping_interval_ms * kMillisecond;
    peer->session->send_control(FrameType::ping);
    pump(*peer);
  }
}

}  // namespace fairlead::link
