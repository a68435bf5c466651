// SPDX-License-Identifier: Apache-2.0
#include "store/blobs.h"

#include <fcntl.h>
#include <sodium.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <utility>

#include "base/bytes.h"
#include "base/error.h"
#include "base/file.h"
#include "base/text.h"

namespace fairlead::store {

namespace {

constexpr std::size_t kDigestCharacters = 64;

void require_digest(std::string_view digest) {
  const bool well_formed =
      digest.size() == kDigestCharacters && digest.find_first_not_of("0123456789abcdef") == digest.npos;
  if (!well_formed)
    throw invalid(text::format("\"{}\" is not a digest of 64 hexadecimal characters", text::shorten(digest, 80)));
}

std::string path_in(const std::string& folder, std::string_view name) {
  require_digest(name);
  return text::format("{}/{}/{}", folder, name.substr(0, 2), name.substr(2));
}

[[noreturn]] void fail(std::string_view doing, const std::string& path) {
  throw Error(Fault::unavailable, text::format("cannot {} {}: {}", doing, path, std::strerror(errno)))
      .with_help("check the space and the permissions of the data directory");
}

// The folder of a blob, itself durable: a new entry is worth nothing while its folder may vanish.
void make_durable_folder(const std::string& path) {
  if (file::exists(path)) return;
  file::make_folder(path);
  file::sync_folder(std::filesystem::path(path).parent_path());
}

void put_file(const std::string& path, std::string_view content) {
  if (file::exists(path)) return;
  make_durable_folder(std::filesystem::path(path).parent_path());
  file::write_durably(path, content);
}

void remove_file(const std::string& path) {
  if (::unlink(path.c_str()) != 0 && errno != ENOENT) fail("remove", path);
}

}  // namespace

struct BlobWriter::State {
  std::string folder;
  std::string temporary;
  file::Descriptor fd;
  std::int64_t written = 0;
  std::int64_t limit = 0;
  crypto_hash_sha256_state hash{};
};

Blobs::Blobs(std::string folder) : folder_(std::move(folder)) {
  for (const char* part : {"sha256", "sealed"}) file::make_folder(folder_ + "/" + part);
  file::sync_folder(folder_);
}

std::string Blobs::path_of(std::string_view digest) const { return path_in(folder_ + "/sha256", digest); }
std::string Blobs::sealed_path_of(std::string_view name) const { return path_in(folder_ + "/sealed", name); }

std::string Blobs::put(std::string_view content) const {
  std::string digest = sha256_hex(content);
  put_file(path_of(digest), content);
  return digest;
}

std::string Blobs::get(std::string_view digest) const {
  std::optional<std::string> content = file::read_if_exists(path_of(digest), kMaxBytesInMemory);
  if (!content) throw not_found(text::format("there is no blob {}", digest));
  if (sha256_hex(*content) != digest) {
    throw Error(Fault::unavailable, text::format("the blob {} is damaged", path_of(digest)))
        .with_help("restore that file from a backup, or delete it so that its content is fetched again");
  }
  return *std::move(content);
}

bool Blobs::contains(std::string_view digest) const { return file::exists(path_of(digest)); }

std::optional<std::int64_t> Blobs::size(std::string_view digest) const {
  struct stat status{};
  const std::string path = path_of(digest);
  if (::stat(path.c_str(), &status) == 0) return status.st_size;
  if (errno == ENOENT) return std::nullopt;
  fail("look at", path);
}

void Blobs::remove(std::string_view digest) const { remove_file(path_of(digest)); }

std::string Blobs::put_sealed(const Sealer& sealer, std::string_view plain) const {
  std::string name = sealer.name_of(plain);
  const std::string path = sealed_path_of(name);
  if (!file::exists(path)) put_file(path, sealer.seal_bytes(plain, name));
  return name;
}

std::string Blobs::get_sealed(const Sealer& sealer, std::string_view name) const {
  const std::optional<std::string> sealed = file::read_if_exists(sealed_path_of(name), kMaxBytesInMemory);
  if (!sealed) throw not_found(text::format("there is no sealed blob {}", name));
  return sealer.unseal_bytes(*sealed, name);
}

bool Blobs::contains_sealed(std::string_view name) const { return file::exists(sealed_path_of(name)); }
void Blobs::remove_sealed(std::string_view name) const { remove_file(sealed_path_of(name)); }

BlobWriter Blobs::writer(std::int64_t limit) const {
  auto state = std::make_unique<BlobWriter::State>();
  state->folder = folder_;
  state->temporary = text::format("{}/incoming-{}", folder_, random_id());
  state->fd = file::Descriptor(::open(state->temporary.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
  if (!state->fd.valid()) fail("create", state->temporary);
  state->limit = limit;
  crypto_hash_sha256_init(&state->hash);
  return BlobWriter(std::move(state));
}

BlobWriter::BlobWriter(std::unique_ptr<State> state) : state_(std::move(state)) {}
BlobWriter::BlobWriter(BlobWriter&&) noexcept = default;

BlobWriter::~BlobWriter() {
  if (state_ != nullptr) ::unlink(state_->temporary.c_str());
}

std::int64_t BlobWriter::written() const { return state_->written; }

void BlobWriter::write(std::string_view bytes) {
  if (static_cast<std::int64_t>(bytes.size()) > state_->limit - state_->written) {
    throw invalid(text::format("the content is larger than the limit of {} bytes", state_->limit));
  }
  crypto_hash_sha256_update(&state_->hash, reinterpret_cast<const unsigned char*>(bytes.data()), bytes.size());
  state_->written += static_cast<std::int64_t>(bytes.size());
  while (!bytes.empty()) {
    const ssize_t count = ::write(state_->fd.get(), bytes.data(), bytes.size());
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) fail("write", state_->temporary);
    bytes.remove_prefix(static_cast<std::size_t>(count));
  }
}

std::string BlobWriter::finish() {
  std::string raw(crypto_hash_sha256_BYTES, '\0');
  crypto_hash_sha256_final(&state_->hash, reinterpret_cast<unsigned char*>(raw.data()));
  std::string digest = hex(raw);
  const std::string path = path_in(state_->folder + "/sha256", digest);
  const std::string folder = std::filesystem::path(path).parent_path();
  if (::fsync(state_->fd.get()) != 0) fail("sync", state_->temporary);
  make_durable_folder(folder);
  if (::rename(state_->temporary.c_str(), path.c_str()) != 0) fail("rename to", path);
  file::sync_folder(folder);
  state_.reset();
  return digest;
}

void record_blob(Tx& tx, std::string_view digest, std::int64_t size) {
  tx.run("INSERT INTO blob_meta (digest, size, created) VALUES (?,?,?) ON CONFLICT (digest) DO NOTHING", digest, size,
         tx.now());
}

}  // namespace fairlead::store
