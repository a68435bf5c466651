// SPDX-License-Identifier: Apache-2.0
#include "base/text.h"

#include <gtest/gtest.h>

#include "base/bytes.h"
#include "base/clock.h"

namespace fairlead {
namespace {

TEST(Text, SplitsAndTrims) {
  EXPECT_EQ(text::split("a,,b", ','), (std::vector<std::string>{"a", "", "b"}));
  EXPECT_EQ(text::split_list(" a, ,b\n"), (std::vector<std::string>{"a", "b"}));
  EXPECT_EQ(text::trim(" \t x \n"), "x");
}

TEST(Text, Slugs) {
  EXPECT_EQ(text::slug("My Project 2.0"), "my-project-2-0");
  EXPECT_EQ(text::slug("--Ünï--"), "n");
  EXPECT_EQ(text::slug("***"), "unnamed");
}

TEST(Text, NumbersAreWholeTexts) {
  EXPECT_EQ(text::parse_int("42"), 42);
  EXPECT_EQ(text::parse_int("42x"), std::nullopt);
  EXPECT_EQ(text::parse_int(""), std::nullopt);
  EXPECT_EQ(text::parse_int("99999999999999999999"), std::nullopt);
}

TEST(Text, PercentDecoding) {
  EXPECT_EQ(text::percent_decode("refs%2Fheads%2fmain"), "refs/heads/main");
  EXPECT_EQ(text::percent_decode("a+b", true), "a b");
  EXPECT_EQ(text::percent_decode("%zz"), std::nullopt);
  EXPECT_EQ(text::percent_decode("%4"), std::nullopt);
  EXPECT_EQ(text::percent_encode("a b/é"), "a%20b%2F%C3%A9");
}

TEST(Text, Utf8) {
  EXPECT_TRUE(text::is_valid_utf8("é€😀"));
  EXPECT_FALSE(text::is_valid_utf8("\xC0\x80"));
  EXPECT_FALSE(text::is_valid_utf8("\xED\xA0\x80"));
  EXPECT_EQ(text::shorten("é€", 3), "é...");
}

TEST(Clock, Iso8601RoundTrip) {
  EXPECT_EQ(iso8601(Time{1'767'323'045'678'000}), "2026-01-02T03:04:05.678Z");
  EXPECT_EQ(parse_iso8601("2026-01-02T03:04:05.678Z"), Time{1'767'323'045'678'000});
  EXPECT_EQ(parse_iso8601("2026-01-02T05:04:05+02:00"), Time{1'767'323'045'000'000});
  for (const char* wrong :
       {"", "2026-02-31T00:00:00Z", "2026-01-02 03:04:05Z", "2026-01-02T03:04:05", "2026-01-02T25:00:00Z"}) {
    EXPECT_EQ(parse_iso8601(wrong), std::nullopt) << wrong;
  }
}

TEST(Clock, Durations) {
  EXPECT_EQ(duration_text(850'000), "850 ms");
  EXPECT_EQ(duration_text(185 * kSecond), "3 min 05 s");
  EXPECT_EQ(timespan_text(185 * kSecond), "00:03:05");
  EXPECT_EQ(timespan_text(26 * kHour), "1.02:00:00");
}

TEST(Bytes, KnownVectors) {
  EXPECT_EQ(sha256_hex("abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");  // FIPS 180-4
  EXPECT_EQ(hex(hmac_sha256("Jefe", "what do ya want for nothing?")),
            "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");  // RFC 4231, case 2
  EXPECT_EQ(base64("fooba"), "Zm9vYmE=");
  EXPECT_EQ(parse_base64("Zm9v\nYmE="), "fooba");
  EXPECT_EQ(parse_base64("Zm9v!"), std::nullopt);
  EXPECT_EQ(parse_hex("0aFF"), std::string("\x0A\xFF"));
  EXPECT_NE(random_id(), random_id());
  EXPECT_EQ(timed_id(0x0123456789ab).substr(0, 12), "0123456789ab");
  EXPECT_NE(timed_id(1), timed_id(1));
}

}  // namespace
}  // namespace fairlead
