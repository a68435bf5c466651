// SPDX-License-Identifier: Apache-2.0
// Files. Every function throws Error naming the path. Descriptors are close-on-exec.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace fairlead::file {

// Owns a descriptor; closes it.
class Descriptor {
 public:
  Descriptor() = default;
  explicit Descriptor(int fd) : fd_(fd) {}
  Descriptor(Descriptor&& other) noexcept : fd_(other.release()) {}
  Descriptor& operator=(Descriptor&& other) noexcept;
  ~Descriptor() { reset(); }
  int get() const { return fd_; }
  bool valid() const { return fd_ >= 0; }
  int release();
  void reset();

 private:
  int fd_ = -1;
};

bool exists(const std::string& path);
// At most `limit` bytes, else an Error; nullopt when there is no such file.
std::optional<std::string> read_if_exists(const std::string& path, std::size_t limit = 64u << 20);
std::string read(const std::string& path, std::size_t limit = 64u << 20);
// Writes a temporary file beside `path`, fsyncs, renames and fsyncs the folder: after the call the content survives a
// crash.
void write_durably(const std::string& path, std::string_view content, unsigned mode = 0600);
// Makes the names in a folder survive a crash: what was created, renamed or removed there before.
void sync_folder(const std::string& path);
// Makes a folder and its parents.
void make_folder(const std::string& path, unsigned mode = 0700);
void remove_tree(const std::string& path);
// Takes an exclusive lock on `path` for as long as the result lives; Error(conflict) naming the holder's pid when it is
// taken.
Descriptor lock(const std::string& path, std::string_view purpose);
// A fresh folder under the system's temporary folder, mode 0700.
std::string make_temporary_folder(std::string_view prefix);

}  // namespace fairlead::file
