// SPDX-License-Identifier: Apache-2.0
// Words for what OpenSSL says about certificates. For the files of this folder that hold OpenSSL's types.
#pragma once

#include <openssl/ssl.h>
#include <openssl/x509.h>

#include <memory>
#include <string>
#include <string_view>

namespace fairlead::net {

std::string certificate_subject(X509* certificate);
std::string certificate_issuer(X509* certificate);
// DNS names and addresses joined by ", ", at most the first ten; the common name where there are none.
std::string certificate_names(X509* certificate);
// "it expired", "its issuer \"CN=x\" is not among the given certificates": the reason for an X509_V_ERR code.
// `own_authorities`: the caller gave the CA; otherwise the system's store was used.
std::string trust_problem(int error, std::string_view subject, std::string_view issuer, bool own_authorities);

// What the certificate check of a handshake saw.
struct TlsFinding {
  std::string issuer;  // of the certificate that failed
  std::string subject;
  std::string names;  // of the server's own certificate
  int error = 0;      // X509_V_ERR_*; 0: the chain was accepted
};

// Makes handshakes of this context write to `finding`, which the context then shares. False when memory is out.
bool record_finding(SSL_CTX* context, std::shared_ptr<TlsFinding> finding);
// One sentence about a refused certificate. `origin`: "https://host:port"; `name`: what was to be certified.
std::string certificate_sentence(const TlsFinding& finding, std::string_view origin, std::string_view name,
                                 bool own_authorities);

}  // namespace fairlead::net
