// SPDX-License-Identifier: Apache-2.0
#include "executor/supervise.h"

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
#include <string_view>
#include <utility>
#include <vector>

namespace fairlead::executor {
namespace {

// The descriptors of a supervisor, after everything else has been closed:
constexpr int kLife = 3;
constexpr int kStatus = 4;
constexpr int kOut = 5;
constexpr int kErr = 6;
constexpr int kGate = 7;

constexpr int kKillRounds = 1'000;
constexpr int kKillRoundMs = 5;

// How a packed plan begins. Places are counted from its beginning; the lists are of places, and end with 0.
struct Head {
  std::uint64_t program;
  std::uint64_t folder;
  std::uint64_t arguments;
  std::uint64_t environment;
  std::int64_t grace_ms;
};

struct Prepared {
  const char* program;
  char* const* arguments;
  char* const* environment;
  const char* folder;
  std::int64_t grace_ms;
  bool gated;
};

char* const* list_at(char* packed, std::uint64_t place) {
  static_assert(sizeof(char*) == sizeof(std::uint64_t));
  for (char* at = packed + place;; at += sizeof(std::uint64_t)) {
    std::uint64_t text = 0;
    std::memcpy(&text, at, sizeof text);
    if (text == 0) break;
    char* const pointer = packed + text;
    std::memcpy(at, static_cast<const void*>(&pointer), sizeof pointer);
  }
  return reinterpret_cast<char* const*>(packed + place);
}

// Makes pointers of places, where they are.
Prepared unpack(char* packed, bool gated) {
  Head head;
  std::memcpy(&head, packed, sizeof head);
  return {packed + head.program,
          list_at(packed, head.arguments),
          list_at(packed, head.environment),
          packed + head.folder,
          head.grace_ms,
          gated};
}

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
  if (plan.gated) ::dup2(kGate, kGateOfShell);
  ::syscall(SYS_close_range, plan.gated ? kGateOfShell + 1 : kGateOfShell, ~0U, 0);
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
void arrange(const SupervisorEnds& ends) {
  const int wanted[] = {ends.life, ends.status, ends.out, ends.err, ends.gate};
  const int count = ends.gate >= 0 ? 5 : 4;
  int high[5];
  for (int i = 0; i < count; ++i) high[i] = ::fcntl(wanted[i], F_DUPFD, 16);
  for (int i = 0; i < count; ++i) ::dup2(high[i], kLife + i);
  stand_alone(kLife + count);
}

}  // namespace

void stand_alone(int first_unused) {
  ::setsid();
  for (const int ignored : {SIGTERM, SIGINT, SIGHUP, SIGQUIT, SIGPIPE}) ::signal(ignored, SIG_IGN);
  ::syscall(SYS_close_range, first_unused, ~0U, 0);
  const int null = ::open("/dev/null", O_RDWR);
  for (int fd = 0; fd < 3; ++fd) ::dup2(null, fd);
  ::close(null);
}

void wait_for_child(int pid) {
  while (::waitpid(pid, nullptr, 0) < 0 && errno == EINTR) {
  }
}

void supervise(char* packed, const SupervisorEnds& ends) {
  const Prepared plan = unpack(packed, ends.gate >= 0);
  arrange(ends);
  ::prctl(PR_SET_CHILD_SUBREAPER, 1);
  ::signal(SIGCHLD, SIG_DFL);
  sigset_t child_signal;
  sigemptyset(&child_signal);
  sigaddset(&child_signal, SIGCHLD);
  ::sigprocmask(SIG_SETMASK, &child_signal, nullptr);
  const int signals = ::signalfd(-1, &child_signal, SFD_CLOEXEC | SFD_NONBLOCK);

  const int self = ::getpid();
  // The child makes system calls and becomes the shell: a copy of our memory would be made for nothing.
  const int script = ::vfork();  // NOLINT(bugprone-unsafe-functions,clang-analyzer-security.insecureAPI.vfork)
  if (script < 0) ::_exit(1);
  if (script == 0) become_script(plan, self);
  ::setpgid(script, script);
  ::close(kOut);
  ::close(kErr);
  if (plan.gated) ::close(kGate);

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

std::string pack(const ProcessPlan& plan) {
  std::vector<std::string_view> arguments{plan.program};
  arguments.insert(arguments.end(), plan.arguments.begin(), plan.arguments.end());
  const std::vector<std::string_view> environment(plan.environment.begin(), plan.environment.end());
  Head head{};
  head.arguments = sizeof head;
  head.environment = head.arguments + (arguments.size() + 1) * sizeof(std::uint64_t);
  std::uint64_t place = head.environment + (environment.size() + 1) * sizeof(std::uint64_t);
  std::string lists;
  std::string texts;
  const auto add = [&](std::string_view text) {
    texts += text;
    texts += '\0';
    return std::exchange(place, place + text.size() + 1);
  };
  for (const auto& list : {arguments, environment}) {
    for (const std::string_view text : list) {
      const std::uint64_t at = add(text);
      lists.append(reinterpret_cast<const char*>(&at), sizeof at);
    }
    lists.append(sizeof(std::uint64_t), '\0');
  }
  head.program = add(plan.program);
  head.folder = add(plan.folder);
  head.grace_ms = plan.grace_ms;
  return std::string(reinterpret_cast<const char*>(&head), sizeof head) + lists + texts;
}

}  // namespace fairlead::executor
