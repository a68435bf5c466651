// SPDX-License-Identifier: Apache-2.0
#include "server/executor_gateway.h"

#include <condition_variable>
#include <set>

#include "base/bytes.h"
#include "base/error.h"
#include "base/log.h"
#include "base/text.h"
#include "features/targets/model.h"
#include "features/targets/rules.h"
#include "json/value.h"

namespace fairlead::server {

namespace {

namespace targets = features::targets;

// More lines than these go to the log's file before their result is taken.
constexpr std::size_t kMaxLinesWithResult = 200;
constexpr std::size_t kMaxLineBytesWithResult = 64 << 10;

engine::ActivityResult result_of(const link::Result& result) {
  if (result.outcome == link::Outcome::succeeded) return engine::ActivityResult::success(result.value);
  if (result.error) {
    Error error = link::error_of(*result.error);
    if (result.outcome == link::Outcome::cancelled && error.fault() != Fault::cancelled) {
      error = Error(Fault::cancelled, error.message());
    }
    return engine::ActivityResult::failed(std::move(error));
  }
  const Fault fault = result.outcome == link::Outcome::cancelled ? Fault::cancelled : Fault::bug;
  return engine::ActivityResult::failed(Error(fault, "the executor reported a failure without a reason"));
}

engine::LogEntry entry_of(const link::LogLine& line, const std::string& element) {
  engine::LogEntry entry;
  entry.element_id = element;
  if (line.progress) {
    entry.element.emplace();
    entry.element->id = element;
    entry.element->progress_percent = line.progress;
    entry.element->progress_message = line.text;
    return entry;
  }
  entry.line.emplace();
  entry.line->at = line.time;
  entry.line->category = engine::category_of(line.category).value_or(engine::Category::info);
  entry.line->text = line.text;
  entry.line->detail = line.detail;
  return entry;
}

}  // namespace

std::optional<link::ExecutorIdentity> ExecutorGateway::find_executor(const std::string& executor) {
  link::ExecutorIdentity identity;
  if (executor == targets::kBuiltInWorker) {
    identity.shared_secret = parts_.worker_secret;
    return identity;
  }
  const auto machine = parts_.store->read(
      [&](const store::Tx& tx) { return parts_.documents->find<targets::Machine>(tx, std::string_view(executor)); });
  if (!machine || machine->is_disabled || machine->public_key.empty()) return std::nullopt;
  identity.public_key = parse_base64(machine->public_key).value_or("");
  return identity;
}

// A target's health is what is known of its agent: connected, or not.
void ExecutorGateway::set_health(const link::SessionInfo& session) {
  if (session.executor == targets::kBuiltInWorker) return;
  parts_.store->write([&](store::Tx& tx) {
    auto machine = parts_.documents->find<targets::Machine>(tx, std::string_view(session.executor));
    if (!machine) return;
    machine->health_status = session.connected ? "Healthy" : "Unavailable";
    machine->status = session.connected ? "Online" : "Offline";
    machine->status_summary = session.connected ? text::format("The agent is connected from {}.", session.host)
                                                : "The agent is not connected.";
    if (session.connected && machine->endpoint.agent_details)
      machine->endpoint.agent_details->agent_version = session.version;
    parts_.documents->update(tx, *machine);
  });
}

void ExecutorGateway::on_session(const link::SessionInfo& session) {
  log::info(session.connected ? "an executor connected" : "an executor disconnected",
            {{"executor", session.executor}, {"host", session.host}, {"version", session.version}});
  set_health(session);
  if (!session.connected) return;
  parts_.engine->executor_connected(session.executor, session.incarnation, {session.executor});
  // Before its first status comes, which would be of activities that nobody knows here after a restart.
  for (const engine::Activity& activity : parts_.engine->pending_for(session.executor, {session.executor})) {
    remember(activity, false);
  }
  dispatcher_.try_run([this, executor = session.executor] { dispatch(executor); });
}

void ExecutorGateway::dispatch(const std::string& executor) {
  const auto session = parts_.hub->session(executor);
  if (!session || !session->connected) return;
  for (const engine::Activity& activity : parts_.engine->pending_for(executor, {executor})) {
    remember(activity, false);
    if (activity.state == engine::ActivityState::sent) {
      if (activity.incarnation == session->incarnation) send(activity, session->incarnation, lines_of(activity));
    } else if (parts_.engine->mark_sent(activity.key, executor, session->incarnation)) {
      send(activity, session->incarnation, lines_of(activity));
    }
    if (activity.cancel_requested) parts_.hub->cancel(executor, {activity.key, "the deployment was cancelled"});
  }
}

std::int64_t ExecutorGateway::lines_of(const engine::Activity& activity) {
  return activity.task.empty() ? 0 : parts_.log->next_offset(activity.task, activity.key);
}

void ExecutorGateway::send(const engine::Activity& activity, const std::string& incarnation, std::int64_t log_offset) {
  link::Command command;
  command.log_offset = log_offset;
  command.key = activity.key;
  command.kind = activity.command.kind;
  command.repeatable = activity.is_repeatable;
  command.payload = activity.command.payload;
  const link::Sent sent = parts_.hub->send(activity.selector, incarnation, std::move(command));
  if (sent == link::Sent::refused) {
    log::warning("a command could not be sent", {{"executor", activity.selector}, {"activity", activity.key}});
    parts_.engine->deliver(
        activity.key,
        engine::ActivityResult::failed(Error(
            Fault::unavailable, "The command is too large to be sent, or too many are waiting for this executor.")));
  }
}

std::optional<engine::Assignment> ExecutorGateway::assign(const engine::Activity& activity) {
  const auto session = parts_.hub->session(activity.selector);
  if (!session || !session->connected) return std::nullopt;
  return engine::Assignment{session->executor, session->incarnation};
}

void ExecutorGateway::offered(const engine::Activity& activity) {
  remember(activity, true);
  dispatcher_.try_run([this, activity] {
    if (activity.state == engine::ActivityState::sent) {
      send(activity, activity.incarnation, 0);
      return;
    }
    const auto session = parts_.hub->session(activity.selector);
    if (!session || !session->connected) return;  // on_session will find it
    if (parts_.engine->mark_sent(activity.key, activity.selector, session->incarnation)) {
      send(activity, session->incarnation, lines_of(activity));
    }
  });
}

void ExecutorGateway::cancelled(const engine::Activity& activity) {
  parts_.hub->cancel(activity.selector, {activity.key, "the deployment was cancelled"});
}

ExecutorGateway::Place ExecutorGateway::place_of(const std::string& key) {
  {
    const std::lock_guard lock(mutex_);
    const auto found = places_.find(key);
    if (found != places_.end()) return found->second;
  }
  const auto activity = parts_.engine->find_activity(key);
  if (!activity) return {};
  return {activity->task, activity->element, activity->long_lived, false};
}

void ExecutorGateway::remember(const engine::Activity& activity, bool is_new) {
  {
    const std::lock_guard lock(mutex_);
    if (!places_.emplace(activity.key, Place{activity.task, activity.element, activity.long_lived, is_new}).second)
      return;
  }
  if (activity.command.kind != link::kind::verify) return;
  const json::Value payload = json::parse(activity.command.payload.text, "the command");
  const json::Value* cluster = json::find(payload, "Cluster");
  const std::string target = cluster == nullptr ? "" : json::string_or(*cluster, "Name");
  parts_.live_objects->watch(activity.key, {activity.task, json::string_or(payload, "StepId"), target});
}

void ExecutorGateway::forget(const std::string& key) {
  {
    const std::lock_guard lock(mutex_);
    places_.erase(key);
  }
  parts_.live_objects->forget(key);
}

void ExecutorGateway::append_log(const link::Report& report, const Place& place) {
  if (report.log.empty() || place.task.empty()) return;
  {
    const std::lock_guard lock(mutex_);
    const auto found = places_.find(report.key);
    if (found != places_.end()) found->second.has_no_lines = false;
  }
  std::vector<engine::LogEntry> entries;
  entries.reserve(report.log.size());
  for (const link::LogLine& line : report.log) entries.push_back(entry_of(line, place.element));
  parts_.log->append(place.task, report.key, report.log_offset, entries);
}

std::vector<engine::LogEntry> ExecutorGateway::lines_with_result(const link::Report& report, const Place& place) {
  const bool taken = report.result && report.result->outcome != link::Outcome::stopped;
  if (!taken || place.task.empty() || report.log.size() > kMaxLinesWithResult) return {};
  std::size_t bytes = 0;
  for (const link::LogLine& line : report.log) bytes += line.text.size() + line.detail.size();
  if (report.log.empty() || bytes > kMaxLineBytesWithResult) return {};
  // An executor that was restarted sends its log from the beginning.
  const bool from_the_start = report.log_offset == 0 && !place.has_no_lines;
  const std::int64_t known = from_the_start ? parts_.log->next_offset(place.task, report.key) : report.log_offset;
  std::vector<engine::LogEntry> entries;
  for (std::size_t i = 0; i < report.log.size(); ++i) {
    if (report.log_offset + static_cast<std::int64_t>(i) >= known)
      entries.push_back(entry_of(report.log[i], place.element));
  }
  return entries;
}

void ExecutorGateway::on_reports(const std::string& executor, std::vector<link::Report> reports) {
  std::mutex mutex;
  std::condition_variable changed;
  std::size_t open = 0;
  std::exception_ptr failure;
  std::set<std::string> refused;  // results that nobody waits for any more
  for (link::Report& report : reports) {
    const Place place = place_of(report.key);
    const std::vector<engine::LogEntry> lines = lines_with_result(report, place);
    if (lines.empty()) append_log(report, place);
    if (!report.result) continue;
    if (report.result->outcome == link::Outcome::stopped) {
      // The lease ran out half-way; what is repeatable goes on from the cluster's state.
      dispatcher_.try_run([this, executor] { dispatch(executor); });
      continue;
    }
    {
      const std::lock_guard lock(mutex);
      ++open;
    }
    const auto write_lines = [log = parts_.log, task = place.task, lines](store::Tx& tx) {
      log->write(tx, task, lines);
    };
    parts_.engine->deliver(report.key, result_of(*report.result), write_lines,
                           [&](bool accepted, std::exception_ptr problem) {
                             const std::lock_guard lock(mutex);
                             if (problem) failure = problem;
                             if (!accepted && !problem) refused.insert(report.key);
                             --open;
                             changed.notify_all();
                           });
  }
  std::unique_lock lock(mutex);
  changed.wait(lock, [&] { return open == 0; });
  if (failure) std::rethrow_exception(failure);  // not acknowledged: the executor sends it again
  for (const link::Report& report : reports) {
    if (!report.result || report.result->outcome == link::Outcome::stopped) continue;
    // What a cancelled run's activity said last still belongs to its log. Of a result that came twice the place is
    // gone.
    if (refused.contains(report.key)) append_log(report, place_of(report.key));
    forget(report.key);
  }
}

void ExecutorGateway::on_status(const std::string&, link::StatusUpdate update) { parts_.live_objects->update(update); }

}  // namespace fairlead::server
