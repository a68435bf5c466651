// SPDX-License-Identifier: Apache-2.0
// Content-addressed files: <folder>/sha256/ab/cdef... named by the SHA-256 of their content, and
// <folder>/sealed/ab/cdef... for sealed content named by a keyed hash (Sealer::name_of). A file is complete and durable
// before its name exists, and never changes. Thread-safe.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "store/sealing.h"
#include "store/store.h"

namespace fairlead::store {

class BlobWriter;

class Blobs {
 public:
  // Largest blob that get() and put() hold in memory; larger content goes through BlobWriter and path_of().
  static constexpr std::size_t kMaxBytesInMemory = 256u << 20;

  explicit Blobs(std::string folder);

  // Stores the content and returns its digest (64 hexadecimal characters). Storing it again costs a look at the folder.
  std::string put(std::string_view content) const;
  // Throws Error(not_found) naming the digest; Error(unavailable) when the file's content does not have that digest.
  std::string get(std::string_view digest) const;
  bool contains(std::string_view digest) const;
  std::optional<std::int64_t> size(std::string_view digest) const;
  // For downloads. Throws Error(invalid) unless `digest` is 64 lower-case hexadecimal characters: it never leaves the
  // folder.
  std::string path_of(std::string_view digest) const;
  void remove(std::string_view digest) const;
  // For content that does not fit in memory, up to `limit` bytes.
  BlobWriter writer(std::int64_t limit) const;

  // Sealed content. The name is the keyed hash of the plain content.
  std::string put_sealed(const Sealer& sealer, std::string_view plain) const;
  std::string get_sealed(const Sealer& sealer, std::string_view name) const;
  bool contains_sealed(std::string_view name) const;
  void remove_sealed(std::string_view name) const;

 private:
  friend class BlobWriter;
  std::string sealed_path_of(std::string_view name) const;
  std::string folder_;
};

// Receives a blob piece by piece. What is not finished leaves nothing behind. One thread at a time.
class BlobWriter {
 public:
  BlobWriter(BlobWriter&&) noexcept;
  ~BlobWriter();
  // Throws Error(invalid) beyond the limit.
  void write(std::string_view bytes);
  std::int64_t written() const;
  // Makes the blob durable and returns its digest.
  std::string finish();

 private:
  friend class Blobs;
  struct State;
  explicit BlobWriter(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

// Bookkeeping of blobs in the database (table blob_meta): size and time of arrival. Recording again changes nothing.
void record_blob(Tx& tx, std::string_view digest, std::int64_t size);

}  // namespace fairlead::store
