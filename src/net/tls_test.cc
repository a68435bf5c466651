// SPDX-License-Identifier: Apache-2.0
#include "net/tls.h"

#include <gtest/gtest.h>

#include "base/error.h"
#include "net/testing/certificates.h"

namespace fairlead::net {
namespace {

using testing::Issued;

std::string message_of(const std::string& pem) {
  try {
    parse_pem(pem);
  } catch (const Error& error) {
    EXPECT_EQ(error.fault(), Fault::invalid);
    return error.message();
  }
  return "no error";
}

TEST(Tls, DescribesCertificates) {
  const Issued authority = testing::make_authority("Test CA");
  const Issued leaf =
      testing::issue(authority, {.common_name = "web", .names = {"DNS:a.example", "DNS:b.example", "IP:::1"}});
  const PemBundle bundle = parse_pem(leaf.certificate_pem + leaf.key_pem + authority.certificate_pem);
  ASSERT_EQ(bundle.certificates.size(), 2U);
  EXPECT_TRUE(bundle.has_private_key);
  EXPECT_FALSE(bundle.key_is_encrypted);
  const Certificate& web = bundle.certificates[0];
  EXPECT_EQ(web.subject, "CN=web");
  EXPECT_EQ(web.issuer, "CN=Test CA");
  EXPECT_EQ(web.subject_common_name, "web");
  EXPECT_EQ(web.issuer_common_name, "Test CA");
  EXPECT_EQ(web.alternative_names, (std::vector<std::string>{"a.example", "b.example", "::1"}));
  EXPECT_EQ(web.not_after - web.not_before, 86'400 + 3'600);
  EXPECT_EQ(web.thumbprint.size(), 40U);
  EXPECT_EQ(web.thumbprint.find_first_not_of("0123456789ABCDEF"), std::string::npos);
  EXPECT_EQ(web.sha256_hex.size(), 64U);
  EXPECT_EQ(web.version, 3);
  EXPECT_FALSE(web.self_signed);
  EXPECT_FALSE(web.is_authority);
  EXPECT_TRUE(bundle.certificates[1].self_signed);
  EXPECT_TRUE(bundle.certificates[1].is_authority);
  EXPECT_FALSE(parse_pem(leaf.certificate_pem).has_private_key);
}

TEST(Tls, RefusesWhatIsNotACertificate) {
  const Issued one = testing::make_authority("One");
  const Issued two = testing::make_authority("Two");
  EXPECT_EQ(message_of(""), "the text holds no certificate");
  EXPECT_EQ(message_of(one.key_pem), "the text holds no certificate");
  EXPECT_EQ(message_of(one.certificate_pem + two.key_pem), "the private key does not belong to the first certificate");
  std::string damaged = one.certificate_pem;
  damaged.replace(100, 10, "!!!!!!!!!!");
  EXPECT_EQ(message_of(one.certificate_pem + damaged), "certificate number 2 in the text is damaged");
  EXPECT_EQ(message_of(one.certificate_pem + "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"),
            "the private key in the text is damaged or of an unknown kind");
  EXPECT_NE(message_of(std::string(kMaxPemBytes + 1, 'x')).find("over 1 MiB"), std::string::npos);
  EXPECT_TRUE(key_matches(one.certificate_pem, one.key_pem));
  EXPECT_FALSE(key_matches(one.certificate_pem, two.key_pem));
  EXPECT_THROW(key_matches(one.certificate_pem, "x"), Error);
}

}  // namespace
}  // namespace fairlead::net
