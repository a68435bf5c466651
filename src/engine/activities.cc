// SPDX-License-Identifier: Apache-2.0
// Activities: asked for by wakes, performed by executors; and the slots of the tasks they belong to.
#include <algorithm>
#include <tuple>

#include "base/bytes.h"
#include "base/log.h"
#include "base/text.h"
#include "engine/engine_impl.h"

namespace fairlead::engine {

namespace {

std::string_view name_of(ActivityState state) {
  switch (state) {
    case ActivityState::queued: return "queued";
    case ActivityState::pending: return "pending";
    case ActivityState::sent: return "sent";
    case ActivityState::done: return "done";
  }
  return "pending";
}

// How often a reconnecting executor may put off the deadline of an expectation by Options::deadline_grace_us.
constexpr std::int64_t kMaxGraces = 10;

}  // namespace

void Engine::Impl::add_activity(store::Tx& tx, const LoadedRun& loaded, const NewWait& wait, Time due) {
  Activity activity;
  activity.key = loaded.id.value + "-" + sha256_hex(options.incarnation + "\n" + wait.path).substr(0, 16);
  activity.run = loaded.id;
  activity.path = wait.path;
  activity.task = loaded.task;
  activity.element = wait.element;
  activity.selector = wait.wish.subject;
  activity.command = wait.wish.command;
  activity.is_repeatable = wait.wish.options.is_repeatable;
  activity.long_lived = wait.wish.kind == detail::WaitKind::expectation;
  activity.created = clock.now();
  activity.deadline = due;
  if (activity.command.payload.text.size() > kMaxCommandBytes) {
    throw Error(Fault::bug, text::format("the command of \"{}\" has {} bytes; at most {}", wait.path,
                                         activity.command.payload.text.size(), kMaxCommandBytes))
        .with_help("Large data goes to blobs; the command names their digests.");
  }
  const bool costs_slot =
      !activity.long_lived && (options.counts ? options.counts(activity) : wait.wish.options.costs_slot);
  activity.state = costs_slot && !take_slot(tx, loaded.task) ? ActivityState::queued : ActivityState::pending;
  tx.run(
      "INSERT INTO activity (key, run, path, task, element, selector, command, payload, repeatable, long_lived, "
      "costs_slot, state, "
      "executor, incarnation, created, sent, deadline, cancel_requested) "
      "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, '', '', ?, 0, ?, 0)",
      activity.key, activity.run, activity.path, activity.task, activity.element, activity.selector,
      activity.command.kind, activity.command.payload.text, activity.is_repeatable, activity.long_lived, costs_slot,
      name_of(activity.state), activity.created, activity.deadline);
  if (activity.state == ActivityState::pending) offer(tx, std::move(activity));
}

void Engine::Impl::offer(store::Tx& tx, Activity activity) {
  if (sink == nullptr) return;
  if (const std::optional<Assignment> assignment = sink->assign(activity)) {
    activity.state = ActivityState::sent;
    activity.executor = assignment->executor;
    activity.incarnation = assignment->incarnation;
    activity.sent = clock.now();
    tx.run("UPDATE activity SET state = 'sent', executor = ?, incarnation = ?, sent = ? WHERE key = ?",
           activity.executor, activity.incarnation, activity.sent, activity.key);
  }
  tx.after_commit([this, activity = std::move(activity)] { sink->offered(activity); });
}

void Engine::Impl::withdraw(store::Tx& tx, const Activity& activity) {
  tx.run("DELETE FROM activity WHERE key = ?", activity.key);
  if (activity.state != ActivityState::sent || sink == nullptr) return;
  Activity cancelled = activity;
  cancelled.cancel_requested = true;
  tx.after_commit([this, cancelled = std::move(cancelled)] { sink->cancelled(cancelled); });
}

bool Engine::Impl::take_slot(store::Tx& tx, const std::string& task) {
  if (tx.integer("SELECT held_since FROM run_task WHERE task = ?", task).value_or(0) > 0) return true;
  if (tx.integer("SELECT COUNT(*) FROM run_task WHERE held_since > 0").value_or(0) >= options.task_cap) return false;
  tx.run("UPDATE run_task SET held_since = ? WHERE task = ?", clock.now(), task);
  if (options.on_slot) options.on_slot(tx, task, true);
  return true;
}

void Engine::Impl::release_slot(store::Tx& tx, const std::string& task) {
  const std::int64_t released = tx.run(
      "UPDATE run_task SET held_since = 0 WHERE task = ? AND held_since > 0 AND NOT EXISTS "
      "(SELECT 1 FROM activity WHERE task = ? AND costs_slot = 1)",
      task, task);
  if (released > 0 && options.on_slot) options.on_slot(tx, task, false);
}

void Engine::Impl::admit_tasks(store::Tx& tx) {
  while (const auto task =
             tx.text("SELECT t.task FROM activity a JOIN run_task t ON t.task = a.task WHERE a.state = 'queued' "
                     "ORDER BY t.rank DESC, t.position LIMIT 1")) {
    if (!take_slot(tx, *task)) return;
    for (Activity& activity : rows::activities(tx, "state = 'queued' AND task = ?", *task)) {
      tx.run("UPDATE activity SET state = 'pending' WHERE key = ?", activity.key);
      activity.state = ActivityState::pending;
      offer(tx, std::move(activity));
    }
  }
}

void Engine::Impl::lose(store::Tx& tx, const Activity& activity, const std::string& why) {
  if (activity.is_repeatable && !activity.cancel_requested) {
    tx.run("UPDATE activity SET state = 'pending', executor = '', incarnation = '', sent = 0 WHERE key = ?",
           activity.key);
    Activity again = activity;
    again.state = ActivityState::pending;
    again.executor.clear();
    again.incarnation.clear();
    return offer(tx, std::move(again));
  }
  const Error lost =
      Error(Fault::conflict, text::format("{}: {} after {} had started", kOutcomeUnknown, why, activity.command.kind))
          .with_help("Look at what it has done before you run it again.");
  tx.run("DELETE FROM activity WHERE key = ?", activity.key);
  if (rows::arrive(tx, activity.run, activity.path, EntryOutcome::error, encode_error(lost), clock.now())) {
    enqueue_after_commit(tx, activity.run);
  }
}

namespace {

// What the journal gets of a result.
std::pair<EntryOutcome, std::string> entry_of(std::string_view path, const ActivityResult& result) {
  if (result.failure) return rows::recordable(path, EntryOutcome::error, encode_error(*result.failure));
  return rows::recordable(path, EntryOutcome::value, result.value.text.empty() ? "{}" : result.value.text);
}

// Keys begin with their run (add_activity).
RunId run_of(std::string_view key) { return RunId(key.substr(0, key.rfind('-'))); }

}  // namespace

std::optional<RunId> Engine::Impl::deliver_in(store::Tx& tx, const std::string& key, const ActivityResult& result,
                                              Time now) {
  std::string path;
  RunId run;
  {
    store::Statement row = tx.query("DELETE FROM activity WHERE key = ? RETURNING run, path", key);
    if (!row.next()) return std::nullopt;
    run = RunId(row.view(0));
    path = row.text(1);
  }
  const auto [outcome, value] = entry_of(path, result);
  if (!rows::arrive(tx, run, path, outcome, value, now)) return std::nullopt;
  return run;
}

void Engine::Impl::take_in(LoadedRun& loaded, Delivery& delivery, Time now) {
  const auto waiting = std::find_if(loaded.waits.begin(), loaded.waits.end(),
                                    [&](const auto& wait) { return wait.second.activity == delivery.key; });
  if (waiting == loaded.waits.end()) return;
  delivery.expected = true;
  const std::string path = waiting->first;
  loaded.waits.erase(waiting);
  auto [outcome, value] = entry_of(path, delivery.result);
  ++loaded.arrivals;
  ++loaded.entries;
  loaded.bytes += static_cast<std::int64_t>(value.size());
  JournalEntry& entry = loaded.journal[path];
  entry.outcome = outcome;
  entry.seq = loaded.arrivals;
  entry.at = now;
  entry.value = std::move(value);
}

std::vector<Delivery> Engine::Impl::take_deliveries(const RunId& run) {
  const std::lock_guard lock(mutex);
  busy[run] = false;  // whatever had been announced until now will be seen by the load that follows
  const auto found = inbox.find(run);
  if (found == inbox.end()) return {};
  std::vector<Delivery> deliveries = std::move(found->second);
  inbox.erase(found);
  return deliveries;
}

void Engine::Impl::deliver(Delivery delivery) {
  const RunId run = run_of(delivery.key);
  {
    const std::lock_guard lock(mutex);
    if (!stopped && enqueue_locked(run)) {
      inbox[run].push_back(std::move(delivery));
      changed.notify_one();
      return;
    }
  }
  deliver_alone(std::move(delivery));
}

void Engine::Impl::deliver_alone(Delivery delivery) {
  const auto one = std::make_shared<Delivery>(std::move(delivery));
  const auto accepted = std::make_shared<bool>(false);
  store.write_async(
      [this, one, accepted](store::Tx& tx) {
        const std::optional<RunId> run = deliver_in(tx, one->key, one->result, clock.now());
        *accepted = run.has_value();
        if (!run) return;
        if (one->with) one->with(tx);
        enqueue_after_commit(tx, *run);
      },
      [one, accepted](std::exception_ptr failure) { one->done(failure == nullptr && *accepted, failure); });
}

bool is_outcome_unknown(const Error& error) { return error.message().starts_with(kOutcomeUnknown); }

void Engine::deliver(std::string key, ActivityResult result, std::function<void(store::Tx&)> with,
                     std::function<void(bool, std::exception_ptr)> done) {
  Delivery delivery;
  delivery.key = std::move(key);
  delivery.result = std::move(result);
  delivery.with = std::move(with);
  delivery.done = std::move(done);
  impl_->deliver(std::move(delivery));
}

bool Engine::deliver(const std::string& key, ActivityResult result) {
  return impl_->store.write([&](store::Tx& tx) {
    const std::optional<RunId> run = impl_->deliver_in(tx, key, result, impl_->clock.now());
    if (run) impl_->enqueue_after_commit(tx, *run);
    return run.has_value();
  });
}

std::vector<Activity> Engine::pending_for(const std::string& executor, const std::vector<std::string>& selectors) {
  return impl_->store.read([&](const store::Tx& tx) {
    std::vector<Activity> found = rows::activities(tx, "state = 'sent' AND executor = ?", executor);
    for (const std::string& selector : selectors) {
      for (Activity& activity : rows::activities(tx, "state = 'pending' AND selector = ?", selector))
        found.push_back(std::move(activity));
    }
    std::sort(found.begin(), found.end(), [](const Activity& a, const Activity& b) {
      return std::tie(a.created, a.key) < std::tie(b.created, b.key);
    });
    return found;
  });
}

std::optional<Activity> Engine::find_activity(const std::string& key) {
  return impl_->store.read([&](const store::Tx& tx) { return rows::activity(tx, key); });
}

bool Engine::mark_sent(const std::string& key, const std::string& executor, const std::string& incarnation) {
  return impl_->store.write([&](store::Tx& tx) {
    return tx.run(
               "UPDATE activity SET state = 'sent', executor = ?, incarnation = ?, sent = ? WHERE key = ? AND "
               "(state = 'pending' OR (state = 'sent' AND executor = ? AND incarnation = ?))",
               executor, incarnation, impl_->clock.now(), key, executor, incarnation) > 0;
  });
}

void Engine::executor_connected(const std::string& executor, const std::string& incarnation,
                                const std::vector<std::string>& selectors, const std::string& why) {
  impl_->store.write([&](store::Tx& tx) {
    const Time now = impl_->clock.now();
    const std::string text =
        why.empty() ? text::format("{} was restarted before {}", executor, rows::clock_text(now)) : why;
    for (const Activity& activity : rows::activities(tx, "state = 'sent' AND executor = ?", executor)) {
      if (activity.incarnation != incarnation) impl_->lose(tx, activity, text);
    }
    const std::int64_t grace = impl_->options.deadline_grace_us;
    for (const std::string& selector : selectors) {
      for (const Activity& activity : rows::activities(tx, "long_lived = 1 AND selector = ?", selector)) {
        if (activity.deadline.us == 0) continue;
        const Time due = std::min(now + grace, activity.deadline + kMaxGraces * grace);
        tx.run("UPDATE wait SET due = ? WHERE run = ? AND path = ? AND due < ?", due, activity.run, activity.path, due);
      }
    }
  });
}

void Engine::executor_lost(const std::string& executor, const std::string& why) {
  impl_->store.write([&](store::Tx& tx) {
    for (const Activity& activity : rows::activities(tx, "state = 'sent' AND executor = ?", executor))
      impl_->lose(tx, activity, why);
  });
}

}  // namespace fairlead::engine
