// SPDX-License-Identifier: Apache-2.0
#include "link/frame.h"

#include <gtest/gtest.h>

#include "base/error.h"

namespace fairlead::link {
namespace {

Frame data_frame(std::string payload) {
  return Frame{.flags = kFlagMore, .channel = Channel::log, .seq = 0x0102030405060708, .payload = std::move(payload)};
}

TEST(Frame, SurvivesTheWire) {
  for (const Frame& frame :
       {data_frame("x"), data_frame(""), data_frame(std::string(kMaxFramePayload, '\0')),
        Frame{.type = FrameType::ack, .channel = Channel::command, .ack = 7}, Frame{.type = FrameType::ping},
        Frame{.type = FrameType::hello, .payload = "{}"}, Frame{.channel = Channel::status, .payload = "s"}}) {
    EXPECT_EQ(decode_frame(encode_frame(frame)), frame);
  }
}

TEST(Frame, HasTheDocumentedLayout) {
  const std::string bytes = encode_frame(data_frame("P"));
  EXPECT_EQ(bytes, std::string("\x01\x04\x00\x01\x00\x00\x00\x03\x01\x02\x03\x04\x05\x06\x07\x08", 16) +
                       std::string(8, '\0') + "P");
}

TEST(Frame, RefusesWhatIsMalformed) {
  const std::string good = encode_frame(data_frame("x"));
  const auto with = [&](std::size_t at, char byte) {
    std::string bytes = good;
    bytes[at] = byte;
    return bytes;
  };
  EXPECT_THROW(decode_frame(""), Error);
  EXPECT_THROW(decode_frame(good.substr(0, kFrameHeadBytes - 1)), Error);
  EXPECT_THROW(decode_frame(std::string(kFrameHeadBytes + kMaxFramePayload + 1, '\1')), Error);
  EXPECT_THROW(decode_frame(with(0, 2)), Error);  // version
  EXPECT_THROW(decode_frame(with(1, 0)), Error);  // type
  EXPECT_THROW(decode_frame(with(1, 9)), Error);
  EXPECT_THROW(decode_frame(with(3, 2)), Error);   // flag
  EXPECT_THROW(decode_frame(with(7, 9)), Error);   // channel
  EXPECT_THROW(decode_frame(with(7, 0)), Error);   // data on no channel
  EXPECT_THROW(decode_frame(with(7, 4)), Error);   // numbered status
  EXPECT_THROW(decode_frame(with(23, 1)), Error);  // data with ack
  EXPECT_THROW(decode_frame(with(1, 6)), Error);   // ping on a channel
  EXPECT_NO_THROW(decode_frame(good));
}

TEST(Frame, RefusesToEncodeWhatIsTooLong) {
  EXPECT_THROW(encode_frame(data_frame(std::string(kMaxFramePayload + 1, 'x'))), Error);
}

}  // namespace
}  // namespace fairlead::link
