// SPDX-License-Identifier: Apache-2.0
#include "executor/launcher.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <cstring>

#include "base/log.h"

namespace fairlead::executor {
namespace {

// A request: the size of the packed plan, and these descriptors. The gate may be missing, so it is the last.
enum Sent { kText, kPid, kLifeEnd, kStatusEnd, kOutEnd, kErrEnd, kGateEnd, kSentCount };

constexpr int kSocket = 3;  // of the launcher

struct Request {
  std::uint64_t size = 0;
  int count = 0;
  int fds[kSentCount] = {-1, -1, -1, -1, -1, -1, -1};
};

// ---- The launcher's side: system calls only, since it may have been forked from a process with threads.

// False when the worker is gone.
bool receive(Request& request) {
  iovec part{&request.size, sizeof request.size};
  alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int) * kSentCount)];
  msghdr message{};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  message.msg_control = control;
  message.msg_controllen = sizeof control;
  ssize_t size = 0;
  do {
    size = ::recvmsg(kSocket, &message, MSG_CMSG_CLOEXEC);
  } while (size < 0 && errno == EINTR);
  if (size <= 0) return false;
  const cmsghdr* header = CMSG_FIRSTHDR(&message);
  if (header == nullptr || header->cmsg_type != SCM_RIGHTS) return true;
  const std::size_t bytes = header->cmsg_len - CMSG_LEN(0);
  std::memcpy(request.fds, CMSG_DATA(header), bytes);
  request.count = static_cast<int>(bytes / sizeof(int));
  return true;
}

// The worker learns the pid from both sides of the fork: whatever happens to one of them, it can wait for the child.
void tell(int fd, int pid) { static_cast<void>(!::write(fd, &pid, sizeof pid)); }

void fulfil(const Request& request) {
  if (request.count < kGateEnd) return;
  void* text = ::mmap(nullptr, request.size, PROT_READ | PROT_WRITE, MAP_PRIVATE, request.fds[kText], 0);
  if (text == MAP_FAILED) return;
  const auto pid = static_cast<int>(::syscall(SYS_clone, CLONE_PARENT | SIGCHLD, nullptr, nullptr, nullptr, nullptr));
  if (pid == 0) {
    tell(request.fds[kPid], ::getpid());
    supervise(static_cast<char*>(text), {.life = request.fds[kLifeEnd],
                                         .status = request.fds[kStatusEnd],
                                         .out = request.fds[kOutEnd],
                                         .err = request.fds[kErrEnd],
                                         .gate = request.fds[kGateEnd]});
  }
  if (pid > 0) tell(request.fds[kPid], pid);
  ::munmap(text, request.size);
}

[[noreturn]] void serve(int socket) {
  ::prctl(PR_SET_NAME, "script-launcher");
  static_cast<void>(!::chdir("/"));
  ::dup2(::fcntl(socket, F_DUPFD, 16), kSocket);
  stand_alone(kSocket + 1);  // signals for the group are the worker's business, which ends scripts in order
  for (;;) {
    Request request;
    if (!receive(request)) ::_exit(0);
    fulfil(request);
    for (int i = 0; i < request.count; ++i) ::close(request.fds[i]);
  }
}

// ---- The worker's side.

// The text as a file in memory: a message has room for less.
file::Descriptor file_of(const std::string& packed) {
  file::Descriptor fd(::memfd_create("script", MFD_CLOEXEC));
  std::size_t done = 0;
  while (fd.valid() && done < packed.size()) {
    const ssize_t written = ::write(fd.get(), packed.data() + done, packed.size() - done);
    if (written <= 0) return {};
    done += static_cast<std::size_t>(written);
  }
  return fd;
}

bool send(int socket, Request& request) {
  const std::size_t bytes = sizeof(int) * static_cast<std::size_t>(request.count);
  iovec part{&request.size, sizeof request.size};
  alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int) * kSentCount)] = {};
  msghdr message{};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  message.msg_control = control;
  message.msg_controllen = CMSG_SPACE(bytes);
  cmsghdr* header = CMSG_FIRSTHDR(&message);
  header->cmsg_level = SOL_SOCKET;
  header->cmsg_type = SCM_RIGHTS;
  header->cmsg_len = CMSG_LEN(bytes);
  std::memcpy(CMSG_DATA(header), request.fds, bytes);
  return ::sendmsg(socket, &message, MSG_NOSIGNAL | MSG_DONTWAIT) > 0;
}

}  // namespace

Launcher::Launcher(int patience_ms) : patience_ms_(patience_ms) {
  int fds[2];
  if (::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fds) != 0) return;
  socket_ = file::Descriptor(fds[0]);
  const file::Descriptor theirs(fds[1]);
  pid_ = ::fork();
  if (pid_ == 0) serve(theirs.get());
  gone_ = pid_ < 0;
}

Launcher::~Launcher() {
  socket_.reset();
  if (!gone_.exchange(true)) wait_for_child(pid_);
}

std::optional<int> Launcher::start(const std::string& packed, const SupervisorEnds& ends) {
  if (gone_) return std::nullopt;
  const file::Descriptor text = file_of(packed);
  int answer[2];
  if (!text.valid() || ::pipe2(answer, O_CLOEXEC) != 0) return std::nullopt;
  const file::Descriptor told(answer[0]);
  file::Descriptor tells(answer[1]);
  Request request{.size = packed.size(),
                  .count = ends.gate >= 0 ? kSentCount : kGateEnd,
                  .fds = {text.get(), tells.get(), ends.life, ends.status, ends.out, ends.err, ends.gate}};
  if (!send(socket_.get(), request)) {
    if (errno != EAGAIN && errno != ETOOMANYREFS) give_up("it was killed");
    return std::nullopt;
  }
  tells.reset();
  // A message that is never read is destroyed with its reader, and the end of the pipe with it.
  pollfd wait{told.get(), POLLIN, 0};
  int ready = 0;
  do {
    ready = ::poll(&wait, 1, patience_ms_);
  } while (ready < 0 && errno == EINTR);
  if (ready == 0) give_up("it does not answer");
  int pid = -1;
  ssize_t size = 0;
  do {
    size = ::read(told.get(), &pid, sizeof pid);
  } while (size < 0 && errno == EINTR);
  if (size == static_cast<ssize_t>(sizeof pid)) return pid;
  return std::nullopt;
}

void Launcher::give_up(const char* reason) {
  if (gone_.exchange(true)) return;
  ::kill(pid_, SIGKILL);
  wait_for_child(pid_);
  log::warning("the launcher of scripts is gone; they start a little slower from now on", {{"reason", reason}});
}

}  // namespace fairlead::executor
