// SPDX-License-Identifier: Apache-2.0
#include "server/builtin_worker.h"

#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstring>
#include <vector>

#include "base/clock.h"
#include "base/error.h"
#include "base/log.h"
#include "base/text.h"
#include "features/targets/rules.h"

namespace fairlead::server {

namespace {

constexpr const char* kDefaultUser = "fairlead-worker";
constexpr std::int64_t kCheckIntervalUs = 200 * kMillisecond;
constexpr std::int64_t kRestartDelayUs = 500 * kMillisecond;
constexpr std::int64_t kLongestRestartDelayUs = 5 * kSecond;
constexpr std::int64_t kHealthyLifeUs = kMinute;  // one that lived this long did not fail at its start

std::string lock_path(const DataDirectory& data) { return data.worker_folder() + "/spool/LOCK"; }

void own(const std::string& path, uid_t uid, gid_t gid) {
  if (::chown(path.c_str(), uid, gid) != 0 && errno != ENOENT) {
    throw Error(Fault::unavailable, text::format("cannot give {} to the worker's user: {}", path, std::strerror(errno)));
  }
}

}  // namespace

BuiltInWorker::BuiltInWorker(const DataDirectory& data, BuiltInWorkerOptions options) : data_(data), options_(std::move(options)) {
  const std::string wanted = options_.user.empty() ? kDefaultUser : options_.user;
  const passwd* entry = ::getpwnam(wanted.c_str());
  if (entry == nullptr && !options_.user.empty()) {
    throw invalid(text::format("--worker-user: there is no user \"{}\" on this machine", text::shorten(wanted, 60)));
  }
  const bool may_change = ::geteuid() == 0;
  if (entry != nullptr && may_change) {
    user_ = User{wanted, entry->pw_uid, entry->pw_gid};
  } else if (!options_.user.empty() && (entry == nullptr || entry->pw_uid != ::geteuid())) {
    throw invalid("--worker-user needs a server that runs as root: only root may start a process for another user");
  }
  if (!user_ && !options_.trust_scripts) {
    log::warning("scripts will run as the server's own user and could read its data; make a user fairlead-worker, or accept it with "
                 "--trust-scripts");
  }
}

void BuiltInWorker::give_files_to_user() const {
  if (!user_) return;
  own(data_.worker_folder(), user_->uid, user_->gid);
  own(data_.worker_secret_file(), user_->uid, user_->gid);
  own(data_.worker_socket(), ::geteuid(), user_->gid);
}

void BuiltInWorker::start() {
  give_files_to_user();
  thread_ = std::thread([this] { watch(); });
}

void BuiltInWorker::stop() {
  stopping_.cancel("the server stops");
  if (thread_.joinable()) thread_.join();
}

// The living worker holds the lock of its spool, whoever started it.
bool BuiltInWorker::alive() const {
  const file::Descriptor lock(::open(lock_path(data_).c_str(), O_RDWR | O_CLOEXEC));
  return lock.valid() && ::flock(lock.get(), LOCK_EX | LOCK_NB) != 0;
}

void BuiltInWorker::watch() {
  std::int64_t delay_us = kRestartDelayUs;
  std::int64_t launched_us = 0;
  bool first = true;
  do {
    const bool ended = child_ > 0 && ::waitpid(child_, nullptr, WNOHANG) == child_;
    if (ended) {
      log::warning("the built-in worker ended; starting another", {{"pid", child_}});
      child_ = -1;
      if (system_clock().steady_us() - launched_us >= kHealthyLifeUs) delay_us = kRestartDelayUs;
      if (stopping_.token().wait_for_us(delay_us)) return;
      delay_us = std::min(delay_us * 2, kLongestRestartDelayUs);
    }
    if (child_ > 0) continue;
    if (!alive()) {
      launch();
      launched_us = system_clock().steady_us();
    } else if (first) {
      log::info("a living built-in worker was found");
      delay_us = kRestartDelayUs;
    }
    first = false;
  } while (!stopping_.token().wait_for_us(kCheckIntervalUs));
}

void BuiltInWorker::launch() {
  const std::string folder = data_.worker_folder();
  const std::string socket = data_.worker_socket();
  const std::string secret = data_.worker_secret_file();
  const std::vector<const char*> arguments = {"fairlead", "worker",        "--built-in",    "--data-dir", folder.c_str(), "--socket",
                                              socket.c_str(), "--secret-file", secret.c_str(), "--executor", features::targets::kBuiltInWorker, nullptr};
  const std::string home = "HOME=" + folder;
  const std::vector<const char*> environment = {"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", home.c_str(),
                                                "LANG=C.UTF-8", nullptr};
  const pid_t pid = ::fork();
  if (pid < 0) {
    log::error("the built-in worker cannot be started", {{"reason", std::strerror(errno)}});
    return;
  }
  if (pid > 0) {
    child_ = pid;
    log::info("the built-in worker was started", {{"pid", pid}, {"user", user_ ? user_->name : std::string("the server's own")}});
    return;
  }
  // In the child, between fork and exec: async-signal-safe calls only. A session of its own, so that Ctrl-C at the server's
  // terminal does not reach it.
  ::setsid();
  sigset_t none;
  sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
  if (user_ && (::setgroups(0, nullptr) != 0 || ::setgid(user_->gid) != 0 || ::setuid(user_->uid) != 0)) ::_exit(126);
  ::execve("/proc/self/exe", const_cast<char* const*>(arguments.data()), const_cast<char* const*>(environment.data()));
  ::_exit(127);
}

void BuiltInWorker::terminate() {
  stop();
  if (!alive()) return;
  const auto pid = text::parse_int(text::trim(file::read_if_exists(lock_path(data_), 64).value_or("")));
  if (pid && *pid > 1) ::kill(static_cast<pid_t>(*pid), SIGTERM);
  if (child_ > 0) ::waitpid(child_, nullptr, 0);
}

}  // namespace fairlead::server
