// SPDX-License-Identifier: Apache-2.0
// Sealing of secrets at rest: XChaCha20-Poly1305 (draft-irtf-cfrg-xchacha, through libsodium) under a key derived from
// the 256-bit master key, with a random 192-bit nonce for each value and the key's id in front, so that keys can be
// changed. Thread-safe after construction.
#pragma once

#include <string>
#include <string_view>

#include "base/secret.h"

namespace fairlead::store {

class Sealer {
 public:
  // Throws Error(invalid) unless `master_key` is 32 bytes.
  explicit Sealer(const Secret& master_key);
  // The key at `path` (32 raw bytes, or 64 hexadecimal characters and white space); made there, mode 0600, when the
  // file does not exist and `create`. Refuses a file that others may read. The path is `<data>/keys/master.key` or
  // FAIRLEAD_MASTER_KEY_FILE.
  static Sealer from_file(const std::string& path, bool create);

  // Text "sealed:1:<key id>:<base64url>". `context` is authenticated but not stored: it must be the same when
  // unsealing, and keeps a sealed text from being moved to another use. Document secrets use the empty context.
  std::string seal(const Secret& plain, std::string_view context = {}) const;
  // Throws Error(invalid) when the text is damaged, was sealed with another key or for another context.
  Secret unseal(std::string_view sealed, std::string_view context = {}) const;

  // The same for bytes of any kind, without the text form.
  std::string seal_bytes(std::string_view plain, std::string_view context = {}) const;
  std::string unseal_bytes(std::string_view sealed, std::string_view context = {}) const;

  // 64 hexadecimal characters: HMAC-SHA-256 of the content. Equal content has equal names, and without the key nobody
  // can test a guess of the content against the name.
  std::string name_of(std::string_view plain) const;
  const std::string& key_id() const { return key_id_; }  // 8 hexadecimal characters

 private:
  Secret sealing_key_;
  Secret naming_key_;
  std::string key_id_;
};

}  // namespace fairlead::store
