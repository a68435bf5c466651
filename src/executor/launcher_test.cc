// SPDX-License-Identifier: Apache-2.0
// Real processes: what holds whoever of launcher, worker and script ends first.
#include "executor/launcher.h"

#include <gtest/gtest.h>
#include <poll.h>
#include <signal.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <thread>
#include <vector>

#include "base/file.h"
#include "base/text.h"
#include "executor/shell.h"

namespace fairlead::executor {
namespace {

ProcessPlan plan_for(const std::string& commands, bool gated = false) {
  return {.program = "/bin/bash",
          .arguments = {"-c", commands},
          .environment = {"PATH=/usr/bin:/bin"},
          .folder = "/",
          .gated = gated};
}

void wait_until_readable(int fd) {
  pollfd wait{fd, POLLIN, 0};
  while (::poll(&wait, 1, -1) < 0) {
  }
}

ProcessEnd end_of(SupervisedProcess& process) {
  wait_until_readable(process.status());
  return process.end();
}

// What a process has written, until it and all that have its output are gone.
std::string output_of(SupervisedProcess& process) {
  std::string out;
  for (;;) {
    wait_until_readable(process.out());
    char buffer[4096];
    const ssize_t size = ::read(process.out(), buffer, sizeof buffer);
    if (size <= 0) return out;
    out.append(buffer, static_cast<std::size_t>(size));
  }
}

std::string name_of(int pid) { return std::string(text::trim(file::read(text::format("/proc/{}/comm", pid)))); }

std::size_t open_files(const std::string& pid) {
  std::size_t count = 0;
  for ([[maybe_unused]] const auto& entry : std::filesystem::directory_iterator("/proc/" + pid + "/fd")) ++count;
  return count;
}

file::Descriptor handle_of(int pid) { return file::Descriptor(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0))); }

void wait_for_end(const file::Descriptor& handle) { wait_until_readable(handle.get()); }

TEST(Launcher, ForksChildrenOfTheWorker) {
  Launcher launcher;
  SupervisedProcess process(plan_for("echo $PPID; exit 7"), &launcher);
  EXPECT_EQ(name_of(process.supervisor_pid()), "script-launcher") << "the launcher forked it, not this process";
  const std::string status = file::read(text::format("/proc/{}/status", process.supervisor_pid()));
  EXPECT_NE(status.find(text::format("PPid:\t{}\n", ::getpid())), std::string::npos) << status;
  EXPECT_EQ(output_of(process), text::format("{}\n", process.supervisor_pid()));
  const ProcessEnd end = end_of(process);
  EXPECT_TRUE(end.known);
  EXPECT_EQ(end.exit_code, 7);
}

TEST(Launcher, OneThatWasKilledIsNotNeeded) {
  Launcher launcher;
  const int pid = launcher.pid();
  SupervisedProcess during(plan_for("read -r -N 1 -u 3; echo \"$REPLY\"", true), &launcher);
  const file::Descriptor handle = handle_of(pid);
  ::kill(pid, SIGKILL);
  wait_for_end(handle);
  during.open_gate();
  EXPECT_EQ(output_of(during), "g\n");
  EXPECT_TRUE(end_of(during).known);
  for (int round = 0; round < 2; ++round) {
    SupervisedProcess after(plan_for("echo here"), &launcher);
    EXPECT_EQ(launcher.pid(), -1);
    EXPECT_EQ(output_of(after), "here\n");
  }
  EXPECT_EQ(::waitpid(pid, nullptr, WNOHANG), -1) << "somebody has waited for it already";
}

TEST(Launcher, OneThatDoesNotAnswerIsNotWaitedForLong) {
  Launcher launcher(50);
  ::kill(launcher.pid(), SIGSTOP);
  SupervisedProcess process(plan_for("echo here"), &launcher);
  EXPECT_EQ(launcher.pid(), -1);
  EXPECT_EQ(output_of(process), "here\n");
}

