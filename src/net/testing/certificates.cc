// SPDX-License-Identifier: Apache-2.0
#include "net/testing/certificates.h"

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509v3.h>

#include <memory>

#include "base/error.h"
#include "base/file.h"
#include "base/text.h"

namespace fairlead::net::testing {
namespace {

template <class T, void (*free_it)(T*)>
struct Deleter {
  void operator()(T* pointer) const { free_it(pointer); }
};
using OwnedKey = std::unique_ptr<EVP_PKEY, Deleter<EVP_PKEY, EVP_PKEY_free>>;
using OwnedCertificate = std::unique_ptr<X509, Deleter<X509, X509_free>>;
using OwnedBio = std::unique_ptr<BIO, Deleter<BIO, BIO_free_all>>;

void must(bool ok) {
  if (!ok) throw Error(Fault::bug, "OpenSSL failed while making a test certificate");
}

std::string text_of(BIO* bio) {
  char* data = nullptr;
  const long size = BIO_get_mem_data(bio, &data);
  return {data, static_cast<std::size_t>(size)};
}

void add_extension(X509* certificate, X509* issuer, int kind, const std::string& value) {
  X509V3_CTX context;
  X509V3_set_ctx_nodb(&context);
  X509V3_set_ctx(&context, issuer, certificate, nullptr, nullptr, 0);
  X509_EXTENSION* extension = X509V3_EXT_conf_nid(nullptr, &context, kind, value.c_str());
  must(extension != nullptr);
  X509_add_ext(certificate, extension, -1);
  X509_EXTENSION_free(extension);
}

Issued make(const CertificateWish& wish, X509* issuer, EVP_PKEY* issuer_key) {
  const OwnedKey key(EVP_PKEY_Q_keygen(nullptr, nullptr, "EC", "P-256"));
  const OwnedCertificate certificate(X509_new());
  must(key && certificate);
  X509_set_version(certificate.get(), X509_VERSION_3);
  std::uint32_t serial = 0;
  must(RAND_bytes(reinterpret_cast<unsigned char*>(&serial), sizeof serial) == 1);
  ASN1_INTEGER_set_uint64(X509_get_serialNumber(certificate.get()), serial);
  X509_gmtime_adj(X509_getm_notBefore(certificate.get()), wish.valid_from_s);
  X509_gmtime_adj(X509_getm_notAfter(certificate.get()), wish.valid_for_s);
  X509_set_pubkey(certificate.get(), key.get());
  X509_NAME* name = X509_get_subject_name(certificate.get());
  const auto* common_name = reinterpret_cast<const unsigned char*>(wish.common_name.c_str());
  X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_UTF8, common_name, -1, -1, 0);
  X509_set_issuer_name(certificate.get(), issuer ? X509_get_subject_name(issuer) : name);
  X509* signer = issuer ? issuer : certificate.get();
  add_extension(certificate.get(), signer, NID_basic_constraints,
                wish.authority ? "critical,CA:TRUE" : "critical,CA:FALSE");
  if (!wish.names.empty()) add_extension(certificate.get(), signer, NID_subject_alt_name, text::join(wish.names, ","));
  must(X509_sign(certificate.get(), issuer_key ? issuer_key : key.get(), EVP_sha256()) > 0);
  const OwnedBio certificate_text(BIO_new(BIO_s_mem()));
  const OwnedBio key_text(BIO_new(BIO_s_mem()));
  must(PEM_write_bio_X509(certificate_text.get(), certificate.get()) == 1);
  must(PEM_write_bio_PrivateKey(key_text.get(), key.get(), nullptr, nullptr, 0, nullptr, nullptr) == 1);
  return {.certificate_pem = text_of(certificate_text.get()), .key_pem = text_of(key_text.get())};
}

}  // namespace

Issued make_authority(const std::string& common_name) {
  return make({.common_name = common_name, .names = {}, .authority = true}, nullptr, nullptr);
}

Issued issue(const Issued& authority, const CertificateWish& wish) {
  const OwnedBio certificate_text(
      BIO_new_mem_buf(authority.certificate_pem.data(), static_cast<int>(authority.certificate_pem.size())));
  const OwnedBio key_text(BIO_new_mem_buf(authority.key_pem.data(), static_cast<int>(authority.key_pem.size())));
  const OwnedCertificate issuer(PEM_read_bio_X509(certificate_text.get(), nullptr, nullptr, nullptr));
  const OwnedKey key(PEM_read_bio_PrivateKey(key_text.get(), nullptr, nullptr, nullptr));
  must(issuer && key);
  return make(wish, issuer.get(), key.get());
}

std::string write_file(const std::string& folder, const std::string& name, const std::string& content) {
  const std::string path = folder + "/" + name;
  file::write_durably(path, content);
  return path;
}

}  // namespace fairlead::net::testing
