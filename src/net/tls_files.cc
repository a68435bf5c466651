// SPDX-License-Identifier: Apache-2.0
#include "net/tls_files.h"

#include <sys/stat.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/log.h"

namespace fairlead::net {

TlsFiles::TlsFiles(std::string certificate_file, std::string key_file, int check_interval_ms)
    : certificate_file_(std::move(certificate_file)),
      key_file_(std::move(key_file)),
      interval_us_(check_interval_ms * kMillisecond),
      seen_(stamps()),
      context_(make_server_tls(certificate_file_, key_file_)) {}

TlsFiles::Stamp TlsFiles::stamp_of(const std::string& path) {
  struct stat status = {};
  if (::stat(path.c_str(), &status) != 0) return {};
  return {static_cast<std::uint64_t>(status.st_ino), static_cast<std::int64_t>(status.st_size),
          static_cast<std::int64_t>(status.st_ctim.tv_sec) * 1'000'000'000 + status.st_ctim.tv_nsec};
}

void TlsFiles::check(std::int64_t now_us) {
  if (now_us < next_check_us_) return;
  next_check_us_ = now_us + interval_us_;
  const Stamps now = stamps();
  if (now == seen_) return;
  seen_ = now;
  try {
    context_ = make_server_tls(certificate_file_, key_file_);
    log::info("the TLS certificate was read again", {{"file", certificate_file_}});
  } catch (const Error& error) {
    log::warning("the TLS certificate has changed but cannot be used; the one before stays in use",
                 {{"error", error.text()}});
  }
}

}  // namespace fairlead::net
