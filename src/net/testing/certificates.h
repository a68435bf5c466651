// SPDX-License-Identifier: Apache-2.0
// Makes certificates for tests: an authority and what it issues. P-256 keys, made in a millisecond. Not for production.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace fairlead::net::testing {

struct Issued {
  std::string certificate_pem;
  std::string key_pem;
};

struct CertificateWish {
  std::string common_name = "localhost";
  std::vector<std::string> names = {"DNS:localhost", "IP:127.0.0.1"};  // OpenSSL's syntax
  std::int64_t valid_from_s = -3'600;                                  // relative to now
  std::int64_t valid_for_s = 86'400;
  bool authority = false;
};

// Self-signed.
Issued make_authority(const std::string& common_name);
Issued issue(const Issued& authority, const CertificateWish& wish);
// Writes a file into the folder and returns its path.
std::string write_file(const std::string& folder, const std::string& name, const std::string& content);

}  // namespace fairlead::net::testing
