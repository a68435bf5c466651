// SPDX-License-Identifier: Apache-2.0
#include "executor/executor.h"

#include <algorithm>
#include <chrono>

#include "base/file.h"
#include "base/log.h"
#include "base/text.h"
#include "base/thread.h"
#include "executor/kube_commands.h"
#include "link/transport.h"

namespace fairlead::executor {
namespace {

// What is left of a script when its result is on its way: its supervisor's end, which is near, the shell of the next
// script, which is started while the server decides about that, and its folder.
class AfterScript {
 public:
  AfterScript(std::shared_ptr<Shell> shell, Shells& shells) : shell_(std::move(shell)), shells_(shells) {}
  ~AfterScript() {
    shell_->end();
    shells_.prepare();
  }
  AfterScript(const AfterScript&) = delete;
  AfterScript& operator=(const AfterScript&) = delete;

 private:
  const std::shared_ptr<Shell> shell_;
  Shells& shells_;
};

bool writes_to_cluster(std::string_view kind) { return kind == link::kind::apply || kind == link::kind::remove; }

}  // namespace

Executor::Executor(ExecutorOptions options, const Clock& clock)
    : options_(std::move(options)),
      clock_(clock),
      spool_(options_.data_folder + "/spool", clock),
      clusters_(http_, clock, options_.own_cluster),
      shells_({.work_folder = options_.data_folder + "/work", .program = options_.shell, .launcher = options_.launcher},
              clock),
      reports_(clock, [this](const std::string& key) { delivered(key); }),
      pool_("executor", options_.threads, options_.queue_limit) {
  // Folders of scripts that a killed predecessor could not clear away.
  file::remove_tree(options_.data_folder + "/work");
  file::make_folder(options_.data_folder + "/work");
}

Executor::~Executor() { stop(); }

void Executor::start(link::Dialer& dialer) {
  dialer_ = &dialer;
  last_sign_of_life_us_ = clock_.steady_us();
  reports_.start(dialer);
  recover();
  lease_thread_ = start_thread("deadlines", [this] { watch_deadlines(); });
}

void Executor::stop() {
  std::vector<std::shared_ptr<Running>> all;
  {
    const std::lock_guard lock(mutex_);
    if (stopped_) return;
    stopped_ = true;
    for (const auto& [key, running] : running_) all.push_back(running);
    changed_.notify_all();
  }
  for (const auto& running : all) stop_command(running, text::format("{} stops", options_.name));
  pool_.stop();
  shells_.drop();
  if (lease_thread_.joinable()) lease_thread_.join();
  reports_.stop();
}

std::size_t Executor::active() const {
  const std::lock_guard lock(mutex_);
  return static_cast<std::size_t>(
      std::count_if(running_.begin(), running_.end(), [](const auto& item) { return !item.second->done; }));
}

// What an earlier process began: its results go out, and what has none is lost. Their logs go first.
void Executor::recover() {
  for (const Unfinished& unfinished : spool_.unfinished()) {
    auto log = std::make_shared<CommandLog>(clock_, spool_.log_path(unfinished.key), 0);
    auto running = std::make_shared<Running>();
    running->command.key = unfinished.key;
    running->log = log;
    running->cancel = std::make_shared<CancelSource>();
    running->done = true;
    {
      const std::lock_guard lock(mutex_);
      running_.emplace(unfinished.key, running);
    }
    reports_.open(unfinished.key, log);
    link::Result result;
    if (unfinished.result) {
      result = *unfinished.result;
    } else {
      const Error error(Fault::unavailable,
                        text::format("outcome unknown: {} was ended after the script had started at {}", options_.name,
                                     iso8601(unfinished.started)));
      result.key = unfinished.key;
      result.outcome = link::Outcome::lost;
      result.error = link::failure_of(error);
      result.started = unfinished.started;
      result.finished = clock_.now();
      spool_.finish(result);
    }
    reports_.finish(std::move(result));
  }
}

Secret Executor::open(const link::Confidential& value) const {
  if (!value.transport.empty()) return link::open_sealed(options_.key, value.transport);
  if (!value.sealed.empty()) throw Error(Fault::bug, "a secret arrived in the server's own form");
  return Secret(value.plain);
}

CommandContext Executor::context_of(const Running& running) {
  return {.key = running.command.key,
          .clock = clock_,
          .log = running.log,
          .cancel = running.cancel->token(),
          .clusters = clusters_,
          .open = [this](const link::Confidential& value) { return open(value); },
          .version = options_.version};
}

void Executor::on_command(link::Command command, std::function<void()> taken) {
  const std::string key = command.key;
  {
    const std::lock_guard lock(mutex_);
    if (stopped_) return;  // not taken: the successor gets it
    const auto found = running_.find(key);
    if (found != running_.end()) {
      if (found->second->was_stopped && !found->second->again) {
        found->second->again = std::move(command);
        found->second->again_taken = std::move(taken);
        return;
      }
      taken();
      return;
    }
  }
  const CommandState state = spool_.state(key);
  if (state == CommandState::ended && !command.repeatable) {
    taken();
    refuse(command, link::Outcome::lost,
           Error(Fault::conflict, "this command ended before and its result was delivered; it is not run again"));
    return;
  }
  auto running = std::make_shared<Running>();
  running->started = clock_.now();
  running->started_us = clock_.steady_us();
  running->cancel = std::make_shared<CancelSource>();
  running->needs_lease = writes_to_cluster(command.kind);
  try {
    running->log = std::make_shared<CommandLog>(clock_, command.repeatable ? std::string() : spool_.log_path(key),
                                                command.log_offset);
  } catch (const Error& error) {
    taken();
    refuse(command, link::Outcome::failed, error);
    return;
  }
  const bool repeatable = command.repeatable;
  running->command = std::move(command);
  {
    const std::lock_guard lock(mutex_);
    running_.emplace(key, running);
    if (running->needs_lease) announce_deadline();
  }
  reports_.open(key, running->log);
  // A repeatable command needs no memory: should this process die, the server sends it again.
  if (repeatable) taken();
  const auto when_taken = repeatable ? std::function<void()>([] {}) : taken;
  if (!pool_.try_run([this, key, when_taken] { run(key, when_taken); })) {
    when_taken();
    complete(key, CommandEnd::failure(Error(Fault::unavailable, text::format("{} has {} commands waiting already",
                                                                             options_.name, options_.queue_limit))));
  }
}

// A command that is answered without being begun.
void Executor::refuse(const link::Command& command, link::Outcome outcome, const Error& error) {
  auto log = std::make_shared<CommandLog>(clock_, std::string(), command.log_offset);
  reports_.open(command.key, log);
  link::Result result;
  result.key = command.key;
  result.outcome = outcome;
  result.error = link::failure_of(error);
  result.started = result.finished = clock_.now();
  reports_.finish(std::move(result));
}

void Executor::run(const std::string& key, const std::function<void()>& taken) {
  std::shared_ptr<Running> running;
  {
    const std::lock_guard lock(mutex_);
    const auto found = running_.find(key);
    if (found == running_.end()) return;
    running = found->second;
    if (stopped_) {  // never begun: the successor of this process is sent it
      running_.erase(found);
      return;
    }
  }
  CommandEnd end;
  try {
    const CommandContext context = context_of(*running);
    // Never begun is no loss: a non-repeatable command that was cancelled while it waited leaves no trace in the spool.
    context.cancel.check();
    std::function<void()> before_start = taken;
    if (!running->command.repeatable) {
      before_start = [this, taken, announced = spool_.announce(key)] {
        spool_.wait_durable(announced);
        taken();
      };
    }
    // A script says itself when it begins: what can be made ready is made while the spool is being synced.
    if (running->command.kind != link::kind::script) before_start();
    if (running->command.kind == link::kind::verify) {
      verify(running->command, context);
      return;
    }
    if (running->command.kind == link::kind::apply) {
      apply(running->command, context);
      return;
    }
    end = dispatch(running->command, context, before_start);
  } catch (...) {
    taken();
    end = CommandEnd::failure(fairlead::error_of(std::current_exception()));
  }
  // Clearing away is no part of the time that the next command waits for.
  const std::shared_ptr<void> leftovers = end.leftovers;
  complete(key, std::move(end));
}

CommandEnd Executor::dispatch(const link::Command& command, const CommandContext& context,
                              const std::function<void()>& before_start) {
  const std::string& payload = command.payload.text;
  if (command.kind == link::kind::script) return script(command, context, before_start);
  if (command.kind == link::kind::remove) return run_delete(json::decode<link::Delete>(payload), context);
  if (command.kind == link::kind::check_health)
    return run_check_health(json::decode<link::CheckHealth>(payload), context);
  throw Error(Fault::unsupported,
              text::format("this executor (version {}) does not know the command {}", options_.version, command.kind))
      .with_help("upgrade it");
}

CommandEnd Executor::script(const link::Command& command, const CommandContext& context,
                            const std::function<void()>& before_start) {
  if (command.repeatable) throw Error(Fault::bug, "a script was sent as a repeatable command");
  const auto run = json::decode<link::RunScript>(command.payload.text);
  std::string server_key;
  {
    const std::lock_guard lock(mutex_);
    server_key = server_public_key_;
  }
  ScriptContext script_context{.clock = clock_, .log = *context.log, .cancel = context.cancel, .shells = shells_};
  script_context.open = context.open;
  script_context.before_start = before_start;
  script_context.seal = [server_key](const Secret& value) {
    return link::Confidential{.transport = link::seal_for(server_key, value)};
  };
  if (run.cluster) {
    script_context.kubeconfig = kubeconfig_text(
        run.cluster->own ? clusters_.of(*run.cluster, context.open)->config() : config_of(*run.cluster, context.open),
        run.cluster_namespace);
  }
  const ScriptEnd ended = run_script(run, script_context);
  return {ended.outcome, ended.error, json::encode(ended.result), std::make_shared<AfterScript>(ended.shell, shells_)};
}

void Executor::verify(const link::Command& command, const CommandContext& context) {
  const std::string key = command.key;
  const auto verification = std::make_shared<Verification>(
      json::decode<link::Verify>(command.payload.text), context,
      [this](const std::string& slot, const link::StatusUpdate& update) { dialer_->send_status(slot, update); },
      [this, key](CommandEnd end) { complete(key, std::move(end)); });
  verification->start();
  watch_over(verification, context, 0);
}

// With the mutex.
void Executor::announce_deadline() {
  deadline_added_ = true;
  changed_.notify_all();
}

void Executor::watch_over(const std::shared_ptr<Verification>& verification, const CommandContext& context,
                          std::int64_t look_until_us) {
  bool cancelled = false;
  {
    const std::lock_guard lock(mutex_);
    const auto found = running_.find(context.key);
    if (found != running_.end()) {
      found->second->verification = verification;
      found->second->look_until_us = look_until_us;
    }
    cancelled = context.cancel.cancelled();
    if (look_until_us != 0) announce_deadline();
  }
  if (cancelled) verification->cancel(context.cancel.reason());
}

namespace {

// How long an apply waits for a verdict before it answers without one.
constexpr std::int64_t kLookUs = 500 * kMillisecond;

link::Verify look_of(const link::Apply& apply, const link::ApplyResult& result) {
  link::Verify verify;
  verify.cluster = apply.cluster;
  for (const link::ObjectOutcome& outcome : result.objects) verify.objects.push_back(outcome.object);
  verify.timeout_ms = 0;  // given up from outside
  verify.wait_for_jobs = apply.wait_for_jobs;
  verify.fail_fast = false;
  verify.mask = apply.mask;
  return verify;
}

// The answer of an apply whose look has ended: with the verdict where there is one.
CommandEnd with_verdict(link::ApplyResult result, const CommandEnd& look) {
  if (look.outcome == link::Outcome::succeeded) {
    auto seen = json::decode<link::VerifyResult>(look.value);
    if (seen.verdict != link::Verdict::timed_out) result.verified = std::move(seen);
  }
  return CommandEnd::success(json::encode(result));
}

}  // namespace

void Executor::apply(const link::Command& command, const CommandContext& context) {
  const std::string key = command.key;
  const auto apply = json::decode<link::Apply>(command.payload.text);
  const auto result = std::make_shared<link::ApplyResult>();
  CommandEnd end = run_apply(apply, context, *result);
  if (end.outcome != link::Outcome::succeeded || !apply.will_verify || apply.dry_run || result->objects.empty()) {
    return complete(key, std::move(end));
  }
  const auto look = std::make_shared<Verification>(
      look_of(apply, *result), context, Verification::SendStatus(),
      [this, key, result](const CommandEnd& seen) { complete(key, with_verdict(*result, seen)); });
  try {
    look->start();
  } catch (const Error&) {
    return complete(key, std::move(end));  // the verification that follows will say why
  }
  watch_over(look, context, clock_.steady_us() + kLookUs);
}

void Executor::complete(const std::string& key, CommandEnd end) {
  std::shared_ptr<Running> running;
  {
    const std::lock_guard lock(mutex_);
    const auto found = running_.find(key);
    if (found == running_.end() || found->second->done) return;
    running = found->second;
    running->done = true;
    running->verification.reset();
    const bool not_asked_for = end.outcome == link::Outcome::cancelled && (running->lease_ended || stopped_);
    if (not_asked_for && running->command.repeatable) {
      end.outcome = link::Outcome::stopped;
      running->was_stopped = true;
    } else if (not_asked_for) {
      end.outcome = link::Outcome::failed;
      end.error =
          Error(Fault::unavailable, text::format("{} while the script ran; it was ended midway", end.error->message()));
    }
  }
  // How it ended is said once in the task's log, by the run that asked for it.
  link::Result result;
  result.key = key;
  result.outcome = end.outcome;
  if (end.error) result.error = link::failure_of(*end.error);
  result.value.text = std::move(end.value);
  result.started = running->started;
  result.finished = clock_.now();
  if (!running->command.repeatable && spool_.state(key) == CommandState::started) {
    try {
      spool_.finish(result);
    } catch (const Error& error) {
      // The result still goes out from memory; should this process die before, the command is reported as lost.
      log::error("a result cannot be spooled", {{"reason", error.text()}});
    }
  }
  reports_.finish(std::move(result));
}

void Executor::delivered(const std::string& key) {
  std::shared_ptr<Running> running;
  {
    const std::lock_guard lock(mutex_);
    const auto found = running_.find(key);
    if (found != running_.end()) {
      running = found->second;
      running_.erase(found);
    }
    changed_.notify_all();
  }
  try {
    spool_.end(key);
  } catch (const Error& error) {
    log::error("the spool cannot be written", {{"reason", error.text()}});
  }
  if (running && running->again) {
    running->again->log_offset = std::max(running->again->log_offset, running->log->next_offset());
    on_command(std::move(*running->again), std::move(running->again_taken));
  }
}

bool Executor::wait_delivered(std::int64_t us) {
  std::unique_lock lock(mutex_);
  return changed_.wait_for(lock, std::chrono::microseconds(us), [&] { return reports_.open_count() == 0; });
}

void Executor::stop_command(const std::shared_ptr<Running>& running, const std::string& reason) {
  std::shared_ptr<Verification> verification;
  {
    const std::lock_guard lock(mutex_);
    if (running->done) return;
    verification = running->verification;
  }
  running->cancel->cancel(reason);
  if (verification) verification->cancel(reason);
}

void Executor::on_cancel(link::Cancel cancel) {
  std::shared_ptr<Running> running;
  {
    const std::lock_guard lock(mutex_);
    const auto found = running_.find(cancel.key);
    if (found == running_.end()) return;
    running = found->second;
  }
  // On a thread of its own: ending a verification waits for its mirror.
  const std::string reason = cancel.reason.empty() ? std::string("cancelled") : cancel.reason;
  if (!pool_.try_run([this, running, reason] { stop_command(running, reason); })) running->cancel->cancel(reason);
}

void Executor::on_connected(const link::Connected& connected) {
  const std::string known = spool_.server_incarnation();
  std::vector<std::shared_ptr<Running>> dropped;
  {
    const std::lock_guard lock(mutex_);
    server_public_key_ = connected.server_public_key;
    last_sign_of_life_us_ = clock_.steady_us();
    if (!known.empty() && known != connected.server_incarnation) {
      for (const auto& [key, running] : running_) dropped.push_back(running);
      running_.clear();
    }
  }
  if (known == connected.server_incarnation) return;
  if (!known.empty()) {
    log::warning("the server's database is another one now; what was held for the old one is dropped",
                 {{"commands", dropped.size()}});
    reports_.drop_all();
  }
  spool_.change_server_incarnation(connected.server_incarnation);
  for (const auto& running : dropped) {
    pool_.try_run([this, running] {
      stop_command(running, "the server was restored from a backup and no longer knows this command");
    });
  }
}

void Executor::on_ready() {
  std::vector<std::shared_ptr<Verification>> verifications;
  {
    const std::lock_guard lock(mutex_);
    for (const auto& [key, running] : running_) {
      if (running->verification) verifications.push_back(running->verification);
    }
  }
  for (const auto& verification : verifications) verification->send_snapshot();
}

void Executor::on_disconnected(const std::string&) {}

void Executor::on_acknowledged(std::uint64_t tag) { reports_.acknowledged(tag); }

void Executor::on_sign_of_life() {
  const std::lock_guard lock(mutex_);
  last_sign_of_life_us_ = clock_.steady_us();
}

std::vector<std::string> Executor::running() {
  const std::lock_guard lock(mutex_);
  std::vector<std::string> keys;
  keys.reserve(running_.size());
  for (const auto& [key, running] : running_) keys.push_back(key);
  return keys;
}

// Ends looks whose moment has passed, and commands whose lease has run out; gives idle clusters up on the way.
void Executor::watch_deadlines() {
  constexpr std::int64_t kIdleRoundUs = kMinute;
  std::unique_lock lock(mutex_);
  while (!stopped_) {
    deadline_added_ = false;
    const std::int64_t now_us = clock_.steady_us();
    std::int64_t next_us = now_us + kIdleRoundUs;
    std::vector<std::shared_ptr<Verification>> looks_ended;
    std::vector<std::pair<std::shared_ptr<Running>, std::string>> leases_ended;
    for (const auto& [key, running] : running_) {
      if (running->done) continue;
      if (running->look_until_us != 0 && running->look_until_us <= now_us) {
        running->look_until_us = 0;
        if (running->verification) looks_ended.push_back(running->verification);
      } else if (running->look_until_us != 0) {
        next_us = std::min(next_us, running->look_until_us);
      }
      if (!running->needs_lease || running->lease_ended) continue;
      const std::int64_t due_us =
          std::max(running->started_us, last_sign_of_life_us_) + std::max(1, running->command.lease_seconds) * kSecond;
      if (due_us > now_us) {
        next_us = std::min(next_us, due_us);
        continue;
      }
      running->lease_ended = true;
      leases_ended.emplace_back(running,
                                text::format("the server has not been heard for {} s", running->command.lease_seconds));
    }
    lock.unlock();
    for (const auto& look : looks_ended) look->cancel("nothing can be said yet");
    for (const auto& [running, reason] : leases_ended) stop_command(running, reason);
    clusters_.drop_idle();
    shells_.drop_idle();
    lock.lock();
    changed_.wait_for(lock, std::chrono::microseconds(next_us - now_us), [&] { return stopped_ || deadline_added_; });
  }
}

}  // namespace fairlead::executor
