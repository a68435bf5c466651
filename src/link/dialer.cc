// SPDX-License-Identifier: Apache-2.0
#include "link/dialer.h"

#include <algorithm>
#include <condition_variable>
#include <mutex>
#include <random>
#include <thread>

#include "base/bytes.h"
#include "base/log.h"
#include "base/text.h"
#include "base/thread.h"
#include "link/hub.h"
#include "link/messages.h"
#include "link/session.h"

namespace fairlead::link {
namespace {

// "https://host:1/base" -> "wss://host:1/base/agent/v1/link"
std::string link_url(const DialerOptions& options) {
  if (!options.unix_socket.empty()) return text::format("ws://localhost{}", kLinkPath);
  std::string url = options.server_url;
  while (!url.empty() && url.back() == '/') url.pop_back();
  if (text::starts_with_ignoring_case(url, "https://")) return "wss://" + url.substr(8) + std::string(kLinkPath);
  if (text::starts_with_ignoring_case(url, "http://")) return "ws://" + url.substr(7) + std::string(kLinkPath);
  throw invalid(
      text::format("the server's address must begin with https:// or http://, but is \"{}\"", text::shorten(url, 200)));
}

enum class State { idle, dialling, greeting, up };

}  // namespace

struct Dialer::Impl : std::enable_shared_from_this<Dialer::Impl> {
  Impl(DialerOptions o, DialerEvents& e, Clock& c)
      : options(std::move(o)),
        events(e),
        clock(c),
        url(link_url(options)),
        session(random_id()),
        random(std::random_device{}()) {}

  void run();
  void dial();
  void dialled(std::uint64_t attempt, net::DialResult result);
  void on_message(std::uint64_t attempt, const std::string& bytes);
  void on_close(std::uint64_t attempt, const std::string& reason);
  void answer_challenge(const Frame& frame);
  void take_welcome(const Frame& frame);
  void take_data(const Frame& frame);
  void taken(const Message& message);
  void lose(std::unique_lock<std::mutex>& lock, const std::string& reason);
  void pump();  // with the mutex
  template <class F>
  void tell(F f);
  bool queue(Channel channel, std::string payload, std::uint64_t tag);

  const DialerOptions options;
  DialerEvents& events;
  Clock& clock;
  const std::string url;

