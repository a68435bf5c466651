// SPDX-License-Identifier: Apache-2.0
// The reliable part of the link as a pure state machine: what to send, what has arrived, what both know after a
// reconnect. It does no I/O, holds no lock and reads no clock; its owner calls it from one thread at a time.
//
// Per channel and direction messages are numbered from 1. The receiver acknowledges cumulatively, after the *effect* of
// a message is durable (done()); the sender keeps a message until then. A connection that ends loses nothing: both name
// their stream (a random id per process), what they will send first and what they have seen last, and go on there.
//
//   sender                                         receiver
//   send() -> queued -> next_frame() -> in flight  receive() -> Message -> (effect durable) -> done()
//                       acknowledged <------------------------------------ ack frame
//
// Credit: a sender starts a message only while the channel's unacknowledged bytes are below window_bytes(channel), so
// the acknowledgement is the credit. A receiver closes the connection of a peer that exceeds window and message limit.
#pragma once

#include <array>
#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "link/frame.h"

namespace fairlead::link {

// Unacknowledged bytes at which a sender stops starting messages.
std::size_t window_bytes(Channel channel);
// The longest message of a channel, and so what one unfinished message may cost its receiver.
std::size_t max_message_bytes(Channel channel);

struct ResumeChannel {
  std::int64_t channel = 0;
  std::int64_t first = 1;      // the lowest number the sender may still send
  std::int64_t last_seen = 0;  // the highest complete one received of the peer's stream
};

// One side's part of Hello and Welcome.
struct Resume {
  std::string stream;       // the sender's own
  std::string peer_stream;  // the peer's as last known; empty: none
  std::vector<ResumeChannel> channels;
};

struct Message {
  Channel channel = Channel::none;
  std::uint64_t seq = 0;         // 0 for status
  std::uint64_t generation = 0;  // of the peer's stream: done() ignores messages of an earlier one
  std::string payload;
};

struct Received {
  std::vector<Message> messages;         // in order, complete
  std::vector<std::uint64_t> delivered;  // tags of own messages that have now been acknowledged
};

class Session {
 public:
  explicit Session(std::string stream);

  // --- sending
  // Queues a message; `tag` comes back in Received::delivered. False when it is longer than the channel allows.
  bool send(Channel channel, std::string payload, std::uint64_t tag = 0);
  // Queues a status message in place of an unsent one of the same key. Dropped while not connected.
  void send_latest(const std::string& key, std::string payload);
  void send_control(FrameType type, std::string payload = {});
  // Bytes that may be queued on a channel before its window is full; 0: wait for acknowledgements.
  std::size_t room(Channel channel) const;
  std::size_t queued_bytes() const { return queued_bytes_; }
  // The next frame for the wire, by urgency: control, acknowledgements, result, command, log, status. nullopt: nothing
  // to send now.
  std::optional<std::string> next_frame();

  // --- connection
  // What Hello or Welcome says.
  Resume resume() const;
  // The handshake is done. Throws Error(invalid) when the peer's account contradicts ours.
  void connected(const Resume& peer);
  void disconnected();
  bool is_connected() const { return connected_; }

  // --- receiving data and ack frames. Throws Error(invalid) on a violation of the protocol: close the connection then.
  Received receive(const Frame& frame);
  // The effect of a message is durable. In any order.
  void done(const Message& message);

 private:
  struct Outgoing {
    std::uint64_t seq;
    std::uint64_t tag;
    std::string payload;
  };
  struct Sender {
    std::deque<Outgoing> messages;  // unacknowledged, by number
    std::uint64_t next_seq = 1;
    std::uint64_t sent = 0;     // everything up to here is on the wire of this connection
    std::size_t offset = 0;     // of the message after `sent`: how much of it is on the wire
    std::size_t in_flight = 0;  // bytes sent completely and not acknowledged
    std::size_t queued = 0;     // bytes of all messages
  };
  struct Receiver {
    std::uint64_t delivered = 0;
    std::uint64_t acknowledged = 0;              // as told to the peer, or about to be
    std::map<std::uint64_t, bool> done;          // above `acknowledged`
    std::map<std::uint64_t, std::size_t> sizes;  // delivered, not done
    std::size_t held = 0;                        // their bytes
    std::string partial;
    bool ack_due = false;
  };
  std::optional<std::string> data_frame(Channel channel);
  void acknowledge(Sender& sender, std::uint64_t ack, Received& out);
  void data(const Frame& frame, Received& out);
  Sender& sender(Channel channel) { return senders_[static_cast<std::size_t>(channel)]; }
  const Sender& sender(Channel channel) const { return senders_[static_cast<std::size_t>(channel)]; }
  Receiver& receiver(Channel channel) { return receivers_[static_cast<std::size_t>(channel)]; }

  const std::string stream_;
  std::string peer_stream_;
  std::uint64_t generation_ = 0;
  bool connected_ = false;
  std::array<Sender, kChannels> senders_;
  std::array<Receiver, kChannels> receivers_;
  std::deque<std::pair<FrameType, std::string>> control_;
  std::map<std::string, std::string> latest_;
  std::deque<std::string> latest_order_;
  std::string status_;  // the status message that is half sent
  std::size_t status_offset_ = 0;
  std::size_t queued_bytes_ = 0;
};

}  // namespace fairlead::link
