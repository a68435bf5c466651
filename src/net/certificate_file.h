// SPDX-License-Identifier: Apache-2.0
// Certificates in the forms in which people have them (PEM, RFC 7468; DER; PKCS#12, RFC 7292) and in the one form in
// which we keep them. Pure functions; thread-safe.
#pragma once

#include <string>
#include <string_view>

#include "base/secret.h"

namespace fairlead::net {

struct CertificateFile {
  std::string format;  // what it was: "Pem", "Der" or "Pkcs12"
  Secret pem;  // certificates, the one of the key first; then the private key, if there is one, without a password
};

// Throws Error(invalid) with what to do: none of these forms, a wrong password, no certificate, over kMaxPemBytes.
CertificateFile read_certificate_file(std::string_view bytes, std::string_view password);

// The certificates of a PEM text that may hold a key too, in their order: never the key.
std::string certificates_of_pem(std::string_view pem);
// The DER form of the first certificate.
std::string der_of_pem(std::string_view pem);
// A PKCS#12 file with all certificates and, where `with_key`, the private key of the text.
std::string pkcs12_of_pem(std::string_view pem, std::string_view password, std::string_view name, bool with_key);

}  // namespace fairlead::net
