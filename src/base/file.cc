// SPDX-License-Identifier: Apache-2.0
#include "base/file.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <utility>

#include "base/bytes.h"
#include "base/error.h"
#include "base/text.h"

namespace fairlead::file {

namespace {

[[noreturn]] void fail(std::string_view doing, const std::string& path, int error = errno) {
  const Fault fault = error == ENOSPC || error == EIO ? Fault::unavailable : Fault::invalid;
  throw Error(fault, text::format("cannot {} {}: {}", doing, path, std::strerror(error)));
}

std::string folder_of(const std::string& path) {
  const std::string folder = std::filesystem::path(path).parent_path();
  return folder.empty() ? "." : folder;
}

void write_whole(int fd, std::string_view content, const std::string& path) {
  while (!content.empty()) {
    const ssize_t count = ::write(fd, content.data(), content.size());
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) fail("write", path);
    content.remove_prefix(static_cast<std::size_t>(count));
  }
}

}  // namespace

Descriptor& Descriptor::operator=(Descriptor&& other) noexcept {
  if (this != &other) {
    reset();
    fd_ = other.release();
  }
  return *this;
}

int Descriptor::release() { return std::exchange(fd_, -1); }

void Descriptor::reset() {
  if (fd_ >= 0) ::close(fd_);
  fd_ = -1;
}

bool exists(const std::string& path) { return ::access(path.c_str(), F_OK) == 0; }

std::optional<std::string> read_if_exists(const std::string& path, std::size_t limit) {
  const Descriptor fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd.valid()) {
    if (errno == ENOENT) return std::nullopt;
    fail("open", path);
  }
  std::string content;
  char buffer[65536];
  while (true) {
    const ssize_t count = ::read(fd.get(), buffer, sizeof buffer);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) fail("read", path);
    if (count == 0) return content;
    content.append(buffer, static_cast<std::size_t>(count));
    if (content.size() > limit) throw invalid(text::format("{} is larger than the limit of {} bytes", path, limit));
  }
}

std::string read(const std::string& path, std::size_t limit) {
  std::optional<std::string> content = read_if_exists(path, limit);
  if (!content) throw not_found(text::format("there is no file {}", path));
  return *std::move(content);
}

void write_durably(const std::string& path, std::string_view content, unsigned mode) {
  const std::string temporary = path + ".new-" + random_id();
  {
    const Descriptor fd(::open(temporary.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode));
    if (!fd.valid()) fail("create", temporary);
    write_whole(fd.get(), content, temporary);
    if (::fsync(fd.get()) != 0) fail("sync", temporary);
  }
  if (::rename(temporary.c_str(), path.c_str()) != 0) fail("rename to", path);
  sync_folder(folder_of(path));
}

void sync_folder(const std::string& path) {
  const Descriptor folder(::open(path.empty() ? "." : path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!folder.valid() || ::fsync(folder.get()) != 0) fail("sync the folder", path);
}

void make_folder(const std::string& path, unsigned mode) {
  if (path.empty() || exists(path)) return;
  const std::string parent = folder_of(path);
  if (parent != path) make_folder(parent, mode);
  if (::mkdir(path.c_str(), mode) != 0 && errno != EEXIST) fail("make the folder", path);
}

void remove_tree(const std::string& path) {
  std::error_code ignored;  // what is already gone needs no removing
  std::filesystem::remove_all(path, ignored);
}

Descriptor lock(const std::string& path, std::string_view purpose) {
  Descriptor fd(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
  if (!fd.valid()) fail("open", path);
  if (::flock(fd.get(), LOCK_EX | LOCK_NB) != 0) {
    if (errno != EWOULDBLOCK) fail("lock", path);
    throw Error(Fault::conflict,
                text::format("{} is in use by another process (pid {})", purpose, text::trim(read(path, 64))));
  }
  if (::ftruncate(fd.get(), 0) != 0) fail("write", path);
  write_whole(fd.get(), text::format("{}\n", ::getpid()), path);
  return fd;
}

std::string make_temporary_folder(std::string_view prefix) {
  const char* base = std::getenv("TMPDIR");
  std::string path = text::format("{}/{}-XXXXXX", base != nullptr && *base != '\0' ? base : "/tmp", prefix);
  if (::mkdtemp(path.data()) == nullptr) fail("make a folder like", path);
  return path;
}

}  // namespace fairlead::file
