// SPDX-License-Identifier: Apache-2.0
#include "net/tls.h"

#include <arpa/inet.h>
#include <openssl/asn1.h>
#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include <algorithm>
#include <memory>

#include "base/bytes.h"
#include "base/error.h"
#include "base/text.h"
#include "net/tls_text.h"

namespace fairlead::net {
namespace {

struct Free {
  void operator()(BIO* p) const { BIO_free_all(p); }
  void operator()(X509* p) const { X509_free(p); }
  void operator()(EVP_PKEY* p) const { EVP_PKEY_free(p); }
  void operator()(BIGNUM* p) const { BN_free(p); }
  void operator()(GENERAL_NAMES* p) const { GENERAL_NAMES_free(p); }
};
template <class T>
using Owned = std::unique_ptr<T, Free>;

std::string take_bio(BIO* bio) {
  char* data = nullptr;
  const long size = BIO_get_mem_data(bio, &data);
  return size > 0 ? std::string(data, static_cast<std::size_t>(size)) : std::string();
}

Owned<BIO> bio_of(std::string_view text) {
  Owned<BIO> bio(BIO_new_mem_buf(text.data(), static_cast<int>(text.size())));
  if (!bio) throw Error(Fault::bug, "out of memory while reading a certificate");
  return bio;
}

std::string name_text(const X509_NAME* name) {
  const Owned<BIO> bio(BIO_new(BIO_s_mem()));
  // RFC 2253 order and escapes, but UTF-8 kept readable.
  X509_NAME_print_ex(bio.get(), name, 0, XN_FLAG_RFC2253 & ~static_cast<unsigned long>(ASN1_STRFLGS_ESC_MSB));
  return take_bio(bio.get());
}

std::string name_part(const X509_NAME* name, int kind) {
  const int at = X509_NAME_get_index_by_NID(name, kind, -1);
  if (at < 0) return {};
  unsigned char* utf8 = nullptr;
  const int size = ASN1_STRING_to_UTF8(&utf8, X509_NAME_ENTRY_get_data(X509_NAME_get_entry(name, at)));
  if (size < 0) return {};
  std::string part(reinterpret_cast<char*>(utf8), static_cast<std::size_t>(size));
  OPENSSL_free(utf8);
  return part;
}

std::int64_t seconds_of(const ASN1_TIME* time) {
  const std::unique_ptr<ASN1_TIME, decltype(&ASN1_TIME_free)> epoch(ASN1_TIME_set(nullptr, 0), &ASN1_TIME_free);
  int days = 0;
  int seconds = 0;
  if (!epoch || ASN1_TIME_diff(&days, &seconds, epoch.get(), time) != 1)
    throw invalid("the certificate has an unreadable date");
  return std::int64_t{days} * 86'400 + seconds;
}

std::string digest_of(X509* certificate, const EVP_MD* kind) {
  unsigned char bytes[EVP_MAX_MD_SIZE];
  unsigned size = 0;
  if (X509_digest(certificate, kind, bytes, &size) != 1) throw Error(Fault::bug, "cannot hash a certificate");
  return hex(std::string_view(reinterpret_cast<char*>(bytes), size));
}

std::string upper(std::string text) {
  for (char& c : text) {
    if (c >= 'a' && c <= 'z') c = static_cast<char>(c - 'a' + 'A');
  }
  return text;
}

std::string serial_of(X509* certificate) {
  const Owned<BIGNUM> number(ASN1_INTEGER_to_BN(X509_get0_serialNumber(certificate), nullptr));
  if (!number) return {};
  char* digits = BN_bn2hex(number.get());
  std::string text = digits ? digits : "";
  OPENSSL_free(digits);
  return upper(std::move(text));
}

std::vector<std::string> alternative_names_of(X509* certificate) {
  std::vector<std::string> names;
  const Owned<GENERAL_NAMES> list(
      static_cast<GENERAL_NAMES*>(X509_get_ext_d2i(certificate, NID_subject_alt_name, nullptr, nullptr)));
  if (!list) return names;
  for (int i = 0; i < sk_GENERAL_NAME_num(list.get()); ++i) {
    const GENERAL_NAME* name = sk_GENERAL_NAME_value(list.get(), i);
    if (name->type == GEN_DNS) {
      const ASN1_IA5STRING* text = name->d.dNSName;
      names.emplace_back(reinterpret_cast<const char*>(ASN1_STRING_get0_data(text)),
                         static_cast<std::size_t>(ASN1_STRING_length(text)));
    } else if (name->type == GEN_IPADD) {
      char text[INET6_ADDRSTRLEN] = {};
      const int size = ASN1_STRING_length(name->d.iPAddress);
      const int family = size == 4 ? AF_INET : AF_INET6;
      if (size != 4 && size != 16) continue;
      if (inet_ntop(family, ASN1_STRING_get0_data(name->d.iPAddress), text, sizeof text)) names.emplace_back(text);
    }
  }
  return names;
}

Certificate certificate_of(X509* x) {
  Certificate certificate;
  const X509_NAME* subject = X509_get_subject_name(x);
  const X509_NAME* issuer = X509_get_issuer_name(x);
  certificate.subject = name_text(subject);
  certificate.issuer = name_text(issuer);
  certificate.subject_common_name = name_part(subject, NID_commonName);
  certificate.issuer_common_name = name_part(issuer, NID_commonName);
  certificate.subject_organization = name_part(subject, NID_organizationName);
  certificate.issuer_organization = name_part(issuer, NID_organizationName);
  certificate.alternative_names = alternative_names_of(x);
  certificate.serial_hex = serial_of(x);
  certificate.not_before = seconds_of(X509_get0_notBefore(x));
  certificate.not_after = seconds_of(X509_get0_notAfter(x));
  certificate.thumbprint = upper(digest_of(x, EVP_sha1()));
  certificate.sha256_hex = digest_of(x, EVP_sha256());
  certificate.signature_algorithm = OBJ_nid2ln(X509_get_signature_nid(x));
  certificate.version = static_cast<int>(X509_get_version(x)) + 1;
  certificate.self_signed = X509_self_signed(x, 0) == 1;
  certificate.is_authority = X509_check_ca(x) == 1;
  return certificate;
}

std::vector<Owned<X509>> read_certificates(std::string_view pem) {
  if (pem.size() > kMaxPemBytes)
    throw invalid("the certificate text is over 1 MiB; keep only the certificates and key you need");
  std::vector<Owned<X509>> certificates;
  const Owned<BIO> bio = bio_of(pem);
  ERR_clear_error();
  while (true) {
    Owned<X509> certificate(PEM_read_bio_X509(bio.get(), nullptr, nullptr, nullptr));
    if (!certificate) break;
    if (certificates.size() == kMaxPemCertificates) throw invalid("the text holds over 500 certificates");
    certificates.push_back(std::move(certificate));
  }
  const unsigned long error = ERR_peek_last_error();
  ERR_clear_error();
  if (ERR_GET_LIB(error) == ERR_LIB_PEM && ERR_GET_REASON(error) == PEM_R_NO_START_LINE) {
    if (certificates.empty()) {
      throw invalid("the text holds no certificate")
          .with_help("paste the PEM text that begins with -----BEGIN CERTIFICATE-----");
    }
    return certificates;
  }
  throw invalid(text::format("certificate number {} in the text is damaged", certificates.size() + 1))
      .with_help("paste the whole text from -----BEGIN CERTIFICATE----- to -----END CERTIFICATE-----");
}

struct ReadKey {
  Owned<EVP_PKEY> key;
  bool present = false;
  bool encrypted = false;
};

// OpenSSL would ask the terminal for a missing password; this callback answers instead.
int give_password(char* buffer, int size, int, void* data) {
  const auto& password = *static_cast<std::string_view*>(data);
  if (password.empty() || password.size() > static_cast<std::size_t>(size)) return -1;
  std::copy(password.begin(), password.end(), buffer);
  return static_cast<int>(password.size());
}

ReadKey read_key(std::string_view pem, std::string_view password) {
  ReadKey result;
  result.present = pem.find("PRIVATE KEY-----") != std::string_view::npos;
  if (!result.present) return result;
  if (pem.size() > kMaxPemBytes) throw invalid("the private key's text is over 1 MiB");
  const Owned<BIO> bio = bio_of(pem);
  ERR_clear_error();
  result.key.reset(PEM_read_bio_PrivateKey(bio.get(), nullptr, &give_password, &password));
  ERR_clear_error();
  const bool marked = pem.find("BEGIN ENCRYPTED PRIVATE KEY") != std::string_view::npos ||
                      pem.find("Proc-Type: 4,ENCRYPTED") != std::string_view::npos;
  result.encrypted = marked && !result.key;
  if (!result.key && !marked) throw invalid("the private key in the text is damaged or of an unknown kind");
  return result;
}

bool belongs(X509* certificate, EVP_PKEY* key) {
  const bool matches = X509_check_private_key(certificate, key) == 1;
  ERR_clear_error();
  return matches;
}

}  // namespace

std::string certificate_subject(X509* certificate) { return name_text(X509_get_subject_name(certificate)); }

std::string certificate_issuer(X509* certificate) { return name_text(X509_get_issuer_name(certificate)); }

std::string certificate_names(X509* certificate) {
  std::vector<std::string> names = alternative_names_of(certificate);
  if (names.empty()) return name_part(X509_get_subject_name(certificate), NID_commonName);
  constexpr std::size_t kShown = 10;
  if (names.size() > kShown) names.resize(kShown);
  return text::join(names, ", ");
}

std::string trust_problem(int error, std::string_view subject, std::string_view issuer, bool own_authorities) {
  const std::string_view store = own_authorities ? "the given CA certificates" : "the system's CA certificates";
  switch (error) {
    case X509_V_ERR_CERT_HAS_EXPIRED: return text::format("\"{}\" has expired", subject);
    case X509_V_ERR_CERT_NOT_YET_VALID: return text::format("\"{}\" is not valid yet; check the clocks", subject);
    case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
    case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
      return text::format("the self-signed \"{}\" is not among {}", subject, store);
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT:
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
    case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
      return text::format("its issuer \"{}\" is not among {}", issuer, store);
    case X509_V_ERR_CERT_SIGNATURE_FAILURE:
      return text::format("\"{}\" was not signed by the \"{}\" among {}", subject, issuer, store);
    case X509_V_ERR_HOSTNAME_MISMATCH:
    case X509_V_ERR_IP_ADDRESS_MISMATCH: return "it is for another name";
    default: return X509_verify_cert_error_string(error);
  }
}

PemBundle parse_pem(std::string_view pem, std::string_view key_password) {
  PemBundle bundle;
  const std::vector<Owned<X509>> certificates = read_certificates(pem);
  for (const Owned<X509>& certificate : certificates) bundle.certificates.push_back(certificate_of(certificate.get()));
  const ReadKey key = read_key(pem, key_password);
  bundle.has_private_key = key.present;
  bundle.key_is_encrypted = key.encrypted;
  if (key.key && !belongs(certificates.front().get(), key.key.get())) {
    throw invalid("the private key does not belong to the first certificate")
        .with_help("put the certificate of the key first, then its issuers");
  }
  return bundle;
}

bool key_matches(std::string_view certificate_pem, std::string_view key_pem) {
  const std::vector<Owned<X509>> certificates = read_certificates(certificate_pem);
  const ReadKey key = read_key(key_pem, {});
  if (!key.present) throw invalid("the text holds no private key");
  if (!key.key) throw invalid("the private key is encrypted; give it without a password");
  return belongs(certificates.front().get(), key.key.get());
}

}  // namespace fairlead::net
