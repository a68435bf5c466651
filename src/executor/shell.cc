// SPDX-License-Identifier: Apache-2.0
#include "executor/shell.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>

#include "base/bytes.h"
#include "base/error.h"
#include "base/file.h"
#include "base/log.h"
#include "base/text.h"

namespace fairlead::executor {
namespace {

std::string inherited(const char* name, std::string_view otherwise) {
  const char* value = std::getenv(name);  // NOLINT: nobody sets variables while threads run
  return value != nullptr && *value != '\0' ? std::string(value) : std::string(otherwise);
}

}  // namespace

void write_new_file(const std::string& path, std::string_view content, unsigned mode) {
  const file::Descriptor fd(::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode));
  while (fd.valid() && !content.empty()) {
    const ssize_t written = ::write(fd.get(), content.data(), content.size());
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) break;
    content.remove_prefix(static_cast<std::size_t>(written));
  }
  if (!fd.valid() || !content.empty()) {
    throw Error(Fault::unavailable, text::format("cannot write a script's file {}: {}", path, std::strerror(errno)));
  }
}

WorkFolder::WorkFolder(const std::string& parent) : path_(parent + "/script-" + random_id().substr(0, 12)) {
  file::make_folder(own("tmp"));
}

WorkFolder::~WorkFolder() {
  try {
    file::remove_tree(path_);
  } catch (const Error& error) {
    log::warning("a script's folder stays behind", {{"folder", path_}, {"reason", error.message()}});
  }
}

std::string WorkFolder::own(std::string_view name) const { return text::format("{}/{}/{}", path_, kOwnFolder, name); }

Shell::Shell(const ShellOptions& options, Environment environment)
    : options_(options), environment_(std::move(environment)), folder_(options.work_folder) {
  if (::access(options.program.c_str(), X_OK) != 0) {
    throw Error(Fault::unavailable, text::format("there is no {} on this worker", options.program))
        .with_help("install bash");
  }
}

ProcessPlan Shell::plan() const {
  Environment all = environment_;  // what a script brings wins
  all.emplace("PATH", inherited("PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"));
  all.emplace("HOME", inherited("HOME", folder_.path()));
  all.emplace("LANG", "C.UTF-8");
  all.emplace("TMPDIR", folder_.own("tmp"));
  ProcessPlan plan;
  plan.program = options_.program;
  plan.arguments = {"--noprofile", "--norc", folder_.own("bootstrap.sh")};
  for (const auto& [name, value] : all) plan.environment.push_back(text::format("{}={}", name, value));
  plan.folder = folder_.path();
  plan.grace_ms = options_.grace_ms;
  plan.gated = true;
  return plan;
}

void Shell::start() {
  write_new_file(folder_.own("bootstrap.sh"), bootstrap_text(folder_), 0600);
  process_.emplace(plan(), options_.launcher);
}

void Shell::go() {
  if (!started()) start();
  process_->open_gate();
}

std::unique_ptr<Shell> Shells::take(const Environment& environment) {
  std::unique_ptr<Shell> found;
  if (environment.empty()) {
    const std::lock_guard lock(mutex_);
    found = std::move(ready_);
  }
  // One that somebody ended meanwhile, or whose folder is no longer there, is no use.
  if (found && found->process().lives() && file::exists(found->folder().own("tmp"))) return found;
  found.reset();
  return std::make_unique<Shell>(options_, environment);
}

void Shells::prepare() {
  {
    const std::lock_guard lock(mutex_);
    if (ready_) return;
  }
  std::unique_ptr<Shell> fresh;
  try {
    fresh = std::make_unique<Shell>(options_, Environment());
    fresh->start();
  } catch (...) {
    log::debug("no shell can be started ahead", {{"reason", error_of(std::current_exception()).message()}});
    return;
  }
  const std::lock_guard lock(mutex_);
  ready_.swap(fresh);  // another thread's, where it was quicker, ends with the function
  ready_since_us_ = clock_.steady_us();
}

void Shells::drop_idle() {
  std::unique_ptr<Shell> dropped;
  const std::lock_guard lock(mutex_);
  if (ready_ && clock_.steady_us() - ready_since_us_ >= kKeepReadyShellUs) dropped = std::move(ready_);
}

void Shells::drop() {
  std::unique_ptr<Shell> dropped;
  const std::lock_guard lock(mutex_);
  dropped = std::move(ready_);
}

}  // namespace fairlead::executor
