// SPDX-License-Identifier: Apache-2.0
#include "executor/script.h"

#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "base/file.h"
#include "base/text.h"
#include "executor/supervisor.h"

namespace fairlead::executor {
namespace {

void check_file_name(const std::string& name) {
  bool bad = name.empty() || name.size() > 1'000 || name.front() == '/' || name.find('\0') != std::string::npos;
  for (const std::string& part : text::split(name, '/'))
    bad = bad || part.empty() || part == "." || part == ".." || part == kOwnFolder;
  if (bad) throw invalid_at(name, "a working file needs a relative name without \"..\"");
}

void fill_mask(const link::RunScript& script, const ScriptContext& context, Mask& mask) {
  const auto add = [&](const link::Confidential& value) {
    if (value.secret()) mask.add(context.open(value));
  };
  for (const auto& [name, value] : script.variables) add(value);
  for (const auto& [name, value] : script.environment) add(value);
  for (const link::Confidential& value : script.arguments) add(value);
  for (const link::Confidential& value : script.mask) mask.add(context.open(value));
}

Environment environment_of(const link::RunScript& script, const ScriptContext& context) {
  Environment out;
  std::size_t bytes = 0;
  for (const auto& [name, value] : script.environment) {
    const Secret opened = context.open(value);
    if (name.empty() || name.find('=') != std::string::npos || name.find('\0') != std::string::npos ||
        opened.reveal().find('\0') != std::string_view::npos) {
      throw invalid_at(name, "not a name or value that an environment variable can have");
    }
    bytes += name.size() + opened.reveal().size();
    out[name] = std::string(opened.reveal());
  }
  if (bytes > kMaxEnvironmentBytes) {
    throw invalid(text::format("the environment variables of the script have {} bytes, more than {}", bytes,
                               kMaxEnvironmentBytes));
  }
  return out;
}

void write_files(const link::RunScript& script, const ScriptContext& context, const WorkFolder& folder) {
  for (const link::WorkingFile& file : script.files) {
    const std::size_t slash = file.name.rfind('/');
    if (slash != std::string::npos) file::make_folder(folder.path() + "/" + file.name.substr(0, slash));
    write_new_file(folder.path() + "/" + file.name, context.open(file.content).reveal(), file.executable ? 0700 : 0600);
  }
  write_new_file(folder.path() + "/Script.sh", context.open(script.body).reveal(), 0700);
  std::string kubeconfig;
  if (!context.kubeconfig.empty()) {
    write_new_file(folder.own("kubeconfig"), context.kubeconfig, 0600);
    if (!script.environment.contains("KUBECONFIG")) kubeconfig = folder.own("kubeconfig");
  }
  write_new_file(folder.own("variables"), variables_text(script, kubeconfig, context.open), 0600);
}

void check(const link::RunScript& script, const ScriptContext& context) {
  if (!text::equals_ignoring_case(script.syntax, "Bash")) {
    throw Error(Fault::unsupported, text::format("scripts in {} cannot be run here, only Bash", script.syntax))
        .with_help("write the script in Bash, or call another interpreter from it");
  }
  if (script.files.size() > kMaxWorkingFiles)
    throw invalid(text::format("more than {} working files", kMaxWorkingFiles));
  if (context.open(script.body).reveal().size() > kMaxScriptBytes) throw invalid("the script is too long");
  for (const link::WorkingFile& file : script.files) {
    check_file_name(file.name);
    if (file.name == "Script.sh") throw invalid_at(file.name, "this name is the script's own");
  }
}

// Wakes a poll() from another thread.
class Wake {
 public:
  Wake() : fd_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {}
  int fd() const { return fd_.get(); }
  void wake() const {
    const std::uint64_t one = 1;
    static_cast<void>(!::write(fd_.get(), &one, sizeof one));
  }

 private:
  const file::Descriptor fd_;
};

enum class Why { ended, cancelled, timed_out };

// Moves output into the log until the process has ended and both pipes are empty.
class Pump {
 public:
  Pump(SupervisedProcess& process, OutputReader& reader, const ScriptContext& context, std::int64_t timeout_ms)
      : process_(process), reader_(reader), context_(context) {
    if (timeout_ms > 0) deadline_us_ = context.clock.steady_us() + timeout_ms * kMillisecond;
  }

