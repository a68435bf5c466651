// SPDX-License-Identifier: Apache-2.0
#include "executor/supervisor.h"

#include <dirent.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <cstring>

#include "base/error.h"
#include "base/text.h"

namespace fairlead::executor {
namespace {

// Everything from here to supervise() runs in a child of a process with many threads: only system calls, no allocation,
// no lock. The descriptors of a supervisor, after everything else has been closed:
constexpr int kLife = 3;
constexpr int kStatus = 4;
constexpr int kOut = 5;
constexpr int kErr = 6;

constexpr int kKillRounds = 1'000;
constexpr int kKillRoundMs = 5;

struct Prepared {
  const char* program;
  char* const* arguments;
  char* const* environment;
  const char* folder;
  int grace_ms;
};

void unblock_signals() {
  sigset_t none;
  sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
}

// The parent of a process out of the text of /proc/<pid>/stat: "pid (name) state ppid ..."; the name may contain
// anything.
int parent_in(const char* text, std::size_t size) {
  std::size_t at = size;
  while (at > 0 && text[at - 1] != ')') --at;
  if (at == 0 || at + 3 >= size) return -1;
  int parent = 0;
  for (at += 3; at < size && text[at] >= '0' && text[at] <= '9'; ++at) parent = parent * 10 + (text[at] - '0');
  return parent;
}

int parent_of(const char* pid_name) {
  char path[64] = "/proc/";
  std::size_t length = 6;
  for (const char* c = pid_name; *c != '\0' && length < 40; ++c) path[length++] = *c;
  const char tail[] = "/stat";
  std::memcpy(path + length, tail, sizeof tail);
  const int fd = ::open(path, O_RDONLY | O_CLOEXEC);
  if (fd < 0) return -1;
  char text[512];
  const ssize_t size = ::read(fd, text, sizeof text);
  ::close(fd);
  return size > 0 ? parent_in(text, static_cast<std::size_t>(size)) : -1;
}

struct KernelEntry {
  std::uint64_t inode;
  std::int64_t offset;
  unsigned short size;
  unsigned char type;
  char name[1];
};

void kill_own_children() {
  const int fd = ::open("/proc", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0) return;
  const int self = ::getpid();
  alignas(KernelEntry) char buffer[4096];
  for (;;) {
    const long size = ::syscall(SYS_getdents64, fd, buffer, sizeof buffer);
    if (size <= 0) break;
    for (long at = 0; at < size;) {
      const auto* entry = reinterpret_cast<const KernelEntry*>(buffer + at);
      at += entry->size;
      const char* name = buffer + (at - entry->size) + offsetof(KernelEntry, name);
      int pid = 0;
      const char* c = name;
      for (; *c >= '0' && *c <= '9'; ++c) pid = pid * 10 + (*c - '0');
      if (*c == '\0' && pid > 1 && parent_of(name) == self) ::kill(pid, SIGKILL);
    }
  }
  ::close(fd);
}

// Kills children until there are none; each that dies hands its own children to us. Gives up on what cannot be killed.
void kill_descendants(int group, int main_pid, int* main_status) {
  for (int round = 0; round < kKillRounds; ++round) {
    // First, since mostly there are none left and looking for them means reading all of /proc.
    for (;;) {
      int status = 0;
      const int pid = ::waitpid(-1, &status, WNOHANG);
      if (pid < 0 && errno == ECHILD) return;
      if (pid <= 0) break;
      if (pid == main_pid) *main_status = status;
    }
    ::kill(-group, SIGKILL);
    kill_own_children();
    ::poll(nullptr, 0, kKillRoundMs);
  }
}

[[noreturn]] void become_script(const Prepared& plan, int supervisor) {
  ::setpgid(0, 0);
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (::getppid() != supervisor) ::_exit(127);
  unblock_signals();
  for (int number = 1; number < 32; ++number) ::signal(number, SIG_DFL);
  const rlimit no_core{0, 0};
  ::setrlimit(RLIMIT_CORE, &no_core);
  ::umask(077);
  ::dup2(kOut, 1);
  ::dup2(kErr, 2);
  ::syscall(SYS_close_range, 3, ~0U, 0);
  if (::chdir(plan.folder) == 0) ::execve(plan.program, plan.arguments, plan.environment);
  const char text[] = "fairlead: cannot start the shell\n";
  static_cast<void>(!::write(2, text, sizeof text - 1));
  ::_exit(127);
}

[[noreturn]] void report(int status) {
  const int code = WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
  static_cast<void>(!::write(kStatus, &code, sizeof code));
  ::_exit(0);
}

// Sets the descriptors up as the constants above say, and closes all others: the worker's sockets and other scripts'
// pipes.
void arrange(int life, int status, int out, int err) {
  const int wanted[] = {life, status, out, err};
  int high[4];
  for (int i = 0; i < 4; ++i) high[i] = ::fcntl(wanted[i], F_DUPFD, 16);
  for (int i = 0; i < 4; ++i) ::dup2(high[i], kLife + i);
  ::syscall(SYS_close_range, kErr + 1, ~0U, 0);
  const int null = ::open("/dev/null", O_RDWR);
  for (int fd = 0; fd < 3; ++fd) ::dup2(null, fd);
  ::close(null);
}

[[noreturn]] void supervise(const Prepared& plan, int life, int status, int out, int err) {
  ::setsid();
  arrange(life, status, out, err);
  ::prctl(PR_SET_CHILD_SUBREAPER, 1);
  for (const int ignored : {SIGTERM, SIGINT, SIGHUP, SIGQUIT, SIGPIPE}) ::signal(ignored, SIG_IGN);
  ::signal(SIGCHLD, SIG_DFL);
  sigset_t child_signal;
  sigemptyset(&child_signal);
  sigaddset(&child_signal, SIGCHLD);
  ::sigprocmask(SIG_SETMASK, &child_signal, nullptr);
  const int signals = ::signalfd(-1, &child_signal, SFD_CLOEXEC | SFD_NONBLOCK);

  const int self = ::getpid();
  // The child makes system calls and becomes the shell: a copy of our memory would be made for nothing.
  const int script = ::vfork();  // NOLINT(clang-analyzer-security.insecureAPI.vfork)
  if (script < 0) ::_exit(1);
  if (script == 0) become_script(plan, self);
  ::setpgid(script, script);
  ::close(kOut);
  ::close(kErr);

  const int grace = ::timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC);
  bool asked = false;
  for (;;) {
    pollfd waits[3] = {{kLife, POLLIN, 0}, {signals, POLLIN, 0}, {grace, POLLIN, 0}};
    ::poll(waits, 3, -1);
    int main_status = SIGKILL;
    if (waits[0].revents != 0) {
      char request = 0;
      if (::read(kLife, &request, 1) <= 0) {  // the worker is gone
        kill_descendants(script, script, &main_status);
        ::_exit(0);
      }
      ::kill(-script, SIGTERM);
      if (!asked) {
        itimerspec when{};
        when.it_value.tv_sec = plan.grace_ms / 1'000;
        when.it_value.tv_nsec = plan.grace_ms % 1'000 * 1'000'000L + 1;
        ::timerfd_settime(grace, 0, &when, nullptr);
      }
      asked = true;
    }
    if (waits[2].revents != 0) {
      kill_descendants(script, script, &main_status);
      report(main_status);
    }
    signalfd_siginfo drained;
    while (::read(signals, &drained, sizeof drained) > 0) {
    }
    for (;;) {
      int ended_status = 0;
      const int ended = ::waitpid(-1, &ended_status, WNOHANG);
      if (ended <= 0) break;
      if (ended != script) continue;  // an orphan that came to us
      int ignored = 0;
      kill_descendants(script, script, &ignored);
      report(ended_status);
    }
  }
}

struct Pipe {
  file::Descriptor read, write;
  explicit Pipe(bool nonblocking_read) {
    int fds[2];
    if (::pipe2(fds, O_CLOEXEC) != 0) {
      throw Error(Fault::unavailable, text::format("cannot make a pipe for a script: {}", std::strerror(errno)));
    }
    read = file::Descriptor(fds[0]);
    write = file::Descriptor(fds[1]);
    if (nonblocking_read) ::fcntl(read.get(), F_SETFL, O_NONBLOCK);
  }
};

std::vector<char*> pointers(std::vector<std::string>& texts) {
  std::vector<char*> out;
  for (std::string& text : texts) out.push_back(text.data());
  out.push_back(nullptr);
  return out;
}

}  // namespace

