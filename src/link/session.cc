// SPDX-License-Identifier: Apache-2.0
#include "link/session.h"

#include <algorithm>

#include "base/error.h"
#include "base/text.h"
#include "link/commands.h"

namespace fairlead::link {
namespace {

constexpr std::array kReliable = {Channel::result, Channel::command, Channel::log};  // by urgency
constexpr std::size_t kMaxControlFrames = 16;
constexpr std::size_t kMaxUndoneMessages = 100'000;

std::int64_t wire(std::uint64_t number) { return static_cast<std::int64_t>(number); }

}  // namespace

std::size_t window_bytes(Channel channel) {
  switch (channel) {
    case Channel::command: return std::size_t{4} << 20;
    case Channel::result: return std::size_t{1} << 20;
    case Channel::log: return std::size_t{256} << 10;
    case Channel::status:
    case Channel::none: break;
  }
  return std::size_t{256} << 10;
}

std::size_t max_message_bytes(Channel channel) {
  switch (channel) {
    case Channel::command: return kMaxCommandBytes;
    case Channel::result: return kMaxResultBytes;
    case Channel::log: return std::size_t{1} << 20;
    case Channel::status:
    case Channel::none: break;
  }
  return std::size_t{1} << 20;
}

Session::Session(std::string stream) : stream_(std::move(stream)) {}

bool Session::send(Channel channel, std::string payload, std::uint64_t tag) {
  if (payload.empty() || payload.size() > max_message_bytes(channel)) return false;
  Sender& s = sender(channel);
  s.queued += payload.size();
  queued_bytes_ += payload.size();
  s.messages.push_back({s.next_seq++, tag, std::move(payload)});
  return true;
}

void Session::send_latest(const std::string& key, std::string payload) {
  if (!connected_ || payload.empty() || payload.size() > max_message_bytes(Channel::status)) return;
  const auto [at, fresh] = latest_.insert_or_assign(key, std::move(payload));
  if (fresh) latest_order_.push_back(at->first);
}

void Session::send_control(FrameType type, std::string payload) {
  if (control_.size() < kMaxControlFrames) control_.emplace_back(type, std::move(payload));
}

std::size_t Session::room(Channel channel) const {
  const std::size_t window = window_bytes(channel);
  const std::size_t queued = sender(channel).queued;
  return queued < window ? window - queued : 0;
}

std::optional<std::string> Session::next_frame() {
  if (!control_.empty()) {
    Frame frame{.type = control_.front().first, .payload = std::move(control_.front().second)};
    control_.pop_front();
    return encode_frame(frame);
  }
  if (!connected_) return std::nullopt;
  for (const Channel channel : kReliable) {
    Receiver& r = receiver(channel);
    if (!r.ack_due) continue;
    r.ack_due = false;
    return encode_frame(Frame{.type = FrameType::ack, .channel = channel, .ack = r.acknowledged});
  }
  for (const Channel channel : kReliable) {
    if (std::optional<std::string> frame = data_frame(channel)) return frame;
  }
  if (status_offset_ >= status_.size()) {
    if (latest_order_.empty()) return std::nullopt;
    const auto found = latest_.find(latest_order_.front());
    status_ = std::move(found->second);
    status_offset_ = 0;
    latest_.erase(found);
    latest_order_.pop_front();
  }
  const std::size_t size = std::min(kMaxFramePayload, status_.size() - status_offset_);
  Frame frame{.channel = Channel::status, .payload = status_.substr(status_offset_, size)};
  status_offset_ += size;
  if (status_offset_ < status_.size()) frame.flags = kFlagMore;
  return encode_frame(frame);
}

std::optional<std::string> Session::data_frame(Channel channel) {
  Sender& s = sender(channel);
  if (s.messages.empty() || s.sent + 1 >= s.next_seq) return std::nullopt;
  // A message that has begun is finished whatever the window says: its acknowledgement is what opens the window again.
  if (s.offset == 0 && s.in_flight >= window_bytes(channel)) return std::nullopt;
  const Outgoing& message = s.messages[s.sent + 1 - s.messages.front().seq];
  const std::size_t size = std::min(kMaxFramePayload, message.payload.size() - s.offset);
  Frame frame{.channel = channel, .seq = message.seq, .payload = message.payload.substr(s.offset, size)};
  s.offset += size;
  if (s.offset < message.payload.size()) {
    frame.flags = kFlagMore;
  } else {
    s.sent = message.seq;
    s.offset = 0;
    s.in_flight += message.payload.size();
  }
  return encode_frame(frame);
}

Resume Session::resume() const {
  Resume out{.stream = stream_, .peer_stream = peer_stream_};
  for (const Channel channel : kReliable) {
    const auto index = static_cast<std::size_t>(channel);
    const Sender& s = senders_[index];
    out.channels.push_back({static_cast<std::int64_t>(channel),
                            wire(s.messages.empty() ? s.next_seq : s.messages.front().seq),
                            wire(receivers_[index].delivered)});
  }
  return out;
}

void Session::connected(const Resume& peer) {
  const bool same_stream = !peer_stream_.empty() && peer.stream == peer_stream_;
  const bool peer_knows_us = peer.peer_stream == stream_;
  std::array<ResumeChannel, kChannels> told{};
  for (const ResumeChannel& channel : peer.channels) {
    if (channel.channel < 1 || channel.channel >= static_cast<std::int64_t>(kChannels) || channel.first < 1 ||
        channel.last_seen < 0) {
      throw invalid("link: the peer's account of the channels is malformed");
    }
    told[static_cast<std::size_t>(channel.channel)] = channel;
  }
  for (const Channel channel : kReliable) {
    const ResumeChannel& peer_channel = told[static_cast<std::size_t>(channel)];
    const auto first = static_cast<std::uint64_t>(peer_channel.first);
    const auto last_seen = static_cast<std::uint64_t>(peer_channel.last_seen);
    Receiver& r = receiver(channel);
    const Sender& s = sender(channel);
    if (same_stream && first > r.delivered + 1) throw invalid("link: the peer has dropped messages that never arrived");
    if (peer_knows_us && last_seen >= s.next_seq)
      throw invalid("link: the peer claims to have seen what was never sent");
  }
  if (!same_stream) ++generation_;
  for (const Channel channel : kReliable) {
    const ResumeChannel& peer_channel = told[static_cast<std::size_t>(channel)];
    Receiver& r = receiver(channel);
    if (!same_stream) {
      r = Receiver{};
      r.delivered = r.acknowledged = static_cast<std::uint64_t>(peer_channel.first) - 1;
    }
    r.partial.clear();
    r.ack_due = r.acknowledged > 0;
    Sender& s = sender(channel);
    const std::uint64_t lowest = s.messages.empty() ? s.next_seq : s.messages.front().seq;
    const std::uint64_t seen = peer_knows_us ? static_cast<std::uint64_t>(peer_channel.last_seen) : 0;
    s.sent = std::max(seen, lowest - 1);
    s.offset = 0;
    s.in_flight = 0;
    for (const Outgoing& message : s.messages) {
      if (message.seq <= s.sent) s.in_flight += message.payload.size();
    }
  }
  peer_stream_ = peer.stream;
  receiver(Channel::status).partial.clear();
  connected_ = true;
}

void Session::disconnected() {
  connected_ = false;
  control_.clear();
  latest_.clear();
  latest_order_.clear();
  status_.clear();
  status_offset_ = 0;
}

Received Session::receive(const Frame& frame) {
  Received out;
  if (!connected_) throw invalid("link: data before the handshake");
  if (frame.type == FrameType::ack) {
    acknowledge(sender(frame.channel), frame.ack, out);
  } else {
    data(frame, out);
  }
  return out;
}

void Session::acknowledge(Sender& s, std::uint64_t ack, Received& out) {
  if (ack > s.sent) throw invalid("link: the peer acknowledges what was never sent");
  while (!s.messages.empty() && s.messages.front().seq <= ack) {
    const Outgoing& message = s.messages.front();
    out.delivered.push_back(message.tag);
    s.in_flight -= message.payload.size();
    s.queued -= message.payload.size();
    queued_bytes_ -= message.payload.size();
    s.messages.pop_front();
  }
}

void Session::data(const Frame& frame, Received& out) {
  Receiver& r = receiver(frame.channel);
  const bool status = frame.channel == Channel::status;
  if (!status) {
    if (frame.seq <= r.delivered) {  // seen before a reconnect; the peer will learn so from our acknowledgement
      r.ack_due = r.acknowledged > 0;
      return;
    }
    if (frame.seq != r.delivered + 1) {
      throw invalid(text::format("link: message {} arrived where {} was expected", frame.seq, r.delivered + 1));
    }
  }
  if (r.partial.size() + frame.payload.size() > max_message_bytes(frame.channel))
    throw invalid("link: a message is too long");
  r.partial += frame.payload;
  if ((frame.flags & kFlagMore) != 0) return;
  if (r.partial.empty()) throw invalid("link: an empty message");
  Message message{frame.channel, frame.seq, generation_, std::exchange(r.partial, {})};
  if (!status) {
    // A peer that keeps to the window starts its last message below it.
    if (r.held >= window_bytes(frame.channel) || r.sizes.size() >= kMaxUndoneMessages) {
      throw invalid("link: the peer sends more than the window allows");
    }
    r.delivered = frame.seq;
    r.sizes.emplace(frame.seq, message.payload.size());
    r.held += message.payload.size();
  }
  out.messages.push_back(std::move(message));
}

void Session::done(const Message& message) {
  if (message.generation != generation_ || message.seq == 0) return;
  Receiver& r = receiver(message.channel);
  const auto found = r.sizes.find(message.seq);
  if (found == r.sizes.end()) return;
  r.done.emplace(message.seq, true);
  while (!r.done.empty() && r.done.begin()->first == r.acknowledged + 1) {
    ++r.acknowledged;
    r.done.erase(r.done.begin());
    const auto size = r.sizes.find(r.acknowledged);
    r.held -= size->second;
    r.sizes.erase(size);
    r.ack_due = true;
  }
}

}  // namespace fairlead::link
