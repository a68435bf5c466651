// SPDX-License-Identifier: Apache-2.0
#include "server/data_directory.h"

#include <filesystem>

#include "base/bytes.h"
#include "base/error.h"
#include "base/text.h"

namespace fairlead::server {

namespace {

constexpr std::size_t kSecretBytes = 32;

// 32 secret bytes in hexadecimal in a file of mode 0600, made at the first asking.
Secret kept_secret(const std::string& path) {
  const std::optional<std::string> kept = file::read_if_exists(path, 1024);
  if (kept) {
    const auto bytes = parse_hex(text::trim(*kept));
    if (!bytes || bytes->size() != kSecretBytes)
      throw invalid(text::format("{} is damaged: it must hold 64 hexadecimal digits", path));
    return Secret(*bytes);
  }
  const std::string fresh = random_bytes(kSecretBytes);
  file::write_durably(path, hex(fresh) + "\n", 0600);
  return Secret(fresh);
}

}  // namespace

DataDirectory::DataDirectory(const std::string& path) {
  file::make_folder(path, 0711);
  path_ = std::filesystem::absolute(path).lexically_normal().string();
  if (path_.size() > 1 && path_.back() == '/') path_.pop_back();
  lock_ = file::lock(path_ + "/LOCK", text::format("the data directory {}", path_));
  for (const char* folder : {"/logs", "/blobs", "/keys"}) file::make_folder(path_ + folder, 0700);
  file::make_folder(path_ + "/run", 0711);
  file::make_folder(worker_folder(), 0700);
}

SigningKey DataDirectory::link_key() const { return signing_key_of(kept_secret(path_ + "/keys/link.key")); }

Secret DataDirectory::worker_secret() const { return kept_secret(worker_secret_file()); }

}  // namespace fairlead::server
