// SPDX-License-Identifier: Apache-2.0
#include "server/worker_log.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "base/error.h"
#include "base/log.h"
#include "base/text.h"

namespace fairlead::server {

namespace {

constexpr std::int64_t kShownBytes = 4 << 10;
constexpr std::size_t kShownLine = 300;

// The last bytes of an open file.
std::string end_of(int fd, std::int64_t size, std::int64_t most) {
  std::string bytes(static_cast<std::size_t>(std::min(size, most)), '\0');
  std::size_t have = 0;
  while (have < bytes.size()) {
    const off_t at = static_cast<off_t>(size) - static_cast<off_t>(bytes.size() - have);
    const ssize_t got = ::pread(fd, bytes.data() + have, bytes.size() - have, at);
    if (got <= 0) break;
    have += static_cast<std::size_t>(got);
  }
  bytes.resize(have);
  return bytes;
}

}  // namespace

file::Descriptor open_worker_log(const std::string& path) {
  file::Descriptor log(::open(path.c_str(), O_RDWR | O_APPEND | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600));
  if (!log.valid()) throw Error(Fault::unavailable, text::format("cannot open {}: {}", path, std::strerror(errno)));
  return log;
}

void bound_worker_log(const std::string& path, std::int64_t limit) {
  try {
    const file::Descriptor log = open_worker_log(path);
    struct stat status = {};
    if (::fstat(log.get(), &status) != 0 || status.st_size <= limit) return;
    file::write_durably(path + ".1", end_of(log.get(), status.st_size, limit));
    if (::ftruncate(log.get(), 0) != 0)
      throw Error(Fault::unavailable, text::format("cannot empty {}: {}", path, std::strerror(errno)));
  } catch (const Error& error) {
    log::warning("the built-in worker's log cannot be bounded", {{"error", error.text()}});
  }
}

std::string last_line_of(const std::string& path) {
  const file::Descriptor log(::open(path.c_str(), O_RDONLY | O_NOFOLLOW | O_CLOEXEC));
  struct stat status = {};
  if (!log.valid() || ::fstat(log.get(), &status) != 0) return {};
  const std::string bytes = end_of(log.get(), status.st_size, kShownBytes);
  const std::string_view end = text::trim(bytes);
  const std::size_t line = end.rfind('\n');
  return text::shorten(line == std::string_view::npos ? end : end.substr(line + 1), kShownLine);
}

}  // namespace fairlead::server