SupervisedProcess::SupervisedProcess(const ProcessPlan& plan) {
  Pipe out(true), err(true), status(true), life(false);
  // Everything is laid out before the fork: after it the child may not allocate.
  std::vector<std::string> argument_texts{plan.program};
  argument_texts.insert(argument_texts.end(), plan.arguments.begin(), plan.arguments.end());
  std::vector<std::string> environment_texts = plan.environment;
  const std::vector<char*> arguments = pointers(argument_texts);
  const std::vector<char*> environment = pointers(environment_texts);
  const Prepared prepared{plan.program.c_str(), arguments.data(), environment.data(), plan.folder.c_str(),
                          plan.grace_ms};

  pid_ = ::fork();
  if (pid_ < 0)
    throw Error(Fault::unavailable, text::format("cannot start a process for a script: {}", std::strerror(errno)));
  if (pid_ == 0) supervise(prepared, life.read.get(), status.write.get(), out.write.get(), err.write.get());
  out_ = std::move(out.read);
  err_ = std::move(err.read);
  status_ = std::move(status.read);
  life_ = std::move(life.write);
}

SupervisedProcess::~SupervisedProcess() {
  life_.reset();
  while (::waitpid(pid_, nullptr, 0) < 0 && errno == EINTR) {
  }
}

void SupervisedProcess::terminate() { static_cast<void>(!::write(life_.get(), "T", 1)); }

ProcessEnd SupervisedProcess::end() {
  int code = 0;
  const ssize_t size = ::read(status_.get(), &code, sizeof code);
  if (size != static_cast<ssize_t>(sizeof code)) return {};
  return {true, code};
}

}  // namespace fairlead::executor
