// SPDX-License-Identifier: Apache-2.0
#include "net/websocket_codec.h"

#include <gtest/gtest.h>

#include <vector>

namespace fairlead::net {
namespace {

constexpr char kMask[] = {'\x37', '\xfa', '\x21', '\x3d'};

struct Decoded {
  std::vector<FrameDecoder::Event> events;
  FrameDecoder::Problem problem;
};

Decoded decode(WebSocketRole role, std::string_view bytes, std::size_t step = 1'000'000, std::size_t limit = 1'000) {
  FrameDecoder decoder(role, limit);
  Decoded decoded;
  for (std::size_t at = 0; at < bytes.size() && decoded.problem.code == 0; at += step) {
    decoded.problem = decoder.feed(bytes.substr(at, step),
                                   [&](FrameDecoder::Event event) { decoded.events.push_back(std::move(event)); });
  }
  return decoded;
}

std::string raw(std::initializer_list<int> bytes, std::string_view rest = {}) {
  std::string text;
  for (const int byte : bytes) text.push_back(static_cast<char>(byte));
  return text.append(rest);
}

TEST(WebSocketCodec, MatchesTheExamplesOfTheRfc) {
  EXPECT_EQ(accept_key("dGhlIHNhbXBsZSBub25jZQ=="), "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
  // Section 5.7: a masked "Hello" (there as text), and a ping with its body.
  EXPECT_EQ(encode_frame(Opcode::text, "Hello", kMask),
            raw({0x81, 0x85, 0x37, 0xfa, 0x21, 0x3d, 0x7f, 0x9f, 0x4d, 0x51, 0x58}));
  EXPECT_EQ(encode_frame(Opcode::ping, "Hello", nullptr), raw({0x89, 0x05}, "Hello"));
  EXPECT_TRUE(is_valid_key("dGhlIHNhbXBsZSBub25jZQ=="));
  EXPECT_FALSE(is_valid_key("dGhlIHNhbXBsZQ=="));
  EXPECT_FALSE(is_valid_key(""));
}

TEST(WebSocketCodec, RoundTripsEveryLengthFormInAnyPieces) {
  for (const std::size_t size :
       {std::size_t{0}, std::size_t{1}, std::size_t{125}, std::size_t{126}, std::size_t{65'535}, std::size_t{65'536}}) {
    const std::string payload(size, 'p');
    for (const std::size_t step : {std::size_t{1}, std::size_t{3}, std::size_t{1'000'000}}) {
      const Decoded server = decode(WebSocketRole::server, encode_frame(Opcode::binary, payload, kMask), step, 100'000);
      ASSERT_EQ(server.events.size(), 1U) << size;
      EXPECT_EQ(server.events[0].payload, payload);
      const Decoded client =
          decode(WebSocketRole::client, encode_frame(Opcode::binary, payload, nullptr), step, 100'000);
      ASSERT_EQ(client.events.size(), 1U) << size;
      EXPECT_EQ(client.events[0].payload, payload);
    }
  }
}

TEST(WebSocketCodec, JoinsFragmentsAroundControlFrames) {
  const std::string bytes =
      raw({0x02, 0x03}, "abc") + raw({0x89, 0x01}, "!") + raw({0x00, 0x00}) + raw({0x80, 0x03}, "def");
  for (const std::size_t step : {std::size_t{1}, bytes.size()}) {
    const Decoded decoded = decode(WebSocketRole::client, bytes, step);
    ASSERT_EQ(decoded.events.size(), 2U);
    EXPECT_EQ(decoded.events[0].opcode, Opcode::ping);
    EXPECT_EQ(decoded.events[1].payload, "abcdef");
  }
}

TEST(WebSocketCodec, RefusesWhatTheRfcForbids) {
  struct Case {
    const char* name;
    std::string bytes;
    int code;
  };
  for (const Case& c : {
           Case{"reserved bit", raw({0xc2, 0x00}), 1002},
           Case{"unknown opcode", raw({0x83, 0x00}), 1002},
           Case{"unknown control opcode", raw({0x8b, 0x00}), 1002},
           Case{"masked server frame", raw({0x82, 0x80, 1, 2, 3, 4}), 1002},
           Case{"text", raw({0x81, 0x01}, "x"), 1003},
           Case{"fragmented ping", raw({0x09, 0x00}), 1002},
           Case{"long ping", raw({0x89, 126, 0, 126}), 1002},
           Case{"continuation of nothing", raw({0x80, 0x00}), 1002},
           Case{"second start", raw({0x02, 0x01}, "a") + raw({0x82, 0x01}, "b"), 1002},
           Case{"too big", raw({0x82, 126, 0x03, 0xe9}), 1009},
           Case{"huge", raw({0x82, 127, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff}), 1009},
           Case{"too big in sum", raw({0x02, 126, 0x03, 0xe8}, std::string(1'000, 'x')) + raw({0x80, 0x01}, "y"), 1009},
           Case{"half a close code", raw({0x88, 0x01, 0x03}), 1002},
           Case{"close code 1006", raw({0x88, 0x02, 0x03, 0xee}), 1002},
           Case{"close code 999", raw({0x88, 0x02, 0x03, 0xe7}), 1002},
           Case{"close reason", raw({0x88, 0x03, 0x03, 0xe8, 0xff}), 1007},
       }) {
    EXPECT_EQ(decode(WebSocketRole::client, c.bytes).problem.code, c.code) << c.name;
    EXPECT_EQ(decode(WebSocketRole::client, c.bytes, 1).problem.code, c.code) << c.name;
  }
  EXPECT_EQ(decode(WebSocketRole::server, raw({0x82, 0x00})).problem.code, 1002);  // a client must mask
}

TEST(WebSocketCodec, ClosesWithCodeAndReason) {
  const Decoded decoded = decode(WebSocketRole::client,
                                 encode_frame(Opcode::close, close_payload(1001, "bye"), nullptr) + raw({0xff, 0xff}));
  ASSERT_EQ(decoded.events.size(), 1U);
  EXPECT_EQ(decoded.problem.code, 0);  // what follows a close frame is ignored
  EXPECT_EQ(decoded.events[0].code, 1001);
  EXPECT_EQ(decoded.events[0].payload, "bye");
  EXPECT_EQ(decode(WebSocketRole::client, raw({0x88, 0x00})).events.at(0).code, 1005);
  EXPECT_LE(close_payload(1000, std::string(500, 'r')).size(), kMaxControlBytes);
}

}  // namespace
}  // namespace fairlead::net
