// SPDX-License-Identifier: Apache-2.0
// WebSocket frames from arbitrary bytes; the first byte chooses the role.
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "net/websocket_codec.h"

namespace {

constexpr std::size_t kLimit = 1'000;

std::string outcome_of(fairlead::net::WebSocketRole role, std::string_view bytes, std::size_t step) {
  fairlead::net::FrameDecoder decoder(role, kLimit);
  std::string outcome;
  for (std::size_t at = 0; at < bytes.size(); at += step) {
    const auto problem = decoder.feed(bytes.substr(at, step), [&](fairlead::net::FrameDecoder::Event event) {
      if (event.payload.size() > kLimit) std::abort();
      outcome += std::to_string(static_cast<int>(event.opcode)) + ":" + event.payload + ":" +
                 std::to_string(event.code) + "\n";
    });
    if (problem.code != 0) return outcome + "problem " + std::to_string(problem.code);
  }
  return outcome;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const auto role = data[0] % 2 == 0 ? fairlead::net::WebSocketRole::server : fairlead::net::WebSocketRole::client;
  const std::string_view bytes(reinterpret_cast<const char*>(data) + 1, size - 1);
  if (outcome_of(role, bytes, size) != outcome_of(role, bytes, 1)) std::abort();
  return 0;
}
