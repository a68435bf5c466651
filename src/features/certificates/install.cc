// SPDX-License-Identifier: Apache-2.0
#include "features/certificates/install.h"

#include "api/resource.h"
#include "domain/name_rules.h"
#include "features/certificates/actions.h"
#include "features/certificates/model.h"

namespace fairlead::features::certificates {

namespace {

// Lists show what is in use; ?archived=true shows the archive. Who names ids gets them.
void narrow(const api::Context& context, store::Query& query) {
  if (const auto search = context.query("search"); search && !search->empty()) query.containing("Name", *search);
  if (query.ids) return;
  if (context.query_flag("archived")) {
    query.from("Archived", 1);
  } else {
    query.below("Archived", 1);
  }
}

}  // namespace

void install(Services& services) {
  services.api.documents.add<Certificate>({.table = "certificate", .id_prefix = "Certificates", .noun = "certificate"});
  api::Resource<Certificate> resource{.path = "/certificates",
                                      .item_type = "Certificate",
                                      .permission = "Certificate",
                                      .filters = {{"tenant", "TenantIds"}}};
  resource.check = [](api::Context&, store::Tx&, Certificate& incoming, const Certificate* stored) {
    domain::require_name(incoming.name, "Name");
    if (stored != nullptr) return;
    if (!incoming.data.new_value)
      throw invalid_at("CertificateData",
                       "is required: {\"HasValue\":true,\"NewValue\":\"<base64 of a PEM, DER or PFX file>\"}");
    const Secret password = incoming.password.new_value.value_or(Secret());
    const Secret sent = *incoming.data.new_value;
    take_file(incoming, sent.reveal(), password.reveal());
  };
  resource.narrow = narrow;
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
  const auto shared = api::add_resource(services.api, std::move(resource));
  add_action_rows(services, [shared](const store::Tx& tx, Certificate certificate) {
    return api::encode_resource(*shared, tx, std::move(certificate));
  });
}

}  // namespace fairlead::features::certificates
