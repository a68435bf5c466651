// SPDX-License-Identifier: Apache-2.0
// The data directory: what lies where in it, and the lock that lets one server at a time use it.
#pragma once

#include <string>

#include "base/file.h"
#include "base/secret.h"
#include "base/signing.h"

namespace fairlead::server {

class DataDirectory {
 public:
  // Makes the folder and its parts where they are missing and takes the lock. Throws Error(conflict) naming the
  // holder's pid.
  explicit DataDirectory(const std::string& path);

  std::string database() const { return path_ + "/fairlead.db"; }
  std::string logs() const { return path_ + "/logs"; }
  std::string blobs() const { return path_ + "/blobs"; }
  std::string audit_archive() const { return path_ + "/audit"; }
  std::string master_key() const { return path_ + "/keys/master.key"; }
  std::string worker_folder() const { return path_ + "/worker"; }
  std::string worker_log() const { return path_ + "/worker.log"; }
  std::string run_folder() const { return path_ + "/run"; }
  std::string worker_socket() const { return path_ + "/run/worker.sock"; }
  std::string worker_secret_file() const { return path_ + "/worker/secret"; }
  const std::string& path() const { return path_; }

  // The key by which executors know this server; made at the first start.
  SigningKey link_key() const;
  // What the built-in worker proves itself with; made at the first start.
  Secret worker_secret() const;

 private:
  std::string path_;
  file::Descriptor lock_;
};

}  // namespace fairlead::server
