// SPDX-License-Identifier: Apache-2.0
// The server's certificate and key, read again when their files change: certificates are renewed every few weeks, by
// programs that know nothing of this one. Connections keep what they began with. Io thread only.
#pragma once

#include <cstdint>
#include <string>

#include "net/connection.h"

namespace fairlead::net {

class TlsFiles {
 public:
  // Throws Error(invalid) naming the file that cannot be used.
  TlsFiles(std::string certificate_file, std::string key_file, int check_interval_ms);

  // For the next connection.
  SSL_CTX* context() const { return context_.get(); }
  // Looks at the files where the interval has passed. What cannot be used (written halfway, a key of another
  // certificate) leaves the old pair in use, is logged once, and is tried again at the next change.
  void check(std::int64_t now_us);

 private:
  // Which content a path had: another inode (a rename, a Kubernetes volume), size or time of change.
  struct Stamp {
    std::uint64_t inode = 0;
    std::int64_t size = -1;  // -1: no such file
    std::int64_t changed_ns = 0;
    bool operator==(const Stamp&) const = default;
  };
  struct Stamps {
    Stamp certificate, key;
    bool operator==(const Stamps&) const = default;
  };
  static Stamp stamp_of(const std::string& path);
  Stamps stamps() const { return {stamp_of(certificate_file_), stamp_of(key_file_)}; }

  const std::string certificate_file_;
  const std::string key_file_;
  const std::int64_t interval_us_;
  Stamps seen_;  // before context_, so that a change while reading is seen later
  SslContext context_;
  std::int64_t next_check_us_ = 0;
};

}  // namespace fairlead::net
