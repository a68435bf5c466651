// SPDX-License-Identifier: Apache-2.0
// Shells that are started ahead.
#include "executor/shell.h"

#include <gtest/gtest.h>
#include <poll.h>
#include <signal.h>

#include <filesystem>

#include "base/clock.h"
#include "base/file.h"
#include "executor/launcher.h"
#include "executor/script.h"

namespace fairlead::executor {
namespace {

struct ShellsTest : testing::Test {
  std::string folder = file::make_temporary_folder("shells");
  Launcher launcher;
  ManualClock clock;
  std::string kubeconfig;
  Shells shells{{.work_folder = folder, .grace_ms = 200, .launcher = &launcher}, clock};
  void TearDown() override {
    shells.drop();
    EXPECT_TRUE(std::filesystem::is_empty(folder)) << "what was never used is cleared away";
    file::remove_tree(folder);
  }
  // The working folder of the shell that is ready.
  std::string ready() const {
    const std::filesystem::directory_iterator first(folder);
    return first == std::filesystem::directory_iterator() ? std::string() : first->path().string();
  }
  std::string output_of(const std::string& body, link::RunScript script = {}) {
    CommandLog log(system_clock(), {}, 0);
    script.body = link::Confidential::of(body);
    const CancelSource cancel;
    ScriptContext context{.clock = system_clock(), .log = log, .cancel = cancel.token(), .shells = shells};
    context.open = [](const link::Confidential& value) { return Secret(value.plain); };
    context.kubeconfig = kubeconfig;
    const ScriptEnd end = run_script(script, context);
    EXPECT_EQ(end.outcome, link::Outcome::succeeded);
    std::string out;
    for (const link::LogLine& line : log.take(1 << 20).lines) out += line.category + ":" + line.text + "\n";
    return out;
  }
};

TEST_F(ShellsTest, TheReadyOneIsTakenOnceAndNobodySeesThatItWaited) {
  shells.prepare();
  shells.prepare();
  const std::string place = ready();
  EXPECT_EQ(output_of("echo \"$PWD ${REPLY-unset} $0\"; ls -A; ls /proc/$$/fd"),
            "Info:" + place + " unset " + place + "/.fairlead/bootstrap.sh\nInfo:.fairlead\nInfo:Script.sh\n" +
                "Info:0\nInfo:1\nInfo:2\nInfo:255\n");
  EXPECT_EQ(output_of("echo \"$PWD ${REPLY-unset} $0\"").find(place), std::string::npos);
}

TEST_F(ShellsTest, AScriptGetsItsVariablesArgumentsAndTheClusterInAReadyShell) {
  shells.prepare();
  const std::string place = ready();
  link::RunScript script;
  script.variables["a b"] = link::Confidential::of("it's");
  script.arguments = {link::Confidential::of("one two")};
  EXPECT_EQ(output_of("get_octopusvariable 'a b'; echo \" $# $1 $PWD ${KUBECONFIG-none}\"", script),
            "Info:it's 1 one two " + place + " none\n");
  kubeconfig = "{}";
  shells.prepare();
  EXPECT_EQ(output_of("cat \"$KUBECONFIG\"; echo; bash -c '[ -f \"$KUBECONFIG\" ] && echo exported'"),
            "Info:{}\nInfo:exported\n");
  script.environment["KUBECONFIG"] = link::Confidential::of("mine");
  EXPECT_EQ(output_of("echo $KUBECONFIG", script), "Info:mine\n");
}

// What Bash obeys when it begins must find the script's files.
TEST_F(ShellsTest, AFreshOneBeginsWhenTheFilesAreThere) {
  link::RunScript script;
  script.environment["BASH_ENV"] = link::Confidential::of("./setup.sh");
  script.environment["TMOUT"] = link::Confidential::of("1");
  script.files.push_back({"setup.sh", link::Confidential::of("echo set up"), false});
  EXPECT_EQ(output_of("echo $TMOUT", script), "Info:set up\nInfo:1\n");
}

TEST_F(ShellsTest, AScriptWithAnEnvironmentOfItsOwnGetsAFreshOne) {
  shells.prepare();
  const std::string place = ready();
  link::RunScript script;
  script.environment["BASH_ENV"] = link::Confidential::of("x");
  script.environment["my.name"] = link::Confidential::of("y");
  const std::string shown = output_of("pwd; env | grep -E '^(BASH_ENV|my.name)=' | sort", script);
  EXPECT_EQ(shown.find(place), std::string::npos) << shown;
  EXPECT_NE(shown.find("Info:BASH_ENV=x\nInfo:my.name=y\n"), std::string::npos) << shown;
  EXPECT_NE(output_of("pwd").find(place), std::string::npos) << "it is still ready for the next";
}

TEST_F(ShellsTest, OneThatWasEndedMeanwhileIsReplaced) {
  shells.prepare();
  const std::string removed = ready();
  file::remove_tree(removed);
  EXPECT_EQ(output_of("pwd").find(removed), std::string::npos);

  shells.prepare();
  const std::unique_ptr<Shell> shell = shells.take({});
  ASSERT_TRUE(shell->process().lives());
  ::kill(shell->process().supervisor_pid(), SIGKILL);
  pollfd wait{shell->process().status(), POLLIN, 0};
  while (::poll(&wait, 1, -1) < 0) {
  }
  EXPECT_FALSE(shell->process().lives());
}

TEST_F(ShellsTest, OneThatNobodyWantsEnds) {
  shells.prepare();
  const std::string place = ready();
  clock.advance(kKeepReadyShellUs - 1);
  shells.drop_idle();
  EXPECT_EQ(ready(), place);
  clock.advance(1);
  shells.drop_idle();
  EXPECT_EQ(ready(), "");
}

TEST_F(ShellsTest, WithoutBashItSaysWhatToDo) {
  Shells none({.work_folder = folder, .program = folder + "/no-bash", .launcher = &launcher}, clock);
  none.prepare();
  EXPECT_EQ(ready(), "");
  try {
    none.take({});
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.fault(), Fault::unavailable);
    EXPECT_NE(error.text().find("install bash"), std::string::npos) << error.text();
  }
}

}  // namespace
}  // namespace fairlead::executor