  std::mutex calling;  // one call of `events` at a time; taken before `mutex`, never inside it
  mutable std::mutex mutex;
  std::condition_variable changed;
  Session session;
  State state = State::idle;
  bool stopped = false;
  std::uint64_t attempt = 0;  // callbacks of earlier attempts are ignored
  std::shared_ptr<net::WebSocket> socket;
  std::optional<std::string> unsent;
  Challenge challenge;
  Hello hello;
  std::int64_t next_dial_us = 0;
  std::int64_t greeting_since_us = 0;
  std::int64_t last_heard_us = 0;
  std::optional<std::int64_t> down_since_us;
  int failures = 0;
  std::string last_error;
  std::mt19937_64 random;
  std::thread thread;
  std::unique_ptr<net::WebSocketDialer> dialer;  // last member: its destructor runs callbacks
};

// No event reaches the owner once stop() has begun to wait.
template <class F>
void Dialer::Impl::tell(F f) {
  const std::lock_guard call(calling);
  {
    const std::lock_guard lock(mutex);
    if (stopped) return;
  }
  f();
}

Dialer::Dialer(DialerOptions options, DialerEvents& events, Clock& clock)
    : impl_(std::make_shared<Impl>(std::move(options), events, clock)) {}

Dialer::~Dialer() { stop(); }

void Dialer::start() {
  const std::lock_guard lock(impl_->mutex);
  if (impl_->thread.joinable() || impl_->stopped) return;
  impl_->dialer = std::make_unique<net::WebSocketDialer>();
  impl_->down_since_us = impl_->clock.steady_us();
  impl_->thread = start_thread("link-dialer", [impl = impl_.get()] { impl->run(); });
}

void Dialer::stop() {
  {
    const std::lock_guard lock(impl_->mutex);
    if (impl_->stopped) return;
    impl_->stopped = true;
    if (impl_->socket) {
      impl_->socket->send(encode_frame(Frame{.type = FrameType::goodbye, .payload = "the executor stops"}));
      impl_->socket->close(net::CloseCode::going_away, "the executor stops");
    }
    impl_->changed.notify_all();
  }
  if (impl_->thread.joinable()) impl_->thread.join();
  impl_->dialer.reset();
  const std::lock_guard call(impl_->calling);  // the last event has returned
}

bool Dialer::Impl::queue(Channel channel, std::string payload, std::uint64_t tag) {
  const std::lock_guard lock(mutex);
  if (!session.send(channel, std::move(payload), tag)) return false;
  pump();
  return true;
}

bool Dialer::send(const Result& result, std::uint64_t tag) {
  return impl_->queue(Channel::result, json::encode(result), tag);
}

bool Dialer::send(const LogChunk& chunk, std::uint64_t tag) {
  return impl_->queue(Channel::log, json::encode(chunk), tag);
}

void Dialer::send_status(const std::string& slot, const StatusUpdate& update) {
  std::string payload = json::encode(update);
  const std::lock_guard lock(impl_->mutex);
  impl_->session.send_latest(slot, std::move(payload));
  impl_->pump();
}

std::size_t Dialer::log_room() const {
  const std::lock_guard lock(impl_->mutex);
  return impl_->session.room(Channel::log);
}

bool Dialer::connected() const {
  const std::lock_guard lock(impl_->mutex);
  return impl_->state == State::up;
}

std::optional<std::int64_t> Dialer::disconnected_since_us() const {
  const std::lock_guard lock(impl_->mutex);
  return impl_->down_since_us;
}

std::string Dialer::last_error() const {
  const std::lock_guard lock(impl_->mutex);
  return impl_->last_error;
}

void Dialer::hurry() {
  const std::lock_guard lock(impl_->mutex);
  impl_->next_dial_us = 0;
  impl_->changed.notify_all();
}

// Waits for whatever comes first: time to dial, a handshake that takes too long, a server that has gone silent.
void Dialer::Impl::run() {
  std::unique_lock lock(mutex);
  while (!stopped) {
    const std::int64_t now_us = clock.steady_us();
    std::int64_t due_us = next_dial_us;
    if (state == State::greeting) due_us = greeting_since_us + options.handshake_timeout_ms * kMillisecond;
    if (state == State::up) due_us = last_heard_us + options.dead_after_ms * kMillisecond;
    if (state == State::dialling) due_us = now_us + kMinute;  // the dialer has a time-out of its own
    if (due_us > now_us) {
      // At most a second at once: the clock may be one that tests move.
      changed.wait_for(lock, std::chrono::microseconds(std::min(due_us - now_us, kSecond)));
      continue;
    }
    if (state == State::idle) {
      dial();
    } else {
      const std::string reason =
          state == State::up ? "the server has gone silent" : "the server did not finish the handshake";
      if (socket) socket->close(net::CloseCode::policy, reason);
      lose(lock, reason);
    }
  }
}

void Dialer::Impl::dial() {
  state = State::dialling;
  const std::uint64_t number = ++attempt;
  net::DialOptions dial_options;
  dial_options.url = url;
  dial_options.unix_socket = options.unix_socket;
  dial_options.subprotocol = kSubprotocol;
  dial_options.proxy = options.proxy;
  dial_options.ca_file = options.ca_file;
  dial_options.insecure = options.insecure;
  dial_options.connect_timeout_ms = options.connect_timeout_ms;
  dialer->dial(std::move(dial_options), [weak = weak_from_this(), number](net::DialResult result) {
    if (const auto impl = weak.lock()) impl->dialled(number, std::move(result));
  });
}

void Dialer::Impl::dialled(std::uint64_t number, net::DialResult result) {
  std::unique_lock lock(mutex);
  if (number != attempt || stopped) {
    if (result.socket) result.socket->close(net::CloseCode::going_away, "");
    return;
  }
  if (!result.socket) {
    std::string reason = result.error ? result.error->message() : "no connection";
    lose(lock, reason);
    return;
  }
  state = State::greeting;
  greeting_since_us = clock.steady_us();
  hello = Hello{};
  socket = std::move(result.socket);
  unsent.reset();
  const std::shared_ptr<net::WebSocket> opened = socket;
  changed.notify_all();
  lock.unlock();
  const std::weak_ptr<Impl> weak = weak_from_this();
  opened->set_handlers({.on_message =
                            [weak, number](const std::string& bytes) {
                              if (const auto impl = weak.lock()) impl->on_message(number, bytes);
                            },
                        .on_close =
                            [weak, number](std::uint16_t code, const std::string& reason) {
                              const auto impl = weak.lock();
                              if (impl)
                                impl->on_close(number,
                                               reason.empty() ? text::format("closed with code {}", code) : reason);
                            },
                        .on_drained =
                            [weak] {
                              const auto impl = weak.lock();
                              if (!impl) return;
                              const std::lock_guard inner(impl->mutex);
                              impl->pump();
                            }});
}

// With the mutex, which is released while the owner is told.
void Dialer::Impl::lose(std::unique_lock<std::mutex>& lock, const std::string& reason) {
  ++attempt;
  state = State::idle;
  socket.reset();
  unsent.reset();
  session.disconnected();
  if (!down_since_us) down_since_us = clock.steady_us();
  if (last_error != reason && !stopped) {
    log::warning(
        "not connected to the server",
        {{"server", options.unix_socket.empty() ? options.server_url : options.unix_socket}, {"reason", reason}});
  }
  last_error = reason;
  const std::int64_t ceiling_ms = std::min<std::int64_t>(
      options.longest_delay_ms, static_cast<std::int64_t>(options.first_delay_ms) << std::min(failures, 20));
  ++failures;
  // Full jitter: a thousand executors that lost one server come back spread over the whole span.
  const auto span_us = static_cast<std::uint64_t>(ceiling_ms * kMillisecond);
  next_dial_us = clock.steady_us() + static_cast<std::int64_t>(random() % (span_us + 1));
  changed.notify_all();
  lock.unlock();
  tell([&] { events.on_disconnected(reason); });
  lock.lock();
}

void Dialer::Impl::on_close(std::uint64_t number, const std::string& reason) {
  std::unique_lock lock(mutex);
  if (number == attempt && state != State::idle) lose(lock, reason);
}

void Dialer::Impl::on_message(std::uint64_t number, const std::string& bytes) {
  try {
    const Frame frame = decode_frame(bytes);
    {
      const std::lock_guard lock(mutex);
      if (number != attempt) return;
      last_heard_us = clock.steady_us();
    }
    switch (frame.type) {
      case FrameType::challenge: answer_challenge(frame); break;
      case FrameType::welcome: take_welcome(frame); break;
      case FrameType::data:
      case FrameType::ack: take_data(frame); break;
      case FrameType::ping: {
        const std::lock_guard lock(mutex);
        session.send_control(FrameType::pong);
        pump();
        break;
      }
      case FrameType::goodbye:
        throw Error(Fault::unavailable, frame.payload.empty() ? "the server closed the link" : frame.payload);
      default: throw invalid("link: an unexpected frame");
    }
    tell([&] { events.on_sign_of_life(); });
  } catch (const Error& error) {
    std::unique_lock lock(mutex);
    if (number != attempt || state == State::idle) return;
    if (socket) socket->close(net::CloseCode::protocol_error, error.message());
    lose(lock, error.message());
  }
}

void Dialer::Impl::answer_challenge(const Frame& frame) {
  const std::vector<std::string> running = events.running();
  const std::lock_guard lock(mutex);
  if (state != State::greeting) throw invalid("link: a second challenge");
  challenge = json::decode<Challenge>(frame.payload);
  if (!options.server_public_key.empty() && parse_base64(challenge.server_key) != options.server_public_key) {
    throw Error(Fault::unauthenticated, "the server has another key than the one this executor was registered with");
  }
  hello = Hello{.nonce = base64(random_bytes(32)),
                .executor = options.executor,
                .epoch = static_cast<std::int64_t>(options.epoch),
                .incarnation = options.incarnation,
                .kind = options.kind,
                .version = options.version,
                .host = options.host,
                .public_key = base64(options.key.public_key),
                .resume = session.resume(),
                .running = running};
  const std::string text = proof_text(kHelloLabel, challenge, hello);
  hello.proof = base64(options.shared_secret.empty() ? sign(options.key, text)
                                                     : hmac_sha256(options.shared_secret.reveal(), text));
  session.send_control(FrameType::hello, json::encode(hello));
  pump();
}

void Dialer::Impl::take_welcome(const Frame& frame) {
  const Welcome welcome = json::decode<Welcome>(frame.payload);
  const std::string server_key = parse_base64(challenge.server_key).value_or("");
  Connected connected{.server_incarnation = challenge.server_incarnation, .server_public_key = server_key};
  {
    const std::lock_guard lock(mutex);
    if (state != State::greeting || hello.proof.empty()) throw invalid("link: an unexpected welcome");
    const std::string text = proof_text(kWelcomeLabel, challenge, hello);
    const std::string proof = parse_base64(welcome.proof).value_or("");
    const bool proved = options.shared_secret.empty()
                            ? verify_signature(server_key, text, proof)
                            : equal_in_constant_time(hmac_sha256(options.shared_secret.reveal(), text), proof);
    if (!proved) throw Error(Fault::unauthenticated, "the server could not prove who it is");
    connected.resumed = welcome.resume.stream == hello.resume.peer_stream;
  }
  // The owner knows the server before the first command and before queued reports leave.
  tell([&] { events.on_connected(connected); });
  {
    const std::lock_guard lock(mutex);
    session.connected(welcome.resume);
    state = State::up;
    failures = 0;
    down_since_us.reset();
    if (!last_error.empty()) log::info("connected to the server");
    last_error.clear();
    changed.notify_all();
    pump();
  }
  tell([&] { events.on_ready(); });
}

void Dialer::Impl::take_data(const Frame& frame) {
  Received received;
  {
    const std::lock_guard lock(mutex);
    received = session.receive(frame);
    pump();
  }
  for (const std::uint64_t tag : received.delivered) {
    tell([&] { events.on_acknowledged(tag); });
  }
  for (Message& message : received.messages) {
    if (message.channel != Channel::command) continue;
    try {
      ToExecutor order = json::decode<ToExecutor>(message.payload);
      message.payload.clear();
      if (order.cancel) {
        tell([&] { events.on_cancel(std::move(*order.cancel)); });
        taken(message);
      } else if (order.command && !order.command->key.empty() && order.command->key.size() <= kMaxKeyBytes) {
        tell([&] {
          events.on_command(std::move(*order.command), [weak = weak_from_this(), message] {
            if (const auto impl = weak.lock()) impl->taken(message);
          });
        });
      } else {
        throw invalid("neither a command nor a cancellation");
      }
    } catch (const Error& error) {
      // It would not become better by being sent again; the owner of the command sees no result and its deadline ends
      // it.
      log::error("link: a command cannot be read and is dropped", {{"reason", error.text()}});
      taken(message);
    }
  }
}

void Dialer::Impl::taken(const Message& message) {
  const std::lock_guard lock(mutex);
  session.done(message);
  pump();
}

void Dialer::Impl::pump() {
  while (socket) {
    std::optional<std::string> frame = unsent ? std::exchange(unsent, std::nullopt) : session.next_frame();
    if (!frame) return;
    if (!socket->send(*frame)) {
      unsent = std::move(frame);
      return;
    }
  }
}

}  // namespace fairlead::link
