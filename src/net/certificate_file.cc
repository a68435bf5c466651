// SPDX-License-Identifier: Apache-2.0
#include "net/certificate_file.h"

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/pkcs12.h>
#include <openssl/x509.h>

#include <memory>
#include <vector>

#include "base/error.h"
#include "net/tls.h"

namespace fairlead::net {
namespace {

struct Release {
  void operator()(BIO* p) const { BIO_free_all(p); }
  void operator()(X509* p) const { X509_free(p); }
  void operator()(EVP_PKEY* p) const { EVP_PKEY_free(p); }
  void operator()(PKCS12* p) const { PKCS12_free(p); }
  void operator()(STACK_OF(X509) * p) const { sk_X509_pop_free(p, X509_free); }
};
template <class T>
using Held = std::unique_ptr<T, Release>;

// What OpenSSL left in the thread's queue must not be taken for the next call's.
struct CleanErrors {
  CleanErrors() { ERR_clear_error(); }
  ~CleanErrors() { ERR_clear_error(); }
};

Held<BIO> reading(std::string_view bytes) {
  Held<BIO> bio(BIO_new_mem_buf(bytes.data(), static_cast<int>(bytes.size())));
  if (!bio) throw Error(Fault::bug, "out of memory while reading a certificate");
  return bio;
}

Held<BIO> writing() {
  Held<BIO> bio(BIO_new(BIO_s_secmem()));
  if (!bio) throw Error(Fault::bug, "out of memory while writing a certificate");
  return bio;
}

std::string content_of(BIO* bio) {
  char* data = nullptr;
  const long size = BIO_get_mem_data(bio, &data);
  return size > 0 ? std::string(data, static_cast<std::size_t>(size)) : std::string();
}

int answer_with_password(char* buffer, int size, int, void* data) {
  const auto& password = *static_cast<std::string_view*>(data);
  if (password.empty() || password.size() > static_cast<std::size_t>(size)) return -1;
  password.copy(buffer, password.size());
  return static_cast<int>(password.size());
}

Held<EVP_PKEY> key_in(std::string_view pem, std::string_view password) {
  const Held<BIO> bio = reading(pem);
  return Held<EVP_PKEY>(PEM_read_bio_PrivateKey(bio.get(), nullptr, &answer_with_password, &password));
}

std::vector<Held<X509>> certificates_in(std::string_view pem) {
  std::vector<Held<X509>> found;
  const Held<BIO> bio = reading(pem);
  while (found.size() < kMaxPemCertificates) {
    Held<X509> certificate(PEM_read_bio_X509(bio.get(), nullptr, nullptr, nullptr));
    if (!certificate) break;
    found.push_back(std::move(certificate));
  }
  if (found.empty()) throw invalid("the text holds no certificate");
  return found;
}

void write_certificate(BIO* out, X509* certificate) {
  if (PEM_write_bio_X509(out, certificate) != 1) throw Error(Fault::bug, "cannot write a certificate");
}

void write_key(BIO* out, const EVP_PKEY* key) {
  if (PEM_write_bio_PKCS8PrivateKey(out, key, nullptr, nullptr, 0, nullptr, nullptr) != 1) {
    throw invalid("the private key is of a kind that cannot be kept; use RSA, EC or Ed25519");
  }
}

CertificateFile from_pem(std::string_view bytes, std::string_view password) {
  const PemBundle bundle = parse_pem(bytes, password);
  if (bundle.key_is_encrypted) {
    throw invalid(password.empty() ? "the private key is encrypted, and no password was given"
                                   : "the password does not open the private key");
  }
  const Held<BIO> out = writing();
  for (const Held<X509>& certificate : certificates_in(bytes)) write_certificate(out.get(), certificate.get());
  if (bundle.has_private_key) write_key(out.get(), key_in(bytes, password).get());
  return {"Pem", Secret(content_of(out.get()))};
}

CertificateFile from_der(X509* certificate) {
  const Held<BIO> out = writing();
  write_certificate(out.get(), certificate);
  return {"Der", Secret(content_of(out.get()))};
}

CertificateFile from_pkcs12(PKCS12* file, const std::string& password) {
  // An empty password and none are two things in this format.
  const bool opens = PKCS12_verify_mac(file, password.c_str(), -1) == 1 ||
                     (password.empty() && PKCS12_verify_mac(file, nullptr, 0) == 1);
  if (!opens) {
    throw invalid(password.empty() ? "the PFX file is encrypted, and no password was given"
                                   : "the password does not open the PFX file");
  }
  EVP_PKEY* key = nullptr;
  X509* certificate = nullptr;
  STACK_OF(X509)* others = nullptr;
  const int parsed = PKCS12_parse(file, password.c_str(), &key, &certificate, &others);
  const Held<EVP_PKEY> held_key(key);
  const Held<X509> held_certificate(certificate);
  const Held<STACK_OF(X509)> held_others(others);
  if (parsed != 1) {
    throw invalid("the PFX file is encrypted in an old way (such as RC2) or damaged")
        .with_help("write it anew: openssl pkcs12 -legacy -in old.pfx -nodes | openssl pkcs12 -export -out new.pfx");
  }
  const Held<BIO> out = writing();
  if (certificate != nullptr) write_certificate(out.get(), certificate);
  for (int i = 0; others != nullptr && i < sk_X509_num(others); ++i)
    write_certificate(out.get(), sk_X509_value(others, i));
  if (certificate == nullptr && (others == nullptr || sk_X509_num(others) == 0))
    throw invalid("the PFX file holds no certificate");
  if (key != nullptr) write_key(out.get(), key);
  return {"Pkcs12", Secret(content_of(out.get()))};
}

}  // namespace

CertificateFile read_certificate_file(std::string_view bytes, std::string_view password) {
  const CleanErrors clean;
  if (bytes.size() > kMaxPemBytes) throw invalid("the file is over 1 MiB; keep only the certificates and key you need");
  if (bytes.find("-----BEGIN") != std::string_view::npos) return from_pem(bytes, password);
  const Held<BIO> der = reading(bytes);
  if (const Held<X509> certificate(d2i_X509_bio(der.get(), nullptr)); certificate) return from_der(certificate.get());
  const Held<BIO> pkcs12 = reading(bytes);
  if (const Held<PKCS12> file(d2i_PKCS12_bio(pkcs12.get(), nullptr)); file)
    return from_pkcs12(file.get(), std::string(password));
  throw invalid("it is neither PEM (text with -----BEGIN CERTIFICATE-----) nor a DER nor a PFX file");
}

std::string certificates_of_pem(std::string_view pem) {
  const CleanErrors clean;
  const Held<BIO> out = writing();
  for (const Held<X509>& certificate : certificates_in(pem)) write_certificate(out.get(), certificate.get());
  return content_of(out.get());
}

std::string der_of_pem(std::string_view pem) {
  const CleanErrors clean;
  const Held<BIO> out = writing();
  if (i2d_X509_bio(out.get(), certificates_in(pem).front().get()) != 1)
    throw Error(Fault::bug, "cannot write a certificate");
  return content_of(out.get());
}

std::string pkcs12_of_pem(std::string_view pem, std::string_view password, std::string_view name, bool with_key) {
  const CleanErrors clean;
  std::vector<Held<X509>> certificates = certificates_in(pem);
  const Held<EVP_PKEY> key = with_key ? key_in(pem, {}) : nullptr;
  const Held<STACK_OF(X509)> others(sk_X509_new_null());
  // Without a key none of the certificates is the key's.
  for (std::size_t i = key ? 1 : 0; i < certificates.size(); ++i) sk_X509_push(others.get(), certificates[i].release());
  const Held<PKCS12> file(PKCS12_create(std::string(password).c_str(), std::string(name).c_str(), key.get(),
                                        key ? certificates.front().get() : nullptr, others.get(), 0, 0, 0, 0, 0));
  const Held<BIO> out = writing();
  if (!file || i2d_PKCS12_bio(out.get(), file.get()) != 1) throw Error(Fault::bug, "cannot write a PFX file");
  return content_of(out.get());
}

}  // namespace fairlead::net
