// SPDX-License-Identifier: Apache-2.0
#include "features/certificates/install.h"

#include "api/resource.h"
#include "base/bytes.h"
#include "domain/name_rules.h"
#include "features/certificates/model.h"
#include "net/tls.h"

namespace fairlead::features::certificates {

namespace {

// Clients send base64 of a file; a PEM text as it is is taken too.
std::string pem_of(const Certificate& certificate) {
  const std::string sent(certificate.data.new_value->reveal());
  std::string pem = sent.find("-----BEGIN") != std::string::npos ? sent : parse_base64(sent).value_or("");
  if (pem.find("-----BEGIN") == std::string::npos) {
    throw invalid_at("CertificateData", "must be base64 of a PEM file (text with -----BEGIN CERTIFICATE-----); PFX and DER files are not "
                                        "supported yet: convert them with openssl");
  }
  return pem;
}

void read_certificate(Certificate& certificate) {
  const std::string pem = pem_of(certificate);
  const Secret password = certificate.password.new_value.value_or(Secret());
  const net::PemBundle bundle = net::parse_pem(pem, password.reveal());
  if (bundle.certificates.empty()) throw invalid_at("CertificateData", "holds no certificate");
  if (bundle.key_is_encrypted) throw invalid_at("Password", "does not open the private key in CertificateData");
  const net::Certificate& first = bundle.certificates.front();
  certificate.subject = first.subject;
  certificate.subject_common_name = first.subject_common_name;
  certificate.subject_organization = first.subject_organization;
  certificate.issuer = first.issuer;
  certificate.issuer_common_name = first.issuer_common_name;
  certificate.issuer_organization = first.issuer_organization;
  certificate.subject_alternative_names = first.alternative_names;
  certificate.thumbprint = first.thumbprint;
  certificate.serial_number = first.serial_hex;
  certificate.signature_algorithm = first.signature_algorithm;
  certificate.self_signed = first.self_signed;
  certificate.not_before = Time{first.not_before * kSecond};
  certificate.not_after = Time{first.not_after * kSecond};
  certificate.has_private_key = bundle.has_private_key;
  certificate.data.new_value = Secret(pem);  // one form in the store, whatever the client sent
}

}  // namespace

void install(Services& services) {
  services.api.documents.add<Certificate>({.table = "certificate", .id_prefix = "Certificates", .noun = "certificate"});
  api::Resource<Certificate> resource{.path = "/certificates", .item_type = "Certificate", .permission = "Certificate"};
  resource.check = [](api::Context&, store::Tx&, Certificate& incoming, const Certificate* stored) {
    domain::require_name(incoming.name, "Name");
    if (stored != nullptr) return;
    if (!incoming.data.new_value) throw invalid_at("CertificateData", "is required: {\"HasValue\":true,\"NewValue\":\"<base64 of a PEM file>\"}");
    read_certificate(incoming);
  };
  resource.narrow = [](const api::Context& context, store::Query& query) {
    if (const auto search = context.query("search"); search && !search->empty()) query.containing("Name", *search);
  };
  resource.complete = [](const store::Tx& tx, Certificate& certificate) {
    certificate.is_expired = certificate.not_after < tx.now();
    certificate.certificate_version = 3;
  };
  resource.links = [](const Certificate& certificate) {
    const std::string self = "/api/" + certificate.space_id + "/certificates/" + certificate.id.str();
    return api::Links()
        .add("Self", self)
        .add("Archive", self + "/archive")
        .add("Unarchive", self + "/unarchive")
        .add("Replace", self + "/replace")
        .add("Export", self + "/export{?format,password,pemOptions,includePrivateKey}")
        .add("Usages", self + "/usages");
  };
  api::add_resource(services.api, std::move(resource));
}

}  // namespace fairlead::features::certificates
