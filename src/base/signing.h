// SPDX-License-Identifier: Apache-2.0
// Ed25519 signatures (RFC 8032, through libsodium): the identity of executors. Keys and signatures are raw bytes.
// Thread-safe.
#pragma once

#include <string>
#include <string_view>

#include "base/secret.h"

namespace fairlead {

inline constexpr std::size_t kPublicKeyBytes = 32;
inline constexpr std::size_t kSignatureBytes = 64;
inline constexpr std::size_t kSeedBytes = 32;

struct SigningKey {
  std::string public_key;  // 32 bytes
  Secret seed;             // 32 bytes; all that has to be kept
};

SigningKey make_signing_key();
// The key pair of a kept seed. Throws Error(invalid) when it is not 32 bytes.
SigningKey signing_key_of(const Secret& seed);
std::string sign(const SigningKey& key, std::string_view message);
// False on any mismatch, also of sizes.
bool verify_signature(std::string_view public_key, std::string_view message, std::string_view signature);

}  // namespace fairlead
