// SPDX-License-Identifier: Apache-2.0
#include "store/sealing.h"

#include <sodium.h>
#include <sys/stat.h>

#include <filesystem>
#include <vector>

#include "base/bytes.h"
#include "base/error.h"
#include "base/file.h"
#include "base/text.h"

namespace fairlead::store {

namespace {

constexpr std::size_t kKeyBytes = 32;
constexpr std::size_t kNonceBytes = crypto_aead_xchacha20poly1305_ietf_NPUBBYTES;
constexpr std::size_t kTagBytes = crypto_aead_xchacha20poly1305_ietf_ABYTES;
constexpr std::size_t kKeyIdBytes = 4;
constexpr std::string_view kTextPrefix = "sealed:1:";
// Before sealed bytes, so that a later format can be told apart.
constexpr char kBytesFormat = '\x01';

const unsigned char* raw(std::string_view bytes) { return reinterpret_cast<const unsigned char*>(bytes.data()); }
unsigned char* raw(std::string& bytes) { return reinterpret_cast<unsigned char*>(bytes.data()); }

// Independent keys from one master key.
Secret derived(const Secret& master, std::string_view purpose) { return Secret(hmac_sha256(master.reveal(), purpose)); }

Error damaged() {
  return invalid("a sealed value cannot be opened: it is damaged, or was sealed with another master key")
      .with_help(
          "use the master key that belongs to this data directory (keys/master.key or FAIRLEAD_MASTER_KEY_FILE)");
}

Secret parse_key(const std::string& path, std::string_view content) {
  if (content.size() == kKeyBytes) return Secret(std::string(content));
  const std::string_view trimmed = text::trim(content);
  std::optional<std::string> bytes = trimmed.size() == 2 * kKeyBytes ? parse_hex(trimmed) : std::nullopt;
  if (bytes) return Secret(*std::move(bytes));
  throw invalid(text::format("{} is not a master key: it must hold 32 bytes, or 64 hexadecimal characters", path));
}

void refuse_open_file(const std::string& path) {
  struct stat status{};
  if (::stat(path.c_str(), &status) != 0 || (status.st_mode & 0077) == 0) return;
  throw invalid(text::format("other users may read the master key {}", path))
      .with_help(text::format("chmod 600 {}", path));
}

}  // namespace

Sealer::Sealer(const Secret& master_key) {
  if (sodium_init() < 0) throw Error(Fault::bug, "libsodium cannot be initialised");
  if (master_key.reveal().size() != kKeyBytes) throw invalid("a master key must have 32 bytes");
  sealing_key_ = derived(master_key, "fairlead sealing 1");
  naming_key_ = derived(master_key, "fairlead naming 1");
  key_id_ = hex(hmac_sha256(master_key.reveal(), "fairlead key id 1").substr(0, kKeyIdBytes));
}

Sealer Sealer::from_file(const std::string& path, bool create) {
  std::optional<std::string> content = file::read_if_exists(path, 4096);
  if (!content && !create) {
    throw not_found(text::format("there is no master key {}", path))
        .with_help("restore it from your backup: without it the secrets in the database cannot be read");
  }
  if (!content) {
    file::make_folder(std::filesystem::path(path).parent_path());
    content = random_bytes(kKeyBytes);
    file::write_durably(path, *content, 0600);
  }
  refuse_open_file(path);
  const Secret key = parse_key(path, *content);
  sodium_memzero(content->data(), content->size());
  return Sealer(key);
}

std::string Sealer::seal_bytes(std::string_view plain, std::string_view context) const {
  std::string out(1 + kKeyIdBytes + kNonceBytes + plain.size() + kTagBytes, '\0');
  out[0] = kBytesFormat;
  out.replace(1, kKeyIdBytes, *parse_hex(key_id_));
  const std::string nonce = random_bytes(kNonceBytes);
  out.replace(1 + kKeyIdBytes, kNonceBytes, nonce);
  crypto_aead_xchacha20poly1305_ietf_encrypt(raw(out) + 1 + kKeyIdBytes + kNonceBytes, nullptr, raw(plain),
                                             plain.size(), raw(context), context.size(), nullptr, raw(nonce),
                                             raw(sealing_key_.reveal()));
  return out;
}

std::string Sealer::unseal_bytes(std::string_view sealed, std::string_view context) const {
  constexpr std::size_t kHead = 1 + kKeyIdBytes + kNonceBytes;
  if (sealed.size() < kHead + kTagBytes || sealed[0] != kBytesFormat) throw damaged();
  const std::string key_id = hex(sealed.substr(1, kKeyIdBytes));
  if (key_id != key_id_) {
    throw invalid(
        text::format("a sealed value belongs to the master key {}, but this server has the key {}", key_id, key_id_))
        .with_help(
            "use the master key that belongs to this data directory (keys/master.key or FAIRLEAD_MASTER_KEY_FILE)");
  }
  const std::string_view cipher = sealed.substr(kHead);
  std::string plain(cipher.size() - kTagBytes, '\0');
  if (crypto_aead_xchacha20poly1305_ietf_decrypt(raw(plain), nullptr, nullptr, raw(cipher), cipher.size(), raw(context),
                                                 context.size(), raw(sealed.substr(1 + kKeyIdBytes)),
                                                 raw(sealing_key_.reveal())) != 0) {
    throw damaged();
  }
  return plain;
}

std::string Sealer::seal(const Secret& plain, std::string_view context) const {
  const std::string bytes = seal_bytes(plain.reveal(), context);
  return std::string(kTextPrefix) + key_id_ + ":" + base64url(std::string_view(bytes).substr(1 + kKeyIdBytes));
}

Secret Sealer::unseal(std::string_view sealed, std::string_view context) const {
  if (!sealed.starts_with(kTextPrefix)) throw damaged();
  const std::vector<std::string> parts = text::split(sealed.substr(kTextPrefix.size()), ':');
  if (parts.size() != 2) throw damaged();
  const std::optional<std::string> key_id = parse_hex(parts[0]);
  std::string standard = text::replace_all(text::replace_all(parts[1], "-", "+"), "_", "/");
  standard.append((4 - standard.size() % 4) % 4, '=');
  const std::optional<std::string> body = parse_base64(standard);
  if (!key_id || key_id->size() != kKeyIdBytes || !body) throw damaged();
  return Secret(unseal_bytes(kBytesFormat + *key_id + *body, context));
}

std::string Sealer::name_of(std::string_view plain) const { return hex(hmac_sha256(naming_key_.reveal(), plain)); }

}  // namespace fairlead::store
