// SPDX-License-Identifier: Apache-2.0
#include "server/worker_user.h"

#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>

#include "base/error.h"
#include "base/file.h"
#include "base/log.h"
#include "base/text.h"

namespace fairlead::server {

namespace {

constexpr int kAllOpen = 255;  // the probe's exit status; anything less is the index of a closed folder
constexpr int kCannotChange = 254;
constexpr std::size_t kMostFolders = 200;

std::optional<WorkerUser> find_user(const std::string& name) {
  const passwd* entry = ::getpwnam(name.c_str());
  if (entry == nullptr) return std::nullopt;
  return WorkerUser{name, entry->pw_uid, entry->pw_gid};
}

std::string closed_text(const std::string& folder, const WorkerUser& user) {
  return text::format("the worker's user \"{}\" may not enter {}, so it cannot reach the data directory", user.name,
                      folder);
}

void warn_about_own_user(bool trust_scripts) {
  if (trust_scripts) return;
  log::warning(
      "scripts will run as the server's own user and could read its data; make a user fairlead-worker, or accept it "
      "with "
      "--trust-scripts");
}

}  // namespace

std::optional<WorkerUser> choose_worker_user(const std::string& wanted, bool trust_scripts,
                                             const std::vector<std::string>& folders) {
  const bool named = !wanted.empty();
  const bool may_change = ::geteuid() == 0;
  const std::optional<WorkerUser> user = find_user(named ? wanted : kDefaultWorkerUser);
  if (named && !user)
    throw invalid(text::format("--worker-user: there is no user \"{}\" on this machine", text::shorten(wanted, 60)));
  if (named && !may_change && user->uid != ::geteuid()) {
    throw invalid("--worker-user needs a server that runs as root: only root may start a process for another user");
  }
  if (!user || !may_change) {
    warn_about_own_user(trust_scripts);
    return std::nullopt;
  }
  for (const std::string& folder : folders) {
    const std::optional<std::string> closed = first_closed_folder(folder, *user);
    if (!closed) continue;
    if (named) {
      throw invalid("--worker-user: " + closed_text(*closed, *user))
          .with_help(text::format("open it with chmod o+x {}, or put the data directory elsewhere", *closed));
    }
    log::warning(closed_text(*closed, *user));
    warn_about_own_user(trust_scripts);
    return std::nullopt;
  }
  return user;
}

std::optional<std::string> first_closed_folder(const std::string& path, const WorkerUser& user) {
  std::vector<std::string> folders;
  std::filesystem::path so_far;
  for (const auto& part : std::filesystem::path(path)) {
    so_far /= part;
    if (!part.empty() && folders.size() < kMostFolders) folders.push_back(so_far.string());
  }
  std::vector<const char*> names;
  for (const std::string& folder : folders) names.push_back(folder.c_str());
  const pid_t child = ::fork();
  if (child < 0)
    throw Error(Fault::unavailable, text::format("cannot look at {} as {}: {}", path, user.name, std::strerror(errno)));
  if (child == 0) {  // async-signal-safe calls only
    if (::setgroups(0, nullptr) != 0 || ::setgid(user.gid) != 0 || ::setuid(user.uid) != 0) ::_exit(kCannotChange);
    for (std::size_t i = 0; i < names.size(); ++i) {
      if (::access(names[i], X_OK) != 0 && errno == EACCES) ::_exit(static_cast<int>(i));
    }
    ::_exit(kAllOpen);
  }
  int status = 0;
  while (::waitpid(child, &status, 0) < 0 && errno == EINTR) continue;
  const int answer = WIFEXITED(status) ? WEXITSTATUS(status) : kCannotChange;
  if (answer == kAllOpen) return std::nullopt;
  if (answer == kCannotChange)
    throw Error(Fault::unavailable, text::format("this process may not change to the user {}", user.name));
  return folders.at(static_cast<std::size_t>(answer));
}

void give_file(const std::string& path, uid_t uid, gid_t gid) {
  const auto fail = [&] {
    throw Error(Fault::unavailable,
                text::format("cannot give {} to the worker's user: {}", path, std::strerror(errno)));
  };
  const file::Descriptor entry(::open(path.c_str(), O_PATH | O_NOFOLLOW | O_CLOEXEC));
  if (!entry.valid()) {
    if (errno == ENOENT) return;
    fail();
  }
  struct stat status = {};
  if (::fstat(entry.get(), &status) != 0) fail();
  if (status.st_uid == uid && status.st_gid == gid) return;
  if (S_ISLNK(status.st_mode)) return;
  if (!S_ISDIR(status.st_mode) && status.st_nlink > 1) {
    log::warning("a file of the worker has several hard links and is not given to its user", {{"path", path}});
    return;
  }
  if (::fchownat(entry.get(), "", uid, gid, AT_EMPTY_PATH) != 0) fail();
}

void give_folder(const std::string& folder, const WorkerUser& user) {
  give_file(folder, user.uid, user.gid);
  std::error_code error;
  std::filesystem::recursive_directory_iterator entries(folder, error);  // does not enter symbolic links to folders
  const std::filesystem::recursive_directory_iterator end;
  while (!error && entries != end) {
    give_file(entries->path().string(), user.uid, user.gid);
    entries.increment(error);
  }
  if (error)
    throw Error(Fault::unavailable, text::format("cannot read the worker's folder {}: {}", folder, error.message()));
}

std::optional<uid_t> user_of_process(pid_t pid) {
  // /proc/<pid> itself belongs to root where the process is not dumpable, so the text is read.
  const std::string status = file::read_if_exists(text::format("/proc/{}/status", pid), 64 << 10).value_or("");
  const std::size_t line = status.find("\nUid:\t");
  if (line == std::string::npos) return std::nullopt;
  const std::size_t start = line + 6;
  const auto uid = text::parse_int(status.substr(start, status.find('\t', start) - start));
  return uid ? std::optional(static_cast<uid_t>(*uid)) : std::nullopt;
}

}  // namespace fairlead::server
