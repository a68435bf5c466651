// SPDX-License-Identifier: Apache-2.0
// Whom the built-in worker runs as, and what of the data directory is that user's.
#pragma once

#include <sys/types.h>

#include <optional>
#include <string>
#include <vector>

namespace fairlead::server {

inline constexpr const char* kDefaultWorkerUser = "fairlead-worker";

struct WorkerUser {
  std::string name;
  uid_t uid = 0;
  gid_t gid = 0;
};

// `wanted` empty: kDefaultWorkerUser where there is one, we are root and it can reach `folders`; else nullopt, which
// means the server's own user, with a warning unless scripts are trusted. Throws Error(invalid) when `wanted` is named
// and does not exist, this process may not change to it, or it cannot reach one of the folders.
std::optional<WorkerUser> choose_worker_user(const std::string& wanted, bool trust_scripts,
                                             const std::vector<std::string>& folders);

// The first folder on the way to `path` (absolute), itself included, that the user may not enter; nullopt where all are
// open. Asks the kernel as that user, so that access control lists count. Needs root.
std::optional<std::string> first_closed_folder(const std::string& path, const WorkerUser& user);

// Gives a folder and all in it to the user. Follows no symbolic links and leaves alone what has several hard links: the
// folder's owner of before might have put them there to be given somebody else's file. Throws Error(unavailable) naming
// the path.
void give_folder(const std::string& folder, const WorkerUser& user);
// The same for one file; one that does not exist is none of our business.
void give_file(const std::string& path, uid_t uid, gid_t gid);

// The real user of a living process; nullopt where there is none.
std::optional<uid_t> user_of_process(pid_t pid);

}  // namespace fairlead::server
