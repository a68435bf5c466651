// SPDX-License-Identifier: Apache-2.0
#include "features/certificates/model.h"

namespace fairlead::features::certificates {

const json::Type& type_of(json::Tag<Certificate>) {
  using C = Certificate;
  static const json::Type type =
      json::Type::of<C>("Certificate")
          .field("Id", &C::id, json::read_only)
          .field("Name", &C::name, json::required | json::unique_in_space)
          .field("Notes", &C::notes)
          .field("CertificateData", &C::data, json::create_only)
          .field("Password", &C::password, json::create_only)
          .field("EnvironmentIds", &C::environment_ids, json::refers)
          .field("TenantedDeploymentParticipation", &C::tenanted_deployment_participation)
          .field("TenantIds", &C::tenant_ids, json::refers)
          .field("TenantTags", &C::tenant_tags)
          .field("Archived", &C::archived, json::null_when_empty | json::read_only | json::indexed)
          .field("ReplacedBy", &C::replaced_by, json::null_when_empty | json::read_only)
          .field("CertificateDataFormat", &C::data_format, json::read_only)
          .field("SubjectDistinguishedName", &C::subject, json::read_only)
          .field("SubjectCommonName", &C::subject_common_name, json::read_only)
          .field("SubjectOrganization", &C::subject_organization, json::read_only)
          .field("IssuerDistinguishedName", &C::issuer, json::read_only)
          .field("IssuerCommonName", &C::issuer_common_name, json::read_only)
          .field("IssuerOrganization", &C::issuer_organization, json::read_only)
          .field("SelfSigned", &C::self_signed, json::read_only)
          .field("Thumbprint", &C::thumbprint, json::read_only)
          .field("NotAfter", &C::not_after, json::read_only)
          .field("NotBefore", &C::not_before, json::read_only)
          .field("IsExpired", &C::is_expired, json::read_only | json::wire_only)
          .field("HasPrivateKey", &C::has_private_key, json::read_only)
          .field("Version", &C::certificate_version, json::read_only | json::wire_only)
          .field("SerialNumber", &C::serial_number, json::read_only)
          .field("SignatureAlgorithmName", &C::signature_algorithm, json::read_only)
          .field("SubjectAlternativeNames", &C::subject_alternative_names, json::read_only)
          .field("SpaceId", &C::space_id, json::indexed | json::read_only);
  return type;
}

const json::Type& type_of(json::Tag<Replacement>) {
  static const json::Type type = json::Type::of<Replacement>("ReplacementCertificate")
                                     .field("CertificateData", &Replacement::data, json::required)
                                     .field("Password", &Replacement::password);
  return type;
}

}  // namespace fairlead::features::certificates
