// SPDX-License-Identifier: Apache-2.0
#include "base/signing.h"

#include <gtest/gtest.h>

#include "base/bytes.h"
#include "base/error.h"

namespace fairlead {
namespace {

// RFC 8032 section 7.1, test 2.
constexpr std::string_view kSeed = "4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb";
constexpr std::string_view kPublic = "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c";
constexpr std::string_view kSignature =
    "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb0"
    "0d"
    "291612bb0c00";

TEST(Signing, MatchesTheVectorOfTheRfc) {
  const SigningKey key = signing_key_of(Secret(*parse_hex(kSeed)));
  EXPECT_EQ(hex(key.public_key), kPublic);
  EXPECT_EQ(hex(sign(key, "\x72")), kSignature);
  EXPECT_TRUE(verify_signature(key.public_key, "\x72", *parse_hex(kSignature)));
}

TEST(Signing, RefusesAnythingElse) {
  const SigningKey key = make_signing_key();
  const std::string signature = sign(key, "hello");
  EXPECT_TRUE(verify_signature(key.public_key, "hello", signature));
  EXPECT_FALSE(verify_signature(key.public_key, "hellO", signature));
  EXPECT_FALSE(verify_signature(make_signing_key().public_key, "hello", signature));
  EXPECT_FALSE(verify_signature(key.public_key, "hello", signature.substr(1)));
  EXPECT_FALSE(verify_signature("", "hello", signature));
  EXPECT_THROW(signing_key_of(Secret(std::string("short"))), Error);
}

}  // namespace
}  // namespace fairlead
