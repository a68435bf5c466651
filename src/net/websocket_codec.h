// SPDX-License-Identifier: Apache-2.0
// The wire format of WebSocket (RFC 6455 section 5): bytes in, messages and control frames out. No I/O; fuzzed.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

namespace fairlead::net {

enum class WebSocketRole { server, client };

enum class Opcode : std::uint8_t { continuation = 0, text = 1, binary = 2, close = 8, ping = 9, pong = 10 };

inline constexpr std::size_t kMaxControlBytes = 125;

// One unfragmented frame. `mask` null: not masked (server); else 4 bytes of unpredictable key (client, section 5.3).
std::string encode_frame(Opcode opcode, std::string_view payload, const char* mask);
// The payload of a close frame; the reason is cut to 123 bytes of whole UTF-8 characters.
std::string close_payload(std::uint16_t code, std::string_view reason);
// Sec-WebSocket-Accept for a Sec-WebSocket-Key (section 4.2.2).
std::string accept_key(std::string_view key);
// 16 bytes in base64.
bool is_valid_key(std::string_view key);

class FrameDecoder {
 public:
  struct Event {
    Opcode opcode;           // binary, ping, pong or close
    std::string payload;     // close: the reason alone
    std::uint16_t code = 0;  // close: 1005 when the frame had none
  };
  struct Problem {
    std::uint16_t code = 0;  // the close code to send; 0: none
    std::string reason;
  };

  FrameDecoder(WebSocketRole role, std::size_t max_message_bytes)
      : role_(role), max_message_bytes_(max_message_bytes) {}

  // Decodes everything in `bytes` and calls `on_event` per message and control frame. Keeps partial frames. After a
  // problem or a close frame the rest is ignored.
  Problem feed(std::string_view bytes, const std::function<void(Event)>& on_event);

 private:
  Problem read_header();
  Problem finish_frame(const std::function<void(Event)>& on_event);
  Problem finish_close(const std::function<void(Event)>& on_event);
  std::size_t header_size() const;

  const WebSocketRole role_;
  const std::size_t max_message_bytes_;
  std::string header_;  // bytes of the frame header so far
  bool header_done_ = false;
  Opcode opcode_ = Opcode::binary;
  bool final_ = false;
  std::uint64_t payload_left_ = 0;
  char mask_[4] = {};
  std::size_t mask_at_ = 0;
  std::string message_;  // data frames so far
  std::string control_;
  bool in_message_ = false;
  bool ended_ = false;
};

}  // namespace fairlead::net
