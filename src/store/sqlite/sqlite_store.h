// SPDX-License-Identifier: Apache-2.0
// The embedded driver: SQLite in WAL mode. Closures are run by one thread and committed in groups, which another thread
// syncs (sqlite/writer.h); reads use a pool of read-only connections. That only one process opens the file is the data
// directory's lock, not ours.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "base/clock.h"
#include "store/store.h"

namespace fairlead::store {

struct SqliteOptions {
  std::string path;     // made when absent, mode 0600
  int readers = 4;      // read connections, opened on demand
  bool migrate = true;  // apply the embedded migrations
  // Instead of fdatasync of the write-ahead log: for tests.
  std::function<void()> sync_log = {};
};

// Opens, checks and migrates. Throws Error: unavailable where the disk or another process is in the way, invalid where
// the database is newer than this program or its history was changed.
std::unique_ptr<Store> open_sqlite(SqliteOptions options, Clock& clock);

}  // namespace fairlead::store
