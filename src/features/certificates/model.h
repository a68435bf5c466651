// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "json/type.h"

namespace fairlead::features::certificates {

// A certificate, with its private key where it has one. CertificateData is what clients send, and PEM in the store;
// what is read from it is kept beside it for people. `replaced_by` is set of what a certificate was before it was
// replaced.
struct Certificate {
  Id<Certificate> id;
  std::string space_id, name, notes;
  json::SensitiveValue data, password;
  std::vector<std::string> environment_ids, tenant_ids, tenant_tags, subject_alternative_names;
  std::string tenanted_deployment_participation = "Untenanted";
  std::string data_format = "Pem";
  std::string subject, subject_common_name, subject_organization, issuer, issuer_common_name, issuer_organization;
  std::string thumbprint, serial_number, signature_algorithm, replaced_by;
  Time archived, not_after, not_before;
  bool self_signed = false, is_expired = false, has_private_key = false;
  int certificate_version = 3;
};
const json::Type& type_of(json::Tag<Certificate>);

// What a client sends to replace one: base64 as in CertificateData.
struct Replacement {
  std::string data, password;
};
const json::Type& type_of(json::Tag<Replacement>);

}  // namespace fairlead::features::certificates
