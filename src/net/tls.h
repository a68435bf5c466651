// SPDX-License-Identifier: Apache-2.0
// What a PEM text holds: for the certificates feature and for messages about trust. Pure functions; thread-safe.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace fairlead::net {

inline constexpr std::size_t kMaxPemBytes = 1 << 20;
inline constexpr std::size_t kMaxPemCertificates = 500;

struct Certificate {
  std::string subject;  // RFC 2253: "CN=example.org,O=Example"
  std::string issuer;
  std::string subject_common_name;  // "" when there is none
  std::string issuer_common_name;
  std::string subject_organization;
  std::string issuer_organization;
  std::vector<std::string> alternative_names;  // DNS names and addresses
  std::string serial_hex;                      // upper case
  std::int64_t not_before = 0;                 // seconds since 1970 UTC
  std::int64_t not_after = 0;
  std::string thumbprint;  // SHA-1 of the DER form, 40 upper-case hexadecimal digits, as Octopus and Windows show it
  std::string sha256_hex;  // lower case
  std::string signature_algorithm;  // "sha256WithRSAEncryption"
  int version = 3;
  bool self_signed = false;
  bool is_authority = false;  // basicConstraints CA
};

struct PemBundle {
  std::vector<Certificate> certificates;  // in the order of the text
  bool has_private_key = false;           // belongs to the first certificate (checked)
  bool key_is_encrypted = false;          // present, and the password did not open it
};

// Throws Error(invalid) with a sentence a user can act on: no certificate, broken base64, key of another certificate,
// too large.
PemBundle parse_pem(std::string_view pem, std::string_view key_password = {});

// True when the private key in `key_pem` belongs to the first certificate in `certificate_pem`. Throws Error(invalid).
bool key_matches(std::string_view certificate_pem, std::string_view key_pem);

}  // namespace fairlead::net
