// SPDX-License-Identifier: Apache-2.0
// The embedded driver: SQLite in WAL mode with synchronous=FULL. One writer thread takes all closures that queued
// during the last fsync and commits them together; reads use a pool of read-only connections. That only one process
// opens the file is the data directory's lock, not ours.
#pragma once

#include <memory>
#include <string>

#include "base/clock.h"
#include "store/store.h"

namespace fairlead::store {

struct SqliteOptions {
  std::string path;     // made when absent, mode 0600
  int readers = 4;      // read connections, opened on demand
  bool migrate = true;  // apply the embedded migrations
};

// Opens, checks and migrates. Throws Error: unavailable where the disk or another process is in the way, invalid where
// the database is newer than this program or its history was changed.
std::unique_ptr<Store> open_sqlite(SqliteOptions options, Clock& clock);

}  // namespace fairlead::store
