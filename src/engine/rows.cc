// SPDX-License-Identifier: Apache-2.0
#include "engine/rows.h"

#include "base/bytes.h"
#include "base/text.h"

namespace fairlead::engine::rows {

namespace {

Fault cancel_fault_of(std::string_view name) {
  return name == name_of(Fault::timeout) ? Fault::timeout : Fault::cancelled;
}

ActivityState activity_state_of(std::string_view name) {
  if (name == "queued") return ActivityState::queued;
  if (name == "pending") return ActivityState::pending;
  return ActivityState::sent;
}

void load_journal(const store::Tx& tx, LoadedRun& run) {
  store::Statement rows = tx.query("SELECT path, outcome, seq, at, value, digest FROM journal WHERE run = ?", run.id);
  while (rows.next()) {
    JournalEntry& entry = run.journal[rows.text(0)];
    entry.outcome = entry_outcome_of(rows.view(1));
    entry.seq = rows.integer(2);
    entry.at = rows.time(3);
    if (rows.is_null(5)) {
      entry.value = rows.text(4);
    } else {
      entry.digest = rows.text(5);
    }
  }
}

void load_waits(const store::Tx& tx, LoadedRun& run) {
  store::Statement rows = tx.query(
      "SELECT w.path, w.kind, a.state, a.key FROM wait w LEFT JOIN activity a ON a.run = w.run AND a.path = w.path "
      "WHERE w.run = ? AND w.path <> ''",
      run.id);
  while (rows.next()) {
    KnownWait& wait = run.waits[rows.text(0)];
    wait.kind = rows.text(1);
    if (rows.is_null(2)) continue;
    wait.sent = rows.view(2) == "sent";
    wait.activity = rows.text(3);
  }
}

}  // namespace

std::optional<LoadedRun> load(const store::Tx& tx, const RunId& id, JournalCache* recent) {
  LoadedRun run;
  {
    store::Statement row = tx.query(
        "SELECT kind, version, task, parent, parent_path, epoch, arrivals, seen, entries, bytes, cancelled, "
        "cancel_fault, cancel_reason, "
        "created, input FROM run WHERE id = ? AND state <> 'ended'",
        id);
    if (!row.next()) return std::nullopt;
    run.id = id;
    run.kind = row.text(0);
    run.version = static_cast<int>(row.integer(1));
    run.task = row.text(2);
    run.parent = RunId(row.view(3));
    run.parent_path = row.text(4);
    run.epoch = row.integer(5);
    run.arrivals = row.integer(6);
    run.seen = row.integer(7);
    run.entries = row.integer(8);
    run.bytes = row.integer(9);
    run.cancelled = row.time(10);
    run.cancel_fault = cancel_fault_of(row.view(11));
    run.cancel_reason = row.text(12);
    run.created = row.time(13);
    run.input = row.text(14);
  }
  std::optional<Journal> known;
  if (recent != nullptr) known = recent->take(id, run.epoch, run.arrivals);
  if (known) {
    run.journal = *std::move(known);
  } else {
    load_journal(tx, run);
  }
  load_waits(tx, run);
  return run;
}

std::string load_blob(const store::Tx& tx, const RunId& run, const std::string& digest) {
  std::optional<std::string> content =
      tx.text("SELECT content FROM run_blob WHERE run = ? AND digest = ?", run, digest);
  if (!content) throw Error(Fault::bug, text::format("the recorded value {} of run {} is missing", digest, run.value));
  return *std::move(content);
}

void insert_entry(store::Tx& tx, const RunId& run, std::string_view path, EntryOutcome outcome, std::string_view value,
                  std::int64_t seq, Time now) {
  if (value.size() <= kInlineBytes) {
    tx.run("INSERT INTO journal (run, path, outcome, seq, at, value) VALUES (?, ?, ?, ?, ?, ?)", run, path,
           name_of(outcome), seq, now, value);
  } else {
    const std::string digest = sha256_hex(value);
    tx.run("INSERT INTO run_blob (run, digest, content) VALUES (?, ?, ?) ON CONFLICT DO NOTHING", run, digest, value);
    tx.run("INSERT INTO journal (run, path, outcome, seq, at, digest) VALUES (?, ?, ?, ?, ?, ?)", run, path,
           name_of(outcome), seq, now, digest);
  }
}

std::pair<EntryOutcome, std::string> recordable(std::string_view path, EntryOutcome outcome, std::string value) {
  if (value.size() <= kMaxEntryBytes) return {outcome, std::move(value)};
  const Error error(Fault::invalid, text::format("the result of \"{}\" has {} bytes; at most {} can be recorded", path,
                                                 value.size(), kMaxEntryBytes));
  return {EntryOutcome::error, encode_error(error)};
}

bool arrive(store::Tx& tx, const RunId& run, std::string_view path, EntryOutcome outcome, std::string_view value,
            Time now) {
  if (tx.run("DELETE FROM wait WHERE run = ? AND path = ?", run, path) == 0) return false;
  const std::optional<std::int64_t> arrivals = tx.integer(
      "UPDATE run SET arrivals = arrivals + 1, entries = entries + 1, bytes = bytes + ?, state = 'ready' "
      "WHERE id = ? AND state <> 'ended' RETURNING arrivals",
      value.size(), run);
  if (!arrivals) return false;
  insert_entry(tx, run, path, outcome, value, *arrivals, now);
  return true;
}

void poke(store::Tx& tx, const RunId& run) {
  tx.run("UPDATE run SET arrivals = arrivals + 1, state = 'ready' WHERE id = ? AND state <> 'ended'", run);
}

Activity activity_of(const store::Statement& row) {
  Activity activity;
  activity.key = row.text(0);
  activity.run = RunId(row.view(1));
  activity.path = row.text(2);
  activity.task = row.text(3);
  activity.element = row.text(4);
  activity.selector = row.text(5);
  activity.command.kind = row.text(6);
  activity.command.payload.text = row.text(7);
  activity.is_repeatable = row.boolean(8);
  activity.long_lived = row.boolean(9);
  activity.state = activity_state_of(row.view(10));
  activity.executor = row.text(11);
  activity.incarnation = row.text(12);
  activity.created = row.time(13);
  activity.sent = row.time(14);
  activity.deadline = row.time(15);
  activity.cancel_requested = row.boolean(16);
  return activity;
}

std::vector<Activity> activities(const store::Tx& tx, std::string_view where, std::string_view value) {
  std::string sql = "SELECT ";
  sql += kActivityColumns;
  sql += " FROM activity WHERE ";
  sql += where;
  sql += " ORDER BY created, key";
  std::vector<Activity> found;
  store::Statement rows = tx.query(sql, value);
  while (rows.next()) found.push_back(activity_of(rows));
  return found;
}

std::optional<Activity> activity(const store::Tx& tx, std::string_view key) {
  std::vector<Activity> found = activities(tx, "key = ?", key);
  if (found.empty()) return std::nullopt;
  return std::move(found.front());
}

std::vector<RunId> children(const store::Tx& tx, const RunId& run) {
  std::vector<RunId> found;
  store::Statement rows =
      tx.query("SELECT id FROM run WHERE parent = ? AND state <> 'ended' ORDER BY created, id", run);
  while (rows.next()) found.emplace_back(rows.view(0));
  return found;
}

std::string clock_text(Time time) { return iso8601(time).substr(11, 5) + " UTC"; }

}  // namespace fairlead::engine::rows
