// SPDX-License-Identifier: Apache-2.0
#include "base/signing.h"

#include <sodium.h>

#include <utility>

#include "base/bytes.h"
#include "base/error.h"

namespace fairlead {
namespace {

static_assert(kPublicKeyBytes == crypto_sign_PUBLICKEYBYTES && kSignatureBytes == crypto_sign_BYTES &&
              kSeedBytes == crypto_sign_SEEDBYTES);

const unsigned char* raw(std::string_view bytes) { return reinterpret_cast<const unsigned char*>(bytes.data()); }

// libsodium's secret key is seed and public key one after the other; it is made anew per use and wiped.
struct ExpandedKey {
  unsigned char secret[crypto_sign_SECRETKEYBYTES];
  unsigned char open[crypto_sign_PUBLICKEYBYTES];
  explicit ExpandedKey(const Secret& seed) {
    if (seed.reveal().size() != kSeedBytes) throw invalid("the seed of a signing key must have 32 bytes");
    crypto_sign_seed_keypair(open, secret, raw(seed.reveal()));
  }
  ~ExpandedKey() { sodium_memzero(secret, sizeof secret); }
};

}  // namespace

SigningKey make_signing_key() { return signing_key_of(Secret(random_bytes(kSeedBytes))); }

SigningKey signing_key_of(const Secret& seed) {
  const ExpandedKey key(seed);
  return {.public_key = std::string(reinterpret_cast<const char*>(key.open), sizeof key.open), .seed = seed};
}

std::string sign(const SigningKey& key, std::string_view message) {
  const ExpandedKey expanded(key.seed);
  std::string signature(kSignatureBytes, '\0');
  crypto_sign_detached(reinterpret_cast<unsigned char*>(signature.data()), nullptr, raw(message), message.size(),
                       expanded.secret);
  return signature;
}

bool verify_signature(std::string_view public_key, std::string_view message, std::string_view signature) {
  if (public_key.size() != kPublicKeyBytes || signature.size() != kSignatureBytes) return false;
  return crypto_sign_verify_detached(raw(signature), raw(message), message.size(), raw(public_key)) == 0;
}

}  // namespace fairlead
