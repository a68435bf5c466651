// SPDX-License-Identifier: Apache-2.0
#include "net/certificate_file.h"

#include <gtest/gtest.h>

#include "base/error.h"
#include "net/testing/certificates.h"
#include "net/tls.h"

namespace fairlead::net {
namespace {

struct Material {
  testing::Issued authority = testing::make_authority("Test CA");
  testing::Issued leaf = testing::issue(authority, {.common_name = "web"});
  std::string all = leaf.key_pem + leaf.certificate_pem + authority.certificate_pem;
};

std::string message_of(std::string_view bytes, std::string_view password) {
  try {
    read_certificate_file(bytes, password);
  } catch (const Error& error) {
    EXPECT_EQ(error.fault(), Fault::invalid);
    return error.message();
  }
  return "no error";
}

std::vector<std::string> names_in(const CertificateFile& file) {
  std::vector<std::string> names;
  for (const Certificate& certificate : parse_pem(file.pem.reveal()).certificates)
    names.push_back(certificate.subject_common_name);
  return names;
}

TEST(CertificateFile, ReadsPemWithTheKeyLast) {
  const Material material;
  const CertificateFile file = read_certificate_file(material.all, {});
  EXPECT_EQ(file.format, "Pem");
  EXPECT_EQ(names_in(file), (std::vector<std::string>{"web", "Test CA"}));
  EXPECT_TRUE(parse_pem(file.pem.reveal()).has_private_key);
  EXPECT_TRUE(key_matches(material.leaf.certificate_pem, file.pem.reveal()));
  EXPECT_EQ(certificates_of_pem(file.pem.reveal()).find("PRIVATE KEY"), std::string::npos);
}

TEST(CertificateFile, ReadsDer) {
  const Material material;
  const std::string der = der_of_pem(material.all);
  EXPECT_EQ(der.find("-----"), std::string::npos);
  const CertificateFile file = read_certificate_file(der, "a password that nobody asks for");
  EXPECT_EQ(file.format, "Der");
  EXPECT_EQ(names_in(file), std::vector<std::string>{"web"});
  EXPECT_FALSE(parse_pem(file.pem.reveal()).has_private_key);
}

TEST(CertificateFile, ReadsPkcs12WithItsPassword) {
  const Material material;
  const std::string pfx = pkcs12_of_pem(material.all, "secret", "web", true);
  const CertificateFile file = read_certificate_file(pfx, "secret");
  EXPECT_EQ(file.format, "Pkcs12");
  EXPECT_EQ(names_in(file), (std::vector<std::string>{"web", "Test CA"}));
  EXPECT_TRUE(key_matches(material.leaf.certificate_pem, file.pem.reveal()));
  EXPECT_EQ(message_of(pfx, "guess"), "the password does not open the PFX file");
  EXPECT_EQ(message_of(pfx, ""), "the PFX file is encrypted, and no password was given");
  EXPECT_EQ(names_in(read_certificate_file(pkcs12_of_pem(material.all, "", "web", true), "")).size(), 2U);
  const CertificateFile without = read_certificate_file(pkcs12_of_pem(material.all, "x", "web", false), "x");
  EXPECT_FALSE(parse_pem(without.pem.reveal()).has_private_key);
  EXPECT_EQ(names_in(without).size(), 2U);
}

TEST(CertificateFile, WantsThePasswordOfAnEncryptedKey) {
  const Material material;
  const std::string sealed = "-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n-----END ENCRYPTED PRIVATE KEY-----\n";
  EXPECT_EQ(message_of(material.leaf.certificate_pem + sealed, ""),
            "the private key is encrypted, and no password was given");
  EXPECT_EQ(message_of(material.leaf.certificate_pem + sealed, "x"), "the password does not open the private key");
}

TEST(CertificateFile, RefusesEverythingElse) {
  EXPECT_NE(message_of("", {}).find("neither PEM"), std::string::npos);
  EXPECT_NE(message_of("no certificate", {}).find("neither PEM"), std::string::npos);
  EXPECT_NE(message_of(std::string(kMaxPemBytes + 1, 'x'), {}).find("over 1 MiB"), std::string::npos);
  const Material material;
  const std::string pfx = pkcs12_of_pem(material.all, "secret", "web", true);
  EXPECT_NE(message_of(pfx.substr(0, pfx.size() / 2), "secret"), "no error");
}

}  // namespace
}  // namespace fairlead::net