TEST(Launcher, AGatedProcessWaitsForItsGo) {
  Launcher launcher;
  SupervisedProcess process(plan_for("read -r -N 1 -u 3; ls /proc/self/fd | wc -l", true), &launcher);
  EXPECT_TRUE(process.lives());
  process.open_gate();
  EXPECT_EQ(output_of(process), "5\n") << "0, 1, 2, the gate and the one that ls opened";
  wait_until_readable(process.status());
  EXPECT_FALSE(process.lives());
}

TEST(Launcher, ABigEnvironmentArrivesWhole) {
  Launcher launcher;
  ProcessPlan plan = plan_for("echo ${#A0} ${#A9} \"${A9: -3}\"");
  for (int i = 0; i < 10; ++i) plan.environment.push_back(text::format("A{}={}end", i, std::string(100'000, 'x')));
  SupervisedProcess process(plan, &launcher);
  EXPECT_EQ(name_of(process.supervisor_pid()), "script-launcher");
  EXPECT_EQ(output_of(process), "100003 100003 end\n");
}

TEST(Launcher, ManyAtOnceAndOneAfterTheOtherLeaveNothingBehind) {
  Launcher launcher;
  const auto run = [&](int number) {
    SupervisedProcess process(plan_for(text::format("sleep 1000 & echo {}", number)), &launcher);
    EXPECT_TRUE(end_of(process).known);
    EXPECT_EQ(output_of(process), text::format("{}\n", number));
  };
  run(0);
  const std::size_t before = open_files("self");
  const std::string pid = text::format("{}", launcher.pid());
  const std::size_t of_launcher = open_files(pid);
  for (int round = 0; round < 20; ++round) {
    std::vector<std::thread> threads;
    threads.reserve(10);
    for (int i = 0; i < 10; ++i) threads.emplace_back(run, i);
    for (std::thread& thread : threads) thread.join();
  }
  EXPECT_EQ(open_files("self"), before);
  EXPECT_EQ(open_files(pid), of_launcher);
  EXPECT_EQ(::waitpid(-1, nullptr, WNOHANG), 0) << "nobody to wait for but the launcher, which lives";
}

// A worker with a launcher, a running script and a shell that is ready is killed: all of them are gone.
TEST(Launcher, EndsWithItsWorkerAndSoDoesAShellThatIsReady) {
  const std::string folder = file::make_temporary_folder("launcher");
  int pipe_ends[2];
  ASSERT_EQ(::pipe(pipe_ends), 0);
  const pid_t worker = ::fork();
  ASSERT_GE(worker, 0);
  if (worker == 0) {
    ::close(pipe_ends[0]);
    Launcher launcher;
    Shells shells({.work_folder = folder, .launcher = &launcher}, system_clock());
    shells.prepare();
    const std::unique_ptr<Shell> taken = shells.take({});
    shells.prepare();
    const int pids[] = {launcher.pid(), taken->process().supervisor_pid()};
    static_cast<void>(!::write(pipe_ends[1], pids, sizeof pids));
    for (;;) ::pause();
  }
  ::close(pipe_ends[1]);
  int pids[2];
  ASSERT_EQ(::read(pipe_ends[0], pids, sizeof pids), static_cast<ssize_t>(sizeof pids));
  ::close(pipe_ends[0]);
  std::vector<file::Descriptor> handles;
  handles.push_back(handle_of(pids[0]));
  handles.push_back(handle_of(pids[1]));
  for (const auto& entry : std::filesystem::directory_iterator("/proc")) {
    std::error_code none;
    const std::string place = std::filesystem::read_symlink(entry.path() / "cwd", none).string();
    if (place.starts_with(folder + "/"))
      handles.push_back(handle_of(static_cast<int>(*text::parse_int(entry.path().filename().string()))));
  }
  for (const file::Descriptor& handle : handles) ASSERT_TRUE(handle.valid());
  ::kill(worker, SIGKILL);
  for (const file::Descriptor& handle : handles) wait_for_end(handle);
  ::waitpid(worker, nullptr, 0);
  file::remove_tree(folder);
}

}  // namespace
}  // namespace fairlead::executor
