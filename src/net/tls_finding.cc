// SPDX-License-Identifier: Apache-2.0
#include <openssl/x509v3.h>

#include "base/text.h"
#include "net/tls_text.h"

namespace fairlead::net {
namespace {

using SharedFinding = std::shared_ptr<TlsFinding>;

void free_finding(void*, void* pointer, CRYPTO_EX_DATA*, int, long, void*) {
  delete static_cast<SharedFinding*>(pointer);
}

int finding_index() {
  static const int index = SSL_CTX_get_ex_new_index(0, nullptr, nullptr, nullptr, &free_finding);
  return index;
}

int note_certificate(int accepted, X509_STORE_CTX* check) {
  const auto* ssl = static_cast<SSL*>(X509_STORE_CTX_get_ex_data(check, SSL_get_ex_data_X509_STORE_CTX_idx()));
  auto* shared =
      ssl ? static_cast<SharedFinding*>(SSL_CTX_get_ex_data(SSL_get_SSL_CTX(ssl), finding_index())) : nullptr;
  if (!shared) return accepted;
  TlsFinding& finding = **shared;
  X509* certificate = X509_STORE_CTX_get_current_cert(check);
  if (certificate && X509_STORE_CTX_get_error_depth(check) == 0) finding.names = certificate_names(certificate);
  if (!accepted && finding.error == 0) {
    finding.error = X509_STORE_CTX_get_error(check);
    if (certificate) {
      finding.issuer = certificate_issuer(certificate);
      finding.subject = certificate_subject(certificate);
    }
  }
  return accepted;
}

}  // namespace

bool record_finding(SSL_CTX* context, std::shared_ptr<TlsFinding> finding) {
  auto owned = std::make_unique<SharedFinding>(std::move(finding));
  if (SSL_CTX_set_ex_data(context, finding_index(), owned.get()) != 1) return false;
  static_cast<void>(owned.release());  // free_finding deletes it with the context
  SSL_CTX_set_verify(context, SSL_CTX_get_verify_mode(context), &note_certificate);
  return true;
}

std::string certificate_sentence(const TlsFinding& finding, std::string_view origin, std::string_view name,
                                 bool own_authorities) {
  const bool other_name = finding.error == 0 || finding.error == X509_V_ERR_HOSTNAME_MISMATCH ||
                          finding.error == X509_V_ERR_IP_ADDRESS_MISMATCH;
  if (other_name) {
    return text::format("the certificate of {} is not for the name {}; it names {}", origin, name,
                        finding.names.empty() ? "nothing" : finding.names);
  }
  return text::format("the certificate of {} is not trusted: {}", origin,
                      trust_problem(finding.error, finding.subject, finding.issuer, own_authorities));
}

}  // namespace fairlead::net
