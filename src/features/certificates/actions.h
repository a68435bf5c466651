// SPDX-License-Identifier: Apache-2.0
// What can be done with a certificate beside editing it: archive, replace, export, and who uses it.
#pragma once

#include "features/certificates/model.h"
#include "features/services.h"

namespace fairlead::features::certificates {

// Fills everything that is read from the file: `sent` is base64 of PEM, DER or PFX, or a PEM text as it is. Throws
// Error(invalid) naming CertificateData or Password.
void take_file(Certificate& certificate, std::string_view sent, std::string_view password);

void add_action_rows(Services& services, std::function<std::string(const store::Tx&, Certificate)> encode);

}  // namespace fairlead::features::certificates
