// SPDX-License-Identifier: Apache-2.0
#include "net/websocket_codec.h"

#include <openssl/sha.h>

#include <algorithm>

#include "base/bytes.h"
#include "base/text.h"

namespace fairlead::net {
namespace {

constexpr std::uint16_t kProtocolError = 1002;
constexpr std::uint16_t kUnsupportedData = 1003;
constexpr std::uint16_t kNoCode = 1005;
constexpr std::uint16_t kBadData = 1007;
constexpr std::uint16_t kTooBig = 1009;

bool is_control(Opcode opcode) { return static_cast<std::uint8_t>(opcode) >= 8; }

bool is_known(std::uint8_t opcode) { return opcode <= 2 || (opcode >= 8 && opcode <= 10); }

// Section 7.4: what may stand in a close frame.
bool is_valid_close_code(std::uint16_t code) {
  return (code >= 1000 && code <= 1014 && code != 1004 && code != kNoCode && code != 1006) ||
         (code >= 3000 && code < 5000);
}

void append_big_endian(std::string& out, std::uint64_t number, int bytes) {
  for (int i = bytes - 1; i >= 0; --i) out.push_back(static_cast<char>(number >> (8 * i)));
}

}  // namespace

std::string encode_frame(Opcode opcode, std::string_view payload, const char* mask) {
  std::string frame;
  frame.reserve(payload.size() + 14);
  frame.push_back(static_cast<char>(0x80 | static_cast<std::uint8_t>(opcode)));
  const unsigned masked = mask ? 0x80 : 0;
  if (payload.size() <= 125) {
    frame.push_back(static_cast<char>(masked | payload.size()));
  } else if (payload.size() <= 0xffff) {
    frame.push_back(static_cast<char>(masked | 126));
    append_big_endian(frame, payload.size(), 2);
  } else {
    frame.push_back(static_cast<char>(masked | 127));
    append_big_endian(frame, payload.size(), 8);
  }
  if (!mask) return frame.append(payload);
  frame.append(mask, 4);
  const std::size_t start = frame.size();
  frame.append(payload);
  for (std::size_t i = 0; i < payload.size(); ++i) frame[start + i] = static_cast<char>(frame[start + i] ^ mask[i % 4]);
  return frame;
}

std::string close_payload(std::uint16_t code, std::string_view reason) {
  std::string payload;
  append_big_endian(payload, code, 2);
  constexpr std::size_t kMaxReason = kMaxControlBytes - 2;
  return payload.append(reason.size() <= kMaxReason ? std::string(reason) : text::shorten(reason, kMaxReason - 3));
}

std::string accept_key(std::string_view key) {
  const std::string text = std::string(key) + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
  unsigned char digest[SHA_DIGEST_LENGTH];
  SHA1(reinterpret_cast<const unsigned char*>(text.data()), text.size(), digest);
  return base64(std::string_view(reinterpret_cast<char*>(digest), sizeof digest));
}

bool is_valid_key(std::string_view key) {
  const auto bytes = key.size() == 24 ? parse_base64(key) : std::nullopt;
  return bytes && bytes->size() == 16;
}

std::size_t FrameDecoder::header_size() const {
  if (header_.size() < 2) return 2;
  const auto second = static_cast<std::uint8_t>(header_[1]);
  const std::size_t length = (second & 0x7f) == 126 ? 2 : (second & 0x7f) == 127 ? 8 : 0;
  return 2 + length + ((second & 0x80) ? 4 : 0);
}

FrameDecoder::Problem FrameDecoder::read_header() {
  const auto first = static_cast<std::uint8_t>(header_[0]);
  const auto second = static_cast<std::uint8_t>(header_[1]);
  if (first & 0x70) return {kProtocolError, "reserved bits are set"};
  if (!is_known(first & 0x0f)) return {kProtocolError, "unknown opcode"};
  opcode_ = static_cast<Opcode>(first & 0x0f);
  final_ = (first & 0x80) != 0;
  const bool masked = (second & 0x80) != 0;
  if (masked != (role_ == WebSocketRole::server)) {
    return {kProtocolError, masked ? "frames of a server must not be masked" : "frames of a client must be masked"};
  }
  const std::size_t mask_at = header_.size() - (masked ? 4 : 0);
  payload_left_ = second & 0x7f;
  if (payload_left_ >= 126) {
    payload_left_ = 0;
    for (std::size_t i = 2; i < mask_at; ++i)
      payload_left_ = payload_left_ << 8 | static_cast<std::uint8_t>(header_[i]);
  }
  std::fill(std::begin(mask_), std::end(mask_), '\0');
  if (masked) std::copy_n(header_.data() + mask_at, 4, mask_);
  mask_at_ = 0;
  if (is_control(opcode_)) {
    if (!final_ || payload_left_ > kMaxControlBytes)
      return {kProtocolError, "a control frame is fragmented or too long"};
    return {};
  }
  if (opcode_ == Opcode::text) return {kUnsupportedData, "only binary messages are accepted"};
  if (in_message_ != (opcode_ == Opcode::continuation))
    return {kProtocolError, "the fragments of a message are out of order"};
  if (payload_left_ > max_message_bytes_ - std::min(message_.size(), max_message_bytes_)) {
    return {kTooBig, text::format("a message may have {} bytes", max_message_bytes_)};
  }
  in_message_ = true;
  return {};
}

FrameDecoder::Problem FrameDecoder::finish_close(const std::function<void(Event)>& on_event) {
  ended_ = true;
  if (control_.empty()) {
    on_event({Opcode::close, {}, kNoCode});
    return {};
  }
  if (control_.size() == 1) return {kProtocolError, "a close frame has half a code"};
  const auto code =
      static_cast<std::uint16_t>(static_cast<std::uint8_t>(control_[0]) << 8 | static_cast<std::uint8_t>(control_[1]));
  std::string reason = control_.substr(2);
  if (!is_valid_close_code(code)) return {kProtocolError, "a close frame has an invalid code"};
  if (!text::is_valid_utf8(reason)) return {kBadData, "the reason of a close frame is not UTF-8"};
  on_event({Opcode::close, std::move(reason), code});
  return {};
}

FrameDecoder::Problem FrameDecoder::finish_frame(const std::function<void(Event)>& on_event) {
  header_.clear();
  header_done_ = false;
  if (opcode_ == Opcode::close) return finish_close(on_event);
  if (is_control(opcode_)) {
    on_event({opcode_, std::move(control_), 0});
    control_.clear();
  } else if (final_) {
    in_message_ = false;
    std::string message = std::move(message_);
    message_.clear();
    on_event({Opcode::binary, std::move(message), 0});
  }
  return {};
}

FrameDecoder::Problem FrameDecoder::feed(std::string_view bytes, const std::function<void(Event)>& on_event) {
  while (!ended_) {
    if (!header_done_) {
      while (header_.size() < header_size() && !bytes.empty()) {
        header_.push_back(bytes.front());
        bytes.remove_prefix(1);
      }
      if (header_.size() < header_size()) return {};
      if (Problem problem = read_header(); problem.code != 0) {
        ended_ = true;
        return problem;
      }
      header_done_ = true;
    }
    std::string& into = is_control(opcode_) ? control_ : message_;
    const auto count = static_cast<std::size_t>(std::min<std::uint64_t>(payload_left_, bytes.size()));
    const std::size_t start = into.size();
    into.append(bytes.substr(0, count));
    if (role_ == WebSocketRole::server) {
      for (std::size_t i = 0; i < count; ++i)
        into[start + i] = static_cast<char>(into[start + i] ^ mask_[(mask_at_ + i) % 4]);
      mask_at_ += count;
    }
    bytes.remove_prefix(count);
    payload_left_ -= count;
    if (payload_left_ > 0) return {};
    if (Problem problem = finish_frame(on_event); problem.code != 0) {
      ended_ = true;
      return problem;
    }
  }
  return {};
}

}  // namespace fairlead::net
