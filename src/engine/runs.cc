// SPDX-License-Identifier: Apache-2.0
// Runs from outside: start, cancel, answer, look, forget; and the locks between them.
#include "base/bytes.h"
#include "base/text.h"
#include "engine/engine_impl.h"

namespace fairlead::engine {

RunId Engine::Impl::start(store::Tx& tx, const StartRun& start, const RunId& parent, const std::string& parent_path) {
  if (!start.key.empty()) {
    if (const auto existing = tx.text("SELECT id FROM run WHERE start_key = ?", start.key)) return RunId(*existing);
  }
  const Definition* definition = find_definition(start.kind, start.version);
  if (definition == nullptr) {
    throw Error(Fault::bug, text::format("no definition of runs is called {} version {}", start.kind, start.version));
  }
  if (start.input.text.size() > kMaxEntryBytes) {
    throw Error(Fault::invalid, text::format("the input of a run of {} has {} bytes; at most {}", start.kind,
                                             start.input.text.size(), kMaxEntryBytes));
  }
  const Time now = clock.now();
  const RunId id(options.new_run_id ? options.new_run_id() : timed_id(now.us / 1000));
  const std::string& task = start.task.empty() ? id.value : start.task;
  const std::optional<std::string_view> key =
      start.key.empty() ? std::nullopt : std::optional<std::string_view>(start.key);
  const std::optional<std::string_view> parent_id =
      parent.empty() ? std::nullopt : std::optional<std::string_view>(parent.value);
  tx.run(
      "INSERT INTO run (id, kind, version, start_key, parent, parent_path, task, state, outcome, epoch, arrivals, "
      "seen, entries, bytes, "
      "cancelled, created, ended, input) VALUES (?, ?, ?, ?, ?, ?, ?, 'ready', 'none', 0, 0, -1, 0, 0, 0, ?, 0, ?)",
      id, start.kind, definition->version, key, parent_id, parent_path, task, now, start.input.text);
  if (!tx.integer("SELECT position FROM run_task WHERE task = ?", task)) {
    tx.run("INSERT INTO run_task (task, rank, position, held_since) VALUES (?, ?, ?, 0)", task, start.rank,
           tx.next_number("run_task"));
  }
  if (start.deadline_us > 0) {
    const Time due = now + start.deadline_us;
    tx.run("INSERT INTO wait (run, path, kind, subject, since, due, is_date) VALUES (?, '', 'deadline', '', ?, ?, 0)",
           id, now, due);
    note_due(tx, due);
  }
  enqueue_after_commit(tx, id);
  return id;
}

bool Engine::Impl::cancel(store::Tx& tx, const RunId& run, Fault fault, const std::string& reason) {
  const Time now = clock.now();
  const std::int64_t changes = tx.run(
      "UPDATE run SET cancelled = ?, cancel_fault = ?, cancel_reason = ?, arrivals = arrivals + 1, state = 'ready' "
      "WHERE id = ? AND state <> 'ended' AND cancelled = 0",
      now, fairlead::name_of(fault), reason, run);
  if (changes == 0) return false;
  const Time due = budgets.activities_until(now);
  tx.run(
      "INSERT INTO wait (run, path, kind, subject, since, due, is_date) VALUES (?, '', 'poke', '', ?, ?, 0) "
      "ON CONFLICT (run, path) DO UPDATE SET kind = excluded.kind, due = excluded.due",
      run, now, due);
  note_due(tx, due);
  for (const Activity& activity : rows::activities(tx, "run = ?", run.value)) {
    if (activity.state != ActivityState::sent) {
      tx.run("DELETE FROM activity WHERE key = ?", activity.key);
    } else if (!activity.long_lived) {
      tx.run("UPDATE activity SET cancel_requested = 1 WHERE key = ?", activity.key);
      if (sink != nullptr) {
        Activity cancelled = activity;
        cancelled.cancel_requested = true;
        tx.after_commit([this, cancelled] { sink->cancelled(cancelled); });
      }
    }
  }
  for (const RunId& child : rows::children(tx, run)) cancel(tx, child, fault, reason);
  enqueue_after_commit(tx, run);
  return true;
}

void Engine::Impl::request_lock(store::Tx& tx, const RunId& run, const std::string& path, const std::string& key) {
  tx.run(
      "INSERT INTO run_lock (run, path, key, ticket, granted) VALUES (?, ?, ?, "
      "(SELECT COALESCE(MAX(ticket), 0) + 1 FROM run_lock WHERE key = ?), 0)",
      run, path, key, key);
  grant_lock(tx, key);
}

void Engine::Impl::grant_lock(store::Tx& tx, const std::string& key) {
  std::string run;
  std::string path;
  {
    store::Statement first =
        tx.query("SELECT run, path, granted FROM run_lock WHERE key = ? ORDER BY ticket LIMIT 1", key);
    if (!first.next() || first.boolean(2)) return;
    run = first.text(0);
    path = first.text(1);
  }
  tx.run("UPDATE run_lock SET granted = 1 WHERE run = ? AND path = ?", run, path);
  const RunId id{run};
  if (rows::arrive(tx, id, path, EntryOutcome::value, "{}", clock.now())) enqueue_after_commit(tx, id);
}

void Engine::Impl::release_lock(store::Tx& tx, const RunId& run, const std::string& path) {
  if (const auto key = tx.text("DELETE FROM run_lock WHERE run = ? AND path = ? RETURNING key", run, path)) {
    grant_lock(tx, *key);
  }
}

void Engine::Impl::release_locks(store::Tx& tx, const RunId& run) {
  std::vector<std::string> keys;
  {
    store::Statement held = tx.query("SELECT key FROM run_lock WHERE run = ?", run);
    while (held.next()) keys.push_back(held.text(0));
  }
  tx.run("DELETE FROM run_lock WHERE run = ?", run);
  for (const std::string& key : keys) grant_lock(tx, key);
}

RunId Engine::start(store::Tx& tx, const StartRun& start) { return impl_->start(tx, start, RunId(), ""); }

bool Engine::cancel(store::Tx& tx, const RunId& run, const std::string& reason) {
  return impl_->cancel(tx, run, Fault::cancelled, reason);
}

bool Engine::answer(store::Tx& tx, const RunId& run, const std::string& path, const json::Raw& answer) {
  if (tx.text("SELECT kind FROM wait WHERE run = ? AND path = ?", run, path) != "answer") return false;
  const auto [outcome, value] = rows::recordable(path, EntryOutcome::value, answer.text);
  if (!rows::arrive(tx, run, path, outcome, value, impl_->clock.now())) return false;
  impl_->enqueue_after_commit(tx, run);
  return true;
}

namespace {

RunState state_of(std::string_view name) {
  if (name == "ready") return RunState::ready;
  return name == "waiting" ? RunState::waiting : RunState::ended;
}

RunOutcome outcome_of(std::string_view name) {
  for (const RunOutcome outcome :
       {RunOutcome::success, RunOutcome::failed, RunOutcome::canceled, RunOutcome::stopped}) {
    if (name == name_of(outcome)) return outcome;
  }
  return RunOutcome::none;
}

}  // namespace

std::optional<RunInfo> Engine::find(const store::Tx& tx, const RunId& run) const {
  store::Statement row = tx.query(
      "SELECT kind, version, task, state, outcome, cancelled, result, error, created, ended FROM run WHERE id = ?",
      run);
  if (!row.next()) return std::nullopt;
  RunInfo info;
  info.id = run;
  info.kind = row.text(0);
  info.version = static_cast<int>(row.integer(1));
  info.task = row.text(2);
  info.state = state_of(row.view(3));
  info.outcome = outcome_of(row.view(4));
  info.cancel_requested = row.integer(5) != 0;
  info.result.text = row.text(6);
  if (!row.is_null(7) && !row.view(7).empty()) info.error = decode_error(row.view(7));
  info.created = row.time(8);
  info.ended = row.time(9);
  return info;
}

std::vector<WaitInfo> Engine::waits(const store::Tx& tx, const RunId& run) const {
  std::vector<WaitInfo> found;
  store::Statement rows = tx.query(
      "SELECT path, kind, subject, due, since FROM wait WHERE run = ? AND path <> '' ORDER BY since, path", run);
  while (rows.next()) found.push_back({rows.text(0), rows.text(1), rows.text(2), rows.time(3), rows.time(4)});
  return found;
}

void Engine::set_rank(store::Tx& tx, const std::string& task, std::int64_t rank) {
  tx.run("UPDATE run_task SET rank = ? WHERE task = ?", rank, task);
}

std::int64_t Engine::prune(store::Tx& tx, Time before, int limit) {
  std::vector<std::string> runs;
  {
    store::Statement roots = tx.query(
        "SELECT id FROM run r WHERE ended > 0 AND ended < ? AND parent IS NULL AND NOT EXISTS "
        "(SELECT 1 FROM run c WHERE c.parent = r.id AND c.state <> 'ended') ORDER BY ended LIMIT ?",
        before, limit);
    while (roots.next()) runs.push_back(roots.text(0));
  }
  for (std::size_t i = 0; i < runs.size(); ++i) {  // grows by the children of what it visits
    const std::string run = runs[i];
    store::Statement rows = tx.query("SELECT id FROM run WHERE parent = ?", run);
    while (rows.next()) runs.push_back(rows.text(0));
  }
  for (const std::string& run : runs) {
    tx.run("DELETE FROM journal WHERE run = ?", run);
    tx.run("DELETE FROM run_blob WHERE run = ?", run);
    const auto task = tx.text("DELETE FROM run WHERE id = ? RETURNING task", run);
    if (task)
      tx.run("DELETE FROM run_task WHERE task = ? AND NOT EXISTS (SELECT 1 FROM run WHERE task = ?)", *task, *task);
  }
  return static_cast<std::int64_t>(runs.size());
}

}  // namespace fairlead::engine
