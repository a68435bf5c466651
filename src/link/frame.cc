// SPDX-License-Identifier: Apache-2.0
#include "link/frame.h"

#include "base/error.h"
#include "base/text.h"

namespace fairlead::link {
namespace {

template <class Number>
void put(std::string& out, Number number) {
  for (int shift = static_cast<int>(sizeof(Number)) * 8 - 8; shift >= 0; shift -= 8) {
    out.push_back(static_cast<char>((number >> shift) & 0xff));
  }
}

std::uint64_t get(std::string_view bytes, std::size_t at, std::size_t size) {
  std::uint64_t number = 0;
  for (std::size_t i = 0; i < size; ++i) number = (number << 8) | static_cast<unsigned char>(bytes[at + i]);
  return number;
}

void check_numbers(const Frame& frame) {
  const bool data = frame.type == FrameType::data;
  const bool reliable = data && frame.channel != Channel::status;
  const bool on_channel = data || frame.type == FrameType::ack;
  if (on_channel != (frame.channel != Channel::none)) throw invalid("link: a frame on the wrong channel");
  if (reliable != (frame.seq != 0)) throw invalid("link: a frame with a wrong sequence number");
  if ((frame.type == FrameType::ack) != (frame.ack != 0)) throw invalid("link: a frame with a wrong acknowledgement");
  if (frame.type == FrameType::ack && (frame.channel == Channel::status || !frame.payload.empty())) {
    throw invalid("link: a malformed acknowledgement");
  }
  if (frame.flags != 0 && !data) throw invalid("link: flags on a frame that is no data");
}

}  // namespace

std::string encode_frame(const Frame& frame) {
  if (frame.payload.size() > kMaxFramePayload) throw Error(Fault::bug, "link: payload of a frame too long");
  std::string out;
  out.reserve(kFrameHeadBytes + frame.payload.size());
  put(out, kFrameVersion);
  put(out, static_cast<std::uint8_t>(frame.type));
  put(out, frame.flags);
  put(out, static_cast<std::uint32_t>(frame.channel));
  put(out, frame.seq);
  put(out, frame.ack);
  out += frame.payload;
  return out;
}

Frame decode_frame(std::string_view bytes) {
  if (bytes.size() < kFrameHeadBytes) throw invalid("link: a frame shorter than its head");
  if (bytes.size() > kFrameHeadBytes + kMaxFramePayload) throw invalid("link: a frame over 64 KiB");
  const std::uint64_t version = get(bytes, 0, 1);
  if (version != kFrameVersion) {
    throw invalid(text::format("link: frame version {}, but this program speaks {}", version, kFrameVersion));
  }
  const std::uint64_t type = get(bytes, 1, 1);
  if (type < 1 || type > static_cast<std::uint64_t>(FrameType::goodbye)) {
    throw invalid(text::format("link: unknown frame type {}", type));
  }
  const std::uint64_t channel = get(bytes, 4, 4);
  if (channel >= kChannels) throw invalid(text::format("link: unknown channel {}", channel));
  Frame frame;
  frame.type = static_cast<FrameType>(type);
  frame.flags = static_cast<std::uint16_t>(get(bytes, 2, 2));
  if ((frame.flags & ~kFlagMore) != 0) throw invalid("link: unknown flags");
  frame.channel = static_cast<Channel>(channel);
  frame.seq = get(bytes, 8, 8);
  frame.ack = get(bytes, 16, 8);
  frame.payload = bytes.substr(kFrameHeadBytes);
  check_numbers(frame);
  return frame;
}

}  // namespace fairlead::link
