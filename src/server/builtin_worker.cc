// SPDX-License-Identifier: Apache-2.0
#include "server/builtin_worker.h"

#include <fcntl.h>
#include <grp.h>
#include <linux/close_range.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <vector>

#include "base/clock.h"
#include "base/error.h"
#include "base/log.h"
#include "base/text.h"
#include "base/thread.h"
#include "features/targets/rules.h"
#include "server/worker_log.h"

namespace fairlead::server {

namespace {

constexpr std::int64_t kRestartDelayUs = 500 * kMillisecond;
constexpr std::int64_t kLongestRestartDelayUs = 5 * kSecond;
constexpr std::int64_t kHealthyLifeUs = kMinute;  // one that lived this long did not fail at its start
constexpr int kLogCheckMs = 60'000;               // how often the size of its log is looked at
constexpr int kStartingMs = 100;                  // between two looks at a lock whose holder is not the worker
constexpr int kStartingRounds = 100;              // then it is said
constexpr int kEndMs = 15'000;                    // to deliver what it has after SIGTERM; then it is killed

std::string lock_path(const DataDirectory& data) { return data.worker_folder() + "/spool/LOCK"; }

// glibc 2.36 declares its functions for these calls without C linkage.
int open_pidfd(pid_t pid) { return static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)); }
void send_signal(int pidfd, int signal) { ::syscall(SYS_pidfd_send_signal, pidfd, signal, nullptr, 0); }

// True when the process has ended within the time.
bool has_ended(int pidfd, int timeout_ms) {
  pollfd wait = {.fd = pidfd, .events = POLLIN, .revents = 0};
  return ::poll(&wait, 1, timeout_ms) > 0;
}

std::string how_it_ended(pid_t child) {
  int status = 0;
  if (::waitpid(child, &status, 0) != child) return "unknown";
  if (WIFSIGNALED(status)) return text::format("signal {}", WTERMSIG(status));
  if (WEXITSTATUS(status) == 126) return "the change to its user failed";
  return text::format("exit status {}", WEXITSTATUS(status));
}

}  // namespace

