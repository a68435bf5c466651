// SPDX-License-Identifier: Apache-2.0
// What the built-in worker says on standard output and error: a file in the data directory. A pipe to the server would
// break with the server, which the worker outlives; the server's own terminal is none of its business.
#pragma once

#include <string>

#include "base/file.h"

namespace fairlead::server {

inline constexpr std::int64_t kMaxWorkerLogBytes = 4 << 20;

// For appending, made when missing, 0600.
file::Descriptor open_worker_log(const std::string& path);
// Once it is over the limit, its end is kept in "<path>.1" and the file is emptied in place, since the worker has it
// open. Lines written in between are lost. Never throws: a log is no reason to fail.
void bound_worker_log(const std::string& path, std::int64_t limit = kMaxWorkerLogBytes);
// The last line that is not empty, for a message; at most 300 bytes.
std::string last_line_of(const std::string& path);

}  // namespace fairlead::server
