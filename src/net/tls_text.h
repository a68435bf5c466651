// SPDX-License-Identifier: Apache-2.0
// Words for what OpenSSL says about certificates. For the files of this folder that hold OpenSSL's types.
#pragma once

#include <openssl/x509.h>

#include <string>
#include <string_view>

namespace fairlead::net {

std::string certificate_subject(X509* certificate);
std::string certificate_issuer(X509* certificate);
// DNS names and addresses joined by ", ", at most the first ten; the common name where there are none.
std::string certificate_names(X509* certificate);
// "it expired", "its issuer \"CN=x\" is not among the given certificates": the reason for an X509_V_ERR code.
// `own_authorities`: the caller gave the CA; otherwise the system's store was used.
std::string trust_problem(int error, std::string_view subject, std::string_view issuer, bool own_authorities);

}  // namespace fairlead::net
