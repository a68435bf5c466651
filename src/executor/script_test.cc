// SPDX-License-Identifier: Apache-2.0
// Real scripts under the real supervisor.
#include "executor/script.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <thread>

#include "base/file.h"
#include "base/text.h"
#include "executor/cluster_config.h"
#include "executor/launcher.h"
#include "executor/supervisor.h"
#include "json/value.h"

namespace fairlead::executor {
namespace {

struct Script : testing::Test {
  std::string folder = file::make_temporary_folder("script");
  Launcher launcher;
  Shells shells{{.work_folder = folder, .grace_ms = 200, .launcher = &launcher}, system_clock()};
  CommandLog log{system_clock(), {}, 0};
  CancelSource cancel;
  std::function<void()> started;
  void TearDown() override {
    shells.drop();
    file::remove_tree(folder);
  }

  ScriptEnd run(const std::string& body, link::RunScript script = {}) {
    script.body = link::Confidential::of(body);
    ScriptContext context{.clock = system_clock(), .log = log, .cancel = cancel.token(), .shells = shells};
    context.open = [](const link::Confidential& value) { return Secret(value.plain + value.transport); };
    context.seal = [](const Secret& value) { return link::Confidential{.transport = std::string(value.reveal())}; };
    context.started = started;
    return run_script(script, context);
  }
  std::string lines() {
    std::string out;
    for (;;) {
      const auto taken = log.take(1 << 20);
      if (taken.lines.empty()) return out;
      for (const link::LogLine& line : taken.lines) out += line.category + ":" + line.text + "\n";
    }
  }
};

TEST_F(Script, RunsAndSaysHowItEnded) {
  EXPECT_EQ(run("echo hello; echo oops >&2").outcome, link::Outcome::succeeded);
  const std::string shown = lines();
  EXPECT_NE(shown.find("Info:hello\n"), std::string::npos);
  EXPECT_NE(shown.find("Error:oops\n"), std::string::npos);
  {
    const ScriptEnd failed = run("exit 3");
    EXPECT_EQ(failed.outcome, link::Outcome::failed);
    EXPECT_EQ(failed.result.exit_code, 3);
    EXPECT_EQ(failed.error->message(), "the script ended with exit code 3");
    EXPECT_FALSE(std::filesystem::is_empty(folder)) << "cleared away by whoever takes the end";
  }
  EXPECT_EQ(run("kill -9 $$").result.exit_code, 137);
  EXPECT_EQ(run("fail_step 'no luck'").error->message(), "no luck");
  EXPECT_TRUE(std::filesystem::is_empty(folder));
}

TEST_F(Script, SeesVariablesArgumentsFilesAndNothingElse) {
  ::setenv("FAIRLEAD_TEST_LEAK", "leaked", 1);
  link::RunScript script;
  script.variables["It's $a \"name\""] = link::Confidential::of("v'1\n`x` $HOME \\");
  script.variables["Password"] = link::Confidential{.transport = "hunter2"};
  script.environment["MY"] = link::Confidential::of("env");
  script.arguments = {link::Confidential::of("a b"), link::Confidential::of("c")};
  script.files.push_back({"sub/f.txt", link::Confidential::of("content"), false});
  const ScriptEnd end =
      run(R"(get_octopusvariable "It's \$a \"name\""; echo; echo "[$1][$2]" "$MY" "${FAIRLEAD_TEST_LEAK:-clean}"
cat sub/f.txt; echo; get_octopusvariable Password; echo; set_octopusvariable out 'v a l'; set_octopusvariable hid topsecret -sensitive
echo topsecret; ls /proc/self/fd | wc -l)",
          script);
  EXPECT_EQ(end.outcome, link::Outcome::succeeded);
  const std::string shown = lines();
  EXPECT_NE(
      shown.find("Info:v'1\nInfo:`x` $HOME \\\nInfo:[a b][c] env clean\nInfo:content\nInfo:********\nInfo:********\n"),
      std::string::npos)
      << shown;
  EXPECT_NE(shown.find("Info:4\n"), std::string::npos) << shown;  // 0, 1, 2 and the one that ls opened
  ASSERT_EQ(end.result.outputs.size(), 2u);
  EXPECT_EQ(end.result.outputs[0].value.plain, "v a l");
  EXPECT_EQ(end.result.outputs[1].value.transport, "topsecret");
}

// Names that are operators of the shell's own tests, that sort differently in languages, and that are no UTF-8.
TEST_F(Script, EveryVariableIsFoundAndNoOther) {
  link::RunScript script;
  for (const char* name : {"a", "A", "a.b", "a b", "ab", "(",  "!",  "-n",   "Z",  "z",  "é",
                           "e", "<", "]",   "'",   "\"", "\\", "$a", "\xff", "zz", "00", "Octopus.Action[x].Name",
                           "*", "0"}) {
    script.variables[name] = link::Confidential::of(text::format("<{}>", script.variables.size()));
  }
  std::string asks, expected;
  for (const auto& [name, value] : script.variables) {
    asks +=
        text::format("get_octopusvariable {}; get_octopusvariable {}\n", bash_quoted(name), bash_quoted(name + "+"));
    expected += value.plain;
  }
  EXPECT_EQ(run("set -eu\n" + asks + "get_octopusvariable ''", script).outcome, link::Outcome::succeeded);
  EXPECT_EQ(lines(), "Info:" + expected + "\n");
  EXPECT_EQ(run(asks).outcome, link::Outcome::succeeded) << "no variable at all";
  EXPECT_EQ(lines(), "");
}

TEST_F(Script, ValuesAndArgumentsArriveAsTheyAre) {
  link::RunScript script;
  script.variables["empty"] = link::Confidential::of("");
  script.variables["lines"] = link::Confidential::of(std::string("1\n\0\n3\n", 6));
  script.variables[std::string("n\0ul", 4)] = link::Confidential::of("never");
  script.arguments = {link::Confidential::of(""), link::Confidential::of("-x"), link::Confidential::of("two\nlines")};
  run("get_octopusvariable empty; get_octopusvariable nul; get_octopusvariable lines; echo \"$# [$1] [$2] [$3]\"",
      script);
  EXPECT_EQ(lines(), "Info:1\nInfo:\nInfo:3\nInfo:3 [] [-x] [two\nInfo:lines]\n");
}

TEST_F(Script, LookingForAVariableLeavesTheOptionsOfTheShellAlone) {
  link::RunScript script;
  script.variables["a"] = link::Confidential::of("found");
  run("set -eux; get_octopusvariable a; echo; echo $-", script);
  const std::string shown = lines();
  EXPECT_NE(shown.find("Info:found\n"), std::string::npos) << shown;
  EXPECT_NE(shown.find("Info:ehuxB\n"), std::string::npos) << shown;
  EXPECT_EQ(shown.find("middle="), std::string::npos) << "how it looks is not traced: " << shown;
}

TEST_F(Script, RefusesWhatItCannotRun) {
  link::RunScript script;
  script.syntax = "PowerShell";
  EXPECT_THROW(run("", script), Error);
  for (const char* name : {"../x", "/x", "a//b", ".fairlead/x", "Script.sh", ""}) {
    script = {};
    script.files.push_back({name, {}, false});
    EXPECT_THROW(run("", script), Error) << name;
  }
}

TEST_F(Script, ATimeLimitEndsItAndWhatItStarted) {
  link::RunScript script;
  script.timeout_ms = 300;
  const ScriptEnd end =
      run("trap '' TERM; (setsid sleep 1000 & echo $! ); echo begun; while :; do sleep 1000; done", script);
  EXPECT_EQ(end.outcome, link::Outcome::failed);
  EXPECT_EQ(end.error->fault(), Fault::timeout);
  const std::string shown = lines();
  EXPECT_NE(shown.find("begun"), std::string::npos);
  const auto pid = text::parse_int(shown.substr(5, shown.find('\n') - 5));
  ASSERT_TRUE(pid) << shown;
  EXPECT_NE(::kill(static_cast<pid_t>(*pid), 0), 0);
}

TEST_F(Script, ACancellationEndsIt) {
  started = [&] { cancel.cancel("cancelled by alice"); };
  const ScriptEnd end = run("sleep 1000");
  EXPECT_EQ(end.outcome, link::Outcome::cancelled);
  EXPECT_EQ(end.error->message(), "cancelled by alice");
}

TEST_F(Script, WhatItLeavesInTheBackgroundDoesNotOutliveIt) {
  EXPECT_EQ(run("(setsid bash -c 'sleep 1000' >/dev/null 2>&1 &) ; nohup sleep 1000 & echo done").outcome,
            link::Outcome::succeeded);
}

TEST_F(Script, BigAndBinaryOutputArrivesWhole) {
  const ScriptEnd end = run("for i in $(seq 20000); do echo \"line $i\"; done; head -c 300000 /dev/urandom");
  EXPECT_EQ(end.outcome, link::Outcome::succeeded);
  const std::string shown = lines();
  EXPECT_NE(shown.find("Info:line 1\n"), std::string::npos);
  EXPECT_NE(shown.find("Info:line 20000\n"), std::string::npos);
}

// A process that starts a script and is killed: the script and its detached child must be gone. The test waits on a
// pipe that both hold open: it ends when the last of them has ended.
TEST_F(Script, DiesWithItsWorkerHoweverThatEnds) {
  int pipe_ends[2];
  ASSERT_EQ(::pipe(pipe_ends), 0);
  const std::string fifo = folder + "/held";
  ASSERT_EQ(::mkfifo(fifo.c_str(), 0600), 0);
  const pid_t worker = ::fork();
  ASSERT_GE(worker, 0);
  if (worker == 0) {
    ::close(pipe_ends[0]);
    SupervisedProcess process({.program = "/bin/bash",
                               .arguments = {"-c", text::format("exec 9>{}; setsid sleep 1000 & sleep 1000", fifo)},
                               .environment = {"PATH=/usr/bin:/bin"},
                               .folder = "/"});
    static_cast<void>(!::write(pipe_ends[1], "s", 1));
    for (;;) ::pause();
  }
  ::close(pipe_ends[1]);
  char byte = 0;
  ASSERT_EQ(::read(pipe_ends[0], &byte, 1), 1);
  const file::Descriptor held(::open(fifo.c_str(), O_RDONLY));  // waits until the script has opened it
  ASSERT_TRUE(held.valid());
  ::kill(worker, SIGKILL);
  EXPECT_EQ(::read(held.get(), &byte, 1), 0);  // end of file: nobody has it open any more
  ::waitpid(worker, nullptr, 0);
  ::close(pipe_ends[0]);
}

TEST(ClusterConfig, KubeconfigTextIsReadBack) {
  kube::ClusterConfig config;
  config.server_url = "https://10.0.0.1:6443";
  config.token = Secret(std::string("t0k3n"));
  config.skip_tls_verification = true;
  const std::string text = kubeconfig_text(config, "shop");
  const kube::ClusterConfig back = kube::parse_kubeconfig(text, "test", "/");
  EXPECT_EQ(back.server_url, config.server_url);
  EXPECT_EQ(back.token, config.token);
  EXPECT_TRUE(back.skip_tls_verification);
  EXPECT_EQ(fingerprint(back), fingerprint(config));
  config.token = Secret(std::string("other"));
  EXPECT_NE(fingerprint(back), fingerprint(config));
  EXPECT_NE(text.find("\"namespace\":\"shop\""), std::string::npos);
  EXPECT_THROW(config_of({.name = "Machines-1"}, [](const link::Confidential&) { return Secret(); }), Error);
}

}  // namespace
}  // namespace fairlead::executor
