// SPDX-License-Identifier: Apache-2.0
#include "link/transport.h"

#include <sodium.h>

#include <cstring>

#include "base/bytes.h"
#include "base/error.h"
#include "base/text.h"
#include "json/value.h"
#include "link/commands.h"

namespace fairlead::link {
namespace {

const unsigned char* raw(std::string_view bytes) { return reinterpret_cast<const unsigned char*>(bytes.data()); }
unsigned char* raw(std::string& bytes) { return reinterpret_cast<unsigned char*>(bytes.data()); }

struct BoxKey {
  unsigned char open[crypto_box_PUBLICKEYBYTES];
  unsigned char secret[crypto_box_SECRETKEYBYTES];
  ~BoxKey() { sodium_memzero(secret, sizeof secret); }
};

void to_box_key(std::string_view public_key, unsigned char* out) {
  // Secret after secret goes to the same peer, and the conversion costs as much as half a sealing.
  struct Converted {
    std::string from;
    unsigned char to[crypto_box_PUBLICKEYBYTES];
  };
  thread_local Converted last{};
  if (last.from.empty() || last.from != public_key) {
    last.from.clear();
    if (public_key.size() != kPublicKeyBytes || crypto_sign_ed25519_pk_to_curve25519(last.to, raw(public_key)) != 0) {
      throw invalid("link: not an Ed25519 public key");
    }
    last.from = public_key;
  }
  std::memcpy(out, last.to, sizeof last.to);
}

void rewrite(json::Value& value, std::string_view from, std::string_view to,
             const std::function<std::string(std::string_view)>& f) {
  if (json::Object* object = value.if_object()) {
    if (object->size() == 1) {
      const auto found = object->find(from);
      if (found != object->end() && found->value().is_string()) {
        const std::string replaced = f(json::view(found->value().get_string()));
        object->clear();
        object->emplace(to, replaced);
        return;
      }
    }
    for (auto& member : *object) rewrite(member.value(), from, to, f);
  } else if (json::Array* array = value.if_array()) {
    for (json::Value& element : *array) rewrite(element, from, to, f);
  }
}

}  // namespace

std::string seal_for(std::string_view public_key, const Secret& text) {
  unsigned char box[crypto_box_PUBLICKEYBYTES];
  to_box_key(public_key, box);
  const std::string_view plain = text.reveal();
  std::string sealed(crypto_box_SEALBYTES + plain.size(), '\0');
  if (crypto_box_seal(raw(sealed), raw(plain), plain.size(), box) != 0) throw invalid("link: cannot seal for this key");
  return base64(sealed);
}

Secret open_sealed(const SigningKey& key, std::string_view sealed_base64) {
  const std::optional<std::string> sealed = parse_base64(sealed_base64);
  if (!sealed || sealed->size() < crypto_box_SEALBYTES) throw invalid("link: a sealed value is malformed");
  BoxKey box;
  to_box_key(key.public_key, box.open);
  // The Ed25519 secret key is seed and public key one after the other.
  std::string secret(key.seed.reveal());
  secret += key.public_key;
  const int converted =
      secret.size() == crypto_sign_SECRETKEYBYTES ? crypto_sign_ed25519_sk_to_curve25519(box.secret, raw(secret)) : -1;
  sodium_memzero(secret.data(), secret.size());
  if (converted != 0) throw Error(Fault::bug, "link: a signing key of the wrong size");
  std::string plain(sealed->size() - crypto_box_SEALBYTES, '\0');
  if (crypto_box_seal_open(raw(plain), raw(*sealed), sealed->size(), box.open, box.secret) != 0) {
    throw invalid("link: a sealed value was made for another key, or altered");
  }
  return Secret(std::move(plain));
}

std::string rewrite_confidential(std::string json, Rewrite direction,
                                 const std::function<std::string(std::string_view)>& f) {
  const bool to_transport = direction == Rewrite::sealed_to_transport;
  const std::string_view from = to_transport ? "Sealed" : "Transport";
  if (json.find(text::format("\"{}\"", from)) == std::string::npos) return json;
  json::Value value = json::parse(json, "a command", {.max_bytes = kMaxCommandBytes});
  rewrite(value, from, to_transport ? "Transport" : "Sealed", f);
  return json::text_of(value);
}

}  // namespace fairlead::link
