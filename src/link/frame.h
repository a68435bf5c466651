// SPDX-License-Identifier: Apache-2.0
// The frame of the link: one per WebSocket message, a fixed head and a payload (docs/formats/link.md). Bytes in, frames
// out; no I/O. Pure functions; thread-safe.
//
//    0         1      2         4             8          16         24
//    | version | type | flags   | channel     | seq      | ack      | payload ...
//      u8        u8     u16       u32           u64        u64        all big endian
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace fairlead::link {

inline constexpr std::uint8_t kFrameVersion = 1;
inline constexpr std::size_t kFrameHeadBytes = 24;
inline constexpr std::size_t kMaxFramePayload =
    (64 << 10) - kFrameHeadBytes;  // so that no frame blocks the line for long

enum class FrameType : std::uint8_t {
  challenge = 1,  // server, first
  hello = 2,      // executor's answer
  welcome = 3,    // server, once the executor is known
  data = 4,       // a message, or a part of one, on a channel
  ack = 5,        // everything on `channel` up to `ack` has had its effect durably
  ping = 6,       // server; renews leases
  pong = 7,
  goodbye = 8,  // the sender closes on purpose; the payload says why
};

// Data only: more parts of the same message follow on this channel.
inline constexpr std::uint16_t kFlagMore = 1;

// A channel carries one class of messages, numbered from 1 per direction and sender's process.
enum class Channel : std::uint32_t {
  none = 0,     // frames that are no data
  command = 1,  // server to executor: commands and cancellations
  result = 2,   // executor to server
  log = 3,      // executor to server
  status = 4,   // executor to server; latest wins, neither numbered nor acknowledged
};
inline constexpr std::uint32_t kChannels = 5;

struct Frame {
  FrameType type = FrameType::data;
  std::uint16_t flags = 0;
  Channel channel = Channel::none;
  std::uint64_t seq = 0;
  std::uint64_t ack = 0;
  std::string payload;
  bool operator==(const Frame&) const = default;
};

std::string encode_frame(const Frame& frame);
// Throws Error(invalid) naming what is wrong: another version, unknown type, flag or channel, too long, too short,
// numbers where none belong.
Frame decode_frame(std::string_view bytes);

}  // namespace fairlead::link