BuiltInWorker::BuiltInWorker(const DataDirectory& data, BuiltInWorkerOptions options)
    : data_(data), user_(choose_worker_user(options.user, options.trust_scripts, {data.path(), data.run_folder()})) {
  stop_event_ = file::Descriptor(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  const bool can_watch = stop_event_.valid() && file::Descriptor(open_pidfd(::getpid())).valid();
  if (can_watch) return;
  throw Error(Fault::unavailable, text::format("cannot watch a built-in worker: {}", std::strerror(errno)))
      .with_help("it needs Linux 5.3 with pidfd_open; or do without it: --builtin-worker=false");
}

void BuiltInWorker::give_files_to_user() const {
  if (!user_) return;
  give_folder(data_.worker_folder(), *user_);
  give_file(data_.worker_socket(), ::geteuid(), user_->gid);
}

void BuiltInWorker::start() {
  struct stat status = {};
  owner_before_ = ::stat(data_.worker_folder().c_str(), &status) == 0 ? status.st_uid : ::geteuid();
  const uid_t wanted = user_ ? user_->uid : ::geteuid();
  if (const std::optional<Process> found = living(); found && found->user != wanted) {
    log::warning("the living built-in worker runs as another user than wanted; it is ended, and another started",
                 {{"pid", found->pid}, {"user id", found->user}, {"wanted user id", wanted}});
    end(*found);
  }
  give_files_to_user();
  thread_ = start_thread("worker-watch", [this] { watch(); });
}

void BuiltInWorker::stop() {
  stopping_.cancel("the server stops");
  const std::uint64_t one = 1;
  static_cast<void>(::write(stop_event_.get(), &one, sizeof one));
  if (thread_.joinable()) thread_.join();
}

// The living worker holds the lock of its spool, whoever started it.
bool BuiltInWorker::spool_is_locked() const {
  const file::Descriptor lock(::open(lock_path(data_).c_str(), O_RDWR | O_CLOEXEC | O_NOFOLLOW));
  return lock.valid() && ::flock(lock.get(), LOCK_EX | LOCK_NB) != 0;
}

// The pid stands in a file that belongs to the worker's user, so a script could have written there whatever it likes:
// only a process of that user, or of the folder's owner before, is taken for the worker. The supervisors of a dead
// worker's scripts hold the lock for a moment longer than it.
std::optional<BuiltInWorker::Process> BuiltInWorker::living() const {
  for (int round = 1; spool_is_locked(); ++round) {
    const auto pid = text::parse_int(text::trim(file::read_if_exists(lock_path(data_), 64).value_or("")));
    if (pid && *pid > 1) {
      Process process;
      process.pid = static_cast<pid_t>(*pid);
      process.handle = file::Descriptor(open_pidfd(process.pid));
      const std::optional<uid_t> user = user_of_process(process.pid);
      const bool possible = user && (*user == owner_before_ || *user == ::geteuid() || (user_ && *user == user_->uid));
      if (possible && process.handle.valid() && spool_is_locked()) {
        process.user = *user;
        return process;
      }
    }
    if (round == kStartingRounds)
      log::warning("the worker's spool is locked by what is not a worker", {{"lock", lock_path(data_)}});
    if (stopping_.token().wait_for_us(kStartingMs * kMillisecond)) break;
  }
  return std::nullopt;
}

void BuiltInWorker::watch() {
  std::int64_t delay_us = kRestartDelayUs;
  while (!stopping_.token().cancelled()) {
    worker_ = living();
    if (worker_) {
      log::info("a living built-in worker was found", {{"pid", worker_->pid}});
    } else if (!stopping_.token().cancelled()) {
      worker_ = launch();
    }
    const std::int64_t launched_us = system_clock().steady_us();
    if (worker_) {
      if (!wait_for_end(*worker_)) return;
      const std::string how = worker_->child ? how_it_ended(worker_->pid) : std::string("unknown");
      log::warning("the built-in worker ended; another will be started",
                   {{"pid", worker_->pid}, {"how", how}, {"its last line", last_line_of(data_.worker_log())}});
      worker_.reset();
    }
    if (system_clock().steady_us() - launched_us >= kHealthyLifeUs) delay_us = kRestartDelayUs;
    if (stopping_.token().wait_for_us(delay_us)) return;
    delay_us = std::min(delay_us * 2, kLongestRestartDelayUs);
  }
}

bool BuiltInWorker::wait_for_end(const Process& process) {
  while (true) {
    bound_worker_log(data_.worker_log());
    pollfd waits[] = {{.fd = process.handle.get(), .events = POLLIN, .revents = 0},
                      {.fd = stop_event_.get(), .events = POLLIN, .revents = 0}};
    ::poll(waits, 2, kLogCheckMs);
    if (stopping_.token().cancelled()) return false;
    if (waits[0].revents != 0) return true;
  }
}

std::optional<BuiltInWorker::Process> BuiltInWorker::launch() {
  const std::string folder = data_.worker_folder();
  const std::string socket = data_.worker_socket();
  const std::string secret = data_.worker_secret_file();
  const std::vector<const char*> arguments = {"fairlead",
                                              "worker",
                                              "--built-in",
                                              "--data-dir",
                                              folder.c_str(),
                                              "--socket",
                                              socket.c_str(),
                                              "--secret-file",
                                              secret.c_str(),
                                              "--executor",
                                              features::targets::kBuiltInWorker,
                                              nullptr};
  const std::string home = "HOME=" + folder;
  const std::vector<const char*> environment = {"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
                                                home.c_str(), "LANG=C.UTF-8", nullptr};
  file::Descriptor output;
  try {
    output = open_worker_log(data_.worker_log());
  } catch (const Error& error) {  // a full disk, say: it works without
    log::warning("the built-in worker's output is lost", {{"error", error.text()}});
  }
  const file::Descriptor nothing(::open("/dev/null", O_RDWR | O_CLOEXEC));
  const int out = output.valid() ? output.get() : nothing.get();
  const pid_t pid = ::fork();
  if (pid < 0) {
    log::error("the built-in worker cannot be started", {{"reason", std::strerror(errno)}});
    return std::nullopt;
  }
  if (pid > 0) {
    log::info(
        "the built-in worker was started",
        {{"pid", pid}, {"user", user_ ? user_->name : std::string("the server's own")}, {"log", data_.worker_log()}});
    Process process;
    process.pid = pid;
    process.handle = file::Descriptor(open_pidfd(pid));
    process.user = user_ ? user_->uid : ::geteuid();
    process.child = true;
    return process;
  }
  // In the child, between fork and exec: async-signal-safe calls only. A session of its own, so that Ctrl-C at the
  // server's terminal does not reach it.
  ::setsid();
  sigset_t none;
  sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
  ::dup2(nothing.get(), STDIN_FILENO);
  ::dup2(out, STDOUT_FILENO);
  ::dup2(out, STDERR_FILENO);
  ::close_range(3, ~0U, CLOSE_RANGE_CLOEXEC);
  if (user_ && (::setgroups(0, nullptr) != 0 || ::setgid(user_->gid) != 0 || ::setuid(user_->uid) != 0)) ::_exit(126);
  ::execve("/proc/self/exe", const_cast<char* const*>(arguments.data()), const_cast<char* const*>(environment.data()));
  ::_exit(127);
}

void BuiltInWorker::end(const Process& process) const {
  send_signal(process.handle.get(), SIGTERM);
  if (!has_ended(process.handle.get(), kEndMs)) {
    log::warning("the built-in worker does not end; it is killed", {{"pid", process.pid}});
    send_signal(process.handle.get(), SIGKILL);
    has_ended(process.handle.get(), kEndMs);
  }
  if (process.child) ::waitpid(process.pid, nullptr, 0);
}

void BuiltInWorker::terminate() {
  stop();
  if (!worker_) return;
  end(*worker_);
  worker_.reset();
}

}  // namespace fairlead::server
