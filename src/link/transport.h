// SPDX-License-Identifier: Apache-2.0
// Secrets on the wire and in an executor's spool: sealed for the other side's Ed25519 key (converted to X25519;
// libsodium's sealed box: ephemeral X25519 with XSalsa20-Poly1305), so that a proxy that opens TLS sees none.
// Thread-safe.
#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "base/secret.h"
#include "base/signing.h"

namespace fairlead::link {

// base64. Throws Error(invalid) when the key is none.
std::string seal_for(std::string_view public_key, const Secret& text);
// Throws Error(invalid) when it was not sealed for this key or has been altered.
Secret open_sealed(const SigningKey& key, std::string_view sealed_base64);

// Rewrites every {"Sealed": x} in a JSON text to {"Transport": f(x)} and every {"Transport": x} to {"Sealed": f(x)}, as
// asked. Texts without such an object come back as they are, without being parsed.
enum class Rewrite { sealed_to_transport, transport_to_sealed };
std::string rewrite_confidential(std::string json, Rewrite direction,
                                 const std::function<std::string(std::string_view)>& f);

}  // namespace fairlead::link
