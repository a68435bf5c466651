// SPDX-License-Identifier: Apache-2.0
#include "features/targets/rules.h"

#include "base/error.h"
#include "base/text.h"
#include "features/accounts/model.h"
#include "features/certificates/model.h"

namespace fairlead::features::targets {

namespace {

std::string pem_of_certificate(const store::Documents& documents, const store::Tx& tx, const Machine& machine,
                               const std::string& id, std::string_view field) {
  const auto certificate = documents.find<certificates::Certificate>(tx, id);
  if (!certificate) {
    throw invalid(text::format("The target {} names the certificate '{}' as its {}, but there is no such certificate.",
                               machine.name, id, field));
  }
  return std::string(documents.sealer().unseal(certificate->data.sealed).reveal());
}

// Only certificates, never the key that may stand in the same file.
std::string certificates_in(const std::string& pem) {
  static constexpr std::string_view kBegin = "-----BEGIN CERTIFICATE-----";
  static constexpr std::string_view kEnd = "-----END CERTIFICATE-----";
  std::string out;
  for (std::size_t at = pem.find(kBegin); at != std::string::npos; at = pem.find(kBegin, at + 1)) {
    const std::size_t end = pem.find(kEnd, at);
    if (end == std::string::npos) break;
    out += pem.substr(at, end + kEnd.size() - at) + "\n";
  }
  return out;
}

void add_account(const store::Documents& documents, const store::Tx& tx, const Machine& machine, const std::string& id,
                 link::ClusterAccess& access) {
  if (id.empty()) {
    throw invalid(text::format("The target {} has no account; set Endpoint.Authentication.AccountId.", machine.name));
  }
  const auto account = documents.find<accounts::Account>(tx, id);
  if (!account)
    throw invalid(
        text::format("The target {} names the account '{}', but there is no such account.", machine.name, id));
  if (account->account_type == "Token") {
    access.token = link::Confidential::of_sealed(account->token.sealed);
  } else {
    access.username = account->username;
    access.password = link::Confidential::of_sealed(account->password.sealed);
  }
}

void add_client_certificate(const store::Documents& documents, const store::Tx& tx, const Machine& machine,
                            const std::string& id, link::ClusterAccess& access) {
  const std::string pem = pem_of_certificate(documents, tx, machine, id, "client certificate");
  if (pem.find("PRIVATE KEY-----") == std::string::npos) {
    throw invalid(text::format("The client certificate '{}' of the target {} has no private key.", id, machine.name));
  }
  access.client_certificate_pem = certificates_in(pem);
  access.client_key_pem = link::Confidential::of_sealed(documents.sealer().seal(Secret(pem)));
}

}  // namespace

link::ClusterAccess access_of(const store::Documents& documents, const store::Tx& tx, const Machine& machine) {
  const Endpoint& endpoint = machine.endpoint;
  link::ClusterAccess access;
  access.name = machine.id.str();
  if (endpoint.communication_style == kKubernetesAgent) {
    access.own = true;
    return access;
  }
  access.server_url = endpoint.cluster_url;
  access.skip_tls_verification = text::parse_bool(endpoint.skip_tls_verification).value_or(false);
  if (!endpoint.cluster_certificate.empty()) {
    access.ca_pem = certificates_in(
        pem_of_certificate(documents, tx, machine, endpoint.cluster_certificate, "cluster certificate"));
  }
  const Authentication authentication = endpoint.authentication.value_or(Authentication());
  if (authentication.type == "KubernetesStandard") {
    add_account(documents, tx, machine, authentication.account_id, access);
  } else if (authentication.type == "KubernetesCertificate") {
    add_client_certificate(documents, tx, machine, authentication.client_certificate, access);
  }
  return access;
}

std::string selector_of(const Machine& machine) {
  return machine.endpoint.communication_style == kKubernetesAgent ? machine.id.str() : std::string(kBuiltInWorker);
}

std::string default_namespace_of(const Machine& machine) {
  const std::string& given = machine.endpoint.communication_style == kKubernetesAgent
                                 ? machine.endpoint.default_namespace
                                 : machine.endpoint.namespace_name;
  return given.empty() ? "default" : given;
}

domain::Target to_domain(const Machine& machine) {
  domain::Target target;
  target.id = machine.id.str();
  target.name = machine.name;
  target.roles = machine.roles;
  target.environments = machine.environment_ids;
  target.tenants = machine.tenant_ids;
  target.tenant_tags = machine.tenant_tags;
  target.is_disabled = machine.is_disabled;
  target.is_unhealthy = machine.health_status == "Unhealthy";
  return target;
}

domain::TargetFacts facts_of(const Machine& machine) {
  domain::TargetFacts facts;
  facts.machine = {machine.id.str(), machine.name, machine.slug};
  facts.roles = machine.roles;
  facts.endpoint_type = machine.endpoint.communication_style;
  return facts;
}

}  // namespace fairlead::features::targets
