// SPDX-License-Identifier: Apache-2.0
#include "executor/supervisor.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "base/error.h"
#include "base/text.h"
#include "executor/launcher.h"
#include "executor/supervise.h"

namespace fairlead::executor {
namespace {

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

}  // namespace

SupervisedProcess::SupervisedProcess(const ProcessPlan& plan, Launcher* launcher) {
  Pipe out(true), err(true), status(true), life(false), gate(false);
  // Everything is laid out before the fork: after it the child may not allocate.
  std::string packed = pack(plan);
  const SupervisorEnds ends{.life = life.read.get(),
                            .status = status.write.get(),
                            .out = out.write.get(),
                            .err = err.write.get(),
                            .gate = plan.gated ? gate.read.get() : -1};
  if (launcher != nullptr) pid_ = launcher->start(packed, ends).value_or(-1);
  if (pid_ < 0) {
    pid_ = ::fork();
    if (pid_ < 0)
      throw Error(Fault::unavailable, text::format("cannot start a process for a script: {}", std::strerror(errno)));
    if (pid_ == 0) supervise(packed.data(), ends);
  }
  out_ = std::move(out.read);
  err_ = std::move(err.read);
  status_ = std::move(status.read);
  life_ = std::move(life.write);
  if (plan.gated) gate_ = std::move(gate.write);
}

SupervisedProcess::~SupervisedProcess() {
  life_.reset();
  wait_for_child(pid_);
}

void SupervisedProcess::terminate() { static_cast<void>(!::write(life_.get(), "T", 1)); }

bool SupervisedProcess::lives() const {
  pollfd wait{status_.get(), POLLIN, 0};
  return ::poll(&wait, 1, 0) == 0;
}

void SupervisedProcess::open_gate() {
  static_cast<void>(!::write(gate_.get(), "g", 1));
  gate_.reset();
}

ProcessEnd SupervisedProcess::end() {
  int code = 0;
  const ssize_t size = ::read(status_.get(), &code, sizeof code);
  if (size != static_cast<ssize_t>(sizeof code)) return {};
  return {true, code};
}

}  // namespace fairlead::executor
