// SPDX-License-Identifier: Apache-2.0
#include "features/certificates/actions.h"

#include <functional>
#include <set>

#include "api/resource.h"
#include "base/bytes.h"
#include "net/certificate_file.h"
#include "net/tls.h"

namespace fairlead::features::certificates {

namespace {

constexpr std::size_t kMaxNameOfReplaced = 150;

using Encode = std::function<std::string(const store::Tx&, Certificate)>;

Certificate certificate_of(const Services& services, const store::Tx& tx, const api::Context& context) {
  return api::get_in_space<Certificate>(services.api.documents, tx, context.space_id(), context.parameter("id"));
}

void audit(store::Tx& tx, const api::Context& context, const Certificate& certificate, const char* category,
           std::string message) {
  store::AuditEvent event = api::audit_event(context, category, std::move(message));
  event.space = certificate.space_id;
  event.documents = {certificate.id.str()};
  store::append_audit(tx, event);
}

void set_archived(Services& services, api::Context& context, bool archived) {
  services.api.store.write([&](store::Tx& tx) {
    Certificate certificate = certificate_of(services, tx, context);
    if ((certificate.archived.us != 0) == archived) return;
    if (!archived && !certificate.replaced_by.empty()) {
      throw invalid(text::format("The certificate was replaced by {}; it cannot be taken back from the archive.",
                                 certificate.replaced_by));
    }
    certificate.archived = archived ? tx.now() : Time{};
    services.api.documents.update(tx, certificate);
    audit(tx, context, certificate, "Modified",
          text::format("The certificate {} was {}", certificate.name,
                       archived ? "archived" : "taken back from the archive"));
  });
}

// The certificate keeps its id, so that everything that uses it uses the new one from now on; what it was is kept in
// the archive.
net::Response replace(Services& services, const api::Context& context, const Encode& encode) {
  const auto body = context.body<Replacement>();
  return services.api.store.write([&](store::Tx& tx) {
    Certificate certificate = certificate_of(services, tx, context);
    if (certificate.archived.us != 0)
      throw invalid("An archived certificate cannot be replaced; take it back from the archive first.");
    Certificate old = certificate;
    take_file(certificate, body.data, body.password);
    if (certificate.thumbprint == old.thumbprint && certificate.has_private_key == old.has_private_key) {
      throw invalid_at("CertificateData", "is the certificate that is there already");
    }
    old.id = {};
    old.name = text::format("{} (replaced {})", text::shorten(old.name, kMaxNameOfReplaced), iso8601(tx.now()));
    old.archived = tx.now();
    old.replaced_by = certificate.id.str();
    services.api.documents.insert(tx, old);
    services.api.documents.update(tx, certificate);
    audit(tx, context, certificate, "Modified",
          text::format("The certificate {} was replaced: {} by {}", certificate.name, old.thumbprint,
                       certificate.thumbprint));
    return api::json_response(encode(tx, certificate));
  });
}

// Octopus's words for which certificates of a PEM file are wanted.
std::string selected(const std::string& pem, const std::string& options) {
  if (options.empty() || text::equals_ignoring_case(options, "PrimaryAndChain")) return pem;
  constexpr std::string_view kEnd = "-----END CERTIFICATE-----\n";
  const std::size_t first = pem.find(kEnd) + kEnd.size();
  if (text::equals_ignoring_case(options, "PrimaryOnly")) return pem.substr(0, first);
  if (text::equals_ignoring_case(options, "ChainOnly")) return pem.substr(first);
  throw invalid_at("pemOptions", "must be PrimaryOnly, PrimaryAndChain or ChainOnly");
}

net::Response file_response(std::string content, std::string type, const Certificate& certificate,
                            std::string_view extension) {
  net::Response response = api::text_response(std::move(content), std::move(type));
  response.headers.set("Content-Disposition",
                       text::format("attachment; filename=\"{}.{}\"", text::slug(certificate.name), extension));
  return response;
}

struct Export {
  std::string format, password, pem_options;
  bool with_key = false;
};

net::Response export_of(const Certificate& certificate, const Secret& stored, const Export& wish) {
  const std::string pem(stored.reveal());
  if (text::equals_ignoring_case(wish.format, "Pem")) {
    std::string content = selected(net::certificates_of_pem(pem), wish.pem_options);
    if (wish.with_key) content += pem.substr(net::certificates_of_pem(pem).size());
    return file_response(std::move(content), "application/x-pem-file", certificate, "pem");
  }
  if (text::equals_ignoring_case(wish.format, "Der")) {
    if (wish.with_key) throw invalid_at("includePrivateKey", "a DER file holds no private key; ask for Pem or Pkcs12");
    return file_response(net::der_of_pem(pem), "application/pkix-cert", certificate, "der");
  }
  if (text::equals_ignoring_case(wish.format, "Pkcs12")) {
    return file_response(net::pkcs12_of_pem(pem, wish.password, certificate.name, wish.with_key),
                         "application/x-pkcs12", certificate, "pfx");
  }
  throw invalid_at("format", text::format("must be Pem, Der or Pkcs12, but is \"{}\"", text::shorten(wish.format, 60)));
}

// Without includePrivateKey only what everybody may see. A private key that leaves is audited.
net::Response export_file(Services& services, const api::Context& context) {
  Export wish;
  wish.format = context.query("format").value_or("");
  if (wish.format.empty()) wish.format = "Pem";
  wish.password = context.query("password").value_or("");
  wish.pem_options = context.query("pemOptions").value_or("");
  wish.with_key = context.query_flag("includePrivateKey");
  const Certificate certificate =
      services.api.store.read([&](const store::Tx& tx) { return certificate_of(services, tx, context); });
  if (wish.with_key && !context.caller().administrator) {
    throw Error(
        Fault::forbidden,
        "You do not have permission to perform this action. It needs the permission CertificateExportPrivateKey.");
  }
  if (wish.with_key && !certificate.has_private_key)
    throw invalid_at("includePrivateKey", "the certificate has no private key");
  net::Response response =
      export_of(certificate, services.api.documents.sealer().unseal(certificate.data.sealed), wish);
  if (wish.with_key) {
    services.api.store.write([&](store::Tx& tx) {
      audit(tx, context, certificate, "CertificatePrivateKeyExported",
            text::format("The private key of the certificate {} was exported", certificate.name));
    });
  }
  return response;
}

net::Response usages(const Services& services, const api::Context& context) {
  return services.api.store.read([&](const store::Tx& tx) {
    const Certificate certificate = certificate_of(services, tx, context);
    std::vector<std::string> found;
    std::set<std::string> seen;
    for (const store::Usage& usage : services.api.documents.usages(tx, certificate.id.str())) {
      if (!text::starts_with_ignoring_case(usage.owner, "Machines-") || !seen.insert(usage.owner).second) continue;
      std::string item = "{\"Id\":";
      json::append_string(item, usage.owner);
      item += ",\"Name\":";
      json::append_string(item, usage.owner_name);
      found.push_back(item + "}");
    }
    return api::json_response(
        "{\"ProjectUsages\":[],\"LibraryVariableSetUsages\":[],\"TenantUsages\":[],\"DeploymentTargetUsages\":" +
        api::raw_array(found) + "}");
  });
}

}  // namespace

void take_file(Certificate& certificate, std::string_view sent, std::string_view password) {
  const bool is_text = sent.find("-----BEGIN") != std::string_view::npos;
  const std::optional<std::string> bytes = is_text ? std::string(sent) : parse_base64(text::trim(sent));
  if (!bytes || bytes->empty()) throw invalid_at("CertificateData", "must be base64 of a PEM, DER or PFX file");
  net::CertificateFile file;
  net::PemBundle bundle;
  try {
    file = net::read_certificate_file(*bytes, password);
    bundle = net::parse_pem(file.pem.reveal());
  } catch (const Error& error) {
    if (error.fault() != Fault::invalid) throw;
    const bool about_password = error.message().find("password") != std::string::npos;
    throw invalid_at(about_password ? "Password" : "CertificateData", error.message()).with_help(error.help());
  }
  const net::Certificate& first = bundle.certificates.front();
  certificate.data_format = file.format;
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
  // One form in the store, whatever the client sent. The password has done its work; clients want to see that there was
  // one.
  certificate.data = {};
  certificate.data.has_value = true;
  certificate.data.new_value = file.pem;
  certificate.password = {};
  if (password.empty()) return;
  certificate.password.has_value = true;
  certificate.password.new_value = Secret(std::string(password));
}

void add_action_rows(Services& services, Encode encode) {
  using api::Context;
  api::Router& router = services.api.router;
  const auto answer = [&services, encode](const Context& context) {
    return services.api.store.read(
        [&](const store::Tx& tx) { return api::json_response(encode(tx, certificate_of(services, tx, context))); });
  };
  router.add({"POST", api::Scope::space, "/certificates/{id}/archive", "CertificateEdit",
              "Puts a certificate into the archive.", [&services, answer](Context& context) {
                return set_archived(services, context, true), answer(context);
              }});
  router.add({"POST", api::Scope::space, "/certificates/{id}/unarchive", "CertificateEdit",
              "Takes a certificate back from the archive.", [&services, answer](Context& context) {
                return set_archived(services, context, false), answer(context);
              }});
  router.add({"POST", api::Scope::space, "/certificates/{id}/replace", "CertificateEdit",
              "Gives a certificate other content; what it was goes into the archive.",
              [&services, encode](Context& context) { return replace(services, context, encode); }});
  router.add({"GET", api::Scope::space, "/certificates/{id}/export", "CertificateView",
              "A certificate as a PEM, DER or PFX file.",
              [&services](Context& context) { return export_file(services, context); }});
  router.add({"GET", api::Scope::space, "/certificates/{id}/usages", "CertificateView", "What uses a certificate.",
              [&services](Context& context) { return usages(services, context); }});
}

}  // namespace fairlead::features::certificates
