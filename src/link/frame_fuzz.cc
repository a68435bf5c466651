// SPDX-License-Identifier: Apache-2.0
// Whatever decodes encodes to the same bytes, and a session that is fed strange frames refuses them without harm.
#include <cstdlib>

#include "base/error.h"
#include "link/frame.h"
#include "link/session.h"

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
  using namespace fairlead;
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  link::Session session("fuzz");
  session.connected(link::Resume{.stream = "peer"});
  // The input is a list of frames, each after its length in two bytes.
  for (std::size_t at = 0; at + 2 <= size;) {
    const std::size_t length = static_cast<std::size_t>(data[at]) << 8 | data[at + 1];
    const std::string_view part = bytes.substr(at + 2, length);
    at += 2 + length;
    try {
      const link::Frame frame = link::decode_frame(part);
      if (link::encode_frame(frame) != part) std::abort();
      if (frame.type == link::FrameType::data || frame.type == link::FrameType::ack) {
        for (const link::Message& message : session.receive(frame).messages) session.done(message);
      }
    } catch (const Error&) {
      continue;
    }
    while (session.next_frame()) {
    }
  }
  return 0;
}