  Why run() {
    auto wake = std::make_shared<Wake>();
    const std::uint64_t ticket = context_.cancel.on_cancel([wake] { wake->wake(); });
    pollfd waits[4] = {{process_.out(), POLLIN, 0},
                       {process_.err(), POLLIN, 0},
                       {process_.status(), POLLIN, 0},
                       {wake->fd(), POLLIN, 0}};
    while (waits[0].fd >= 0 || waits[1].fd >= 0 || waits[2].fd >= 0) {
      ::poll(waits, 4, timeout());
      for (const int index : {0, 1}) {
        if (waits[index].revents != 0 && !read(waits[index].fd, index == 0 ? OutputReader::out : OutputReader::err))
          waits[index].fd = -1;
      }
      if (waits[2].revents != 0) {
        end = process_.end();
        waits[2].fd = -1;
      }
      if (context_.cancel.cancelled()) {
        waits[3].fd = -1;
        stop(Why::cancelled);
      }
      if (deadline_us_ != 0 && context_.clock.steady_us() >= deadline_us_) stop(Why::timed_out);
      context_.log.append(reader_.take_lines());
    }
    context_.cancel.forget(ticket);
    reader_.finish();
    context_.log.append(reader_.take_lines());
    return why_;
  }

  ProcessEnd end;

 private:
  int timeout() const {
    if (deadline_us_ == 0 || why_ != Why::ended) return -1;
    const std::int64_t left_ms = (deadline_us_ - context_.clock.steady_us()) / kMillisecond + 1;
    return static_cast<int>(std::clamp<std::int64_t>(left_ms, 0, 3'600'000));
  }
  // False at the end of the stream.
  bool read(int fd, OutputReader::Stream stream) {
    char buffer[64 << 10];
    const ssize_t size = ::read(fd, buffer, sizeof buffer);
    if (size > 0) reader_.feed(stream, std::string_view(buffer, static_cast<std::size_t>(size)));
    return size > 0 || (size < 0 && (errno == EAGAIN || errno == EINTR));
  }
  void stop(Why why) {
    if (why_ != Why::ended) return;
    why_ = why;
    process_.terminate();
  }

  SupervisedProcess& process_;
  OutputReader& reader_;
  const ScriptContext& context_;
  std::int64_t deadline_us_ = 0;
  Why why_ = Why::ended;
};

}  // namespace

ScriptEnd run_script(const link::RunScript& script, const ScriptContext& context) {
  check(script, context);
  Mask mask;
  fill_mask(script, context, mask);
  const std::shared_ptr<Shell> shell = context.shells.take(environment_of(script, context));
  write_files(script, context, shell->folder());
  OutputReader reader(context.clock, mask, context.seal);
  if (context.before_start) context.before_start();
  shell->go();
  if (context.started) context.started();
  Pump pump(shell->process(), reader, context, script.timeout_ms);
  const Why why = pump.run();
  const ProcessEnd end = pump.end;
  ScriptEnd out;
  out.shell = shell;
  out.result.exit_code = end.exit_code;
  out.result.outputs = reader.outputs();
  out.result.messages = reader.messages();
  out.result.lines = reader.line_count();
  out.result.lines_dropped = context.log.dropped();
  if (why == Why::timed_out) {
    out.error = Error(Fault::timeout, text::format("the script was stopped after {}, its time limit",
                                                   duration_text(script.timeout_ms * kMillisecond)));
  } else if (why == Why::cancelled) {
    out.outcome = link::Outcome::cancelled;
    out.error = Error(Fault::cancelled, context.cancel.reason());
  } else if (!end.known) {
    out.outcome = link::Outcome::lost;
    out.error = Error(Fault::unavailable, "outcome unknown: the script's supervisor was killed");
  } else if (end.exit_code != 0) {
    out.error =
        invalid(reader.result_message().empty() ? text::format("the script ended with exit code {}", end.exit_code)
                                                : reader.result_message());
  } else {
    out.outcome = link::Outcome::succeeded;
  }
  return out;
}

}  // namespace fairlead::executor
