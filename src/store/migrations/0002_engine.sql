-- SPDX-License-Identifier: Apache-2.0
-- Runs and what they wait for (src/engine). Times are microseconds since 1970 in UTC, 0 where there is none.

-- A run is advanced by wakes. epoch counts committed wakes and fences them; arrivals counts journal entries that came from
-- outside (results, timers, answers), seen is the value of arrivals that the last wake had loaded (-1: no wake yet).
CREATE TABLE run (
  id TEXT PRIMARY KEY,
  kind TEXT NOT NULL,
  version INTEGER NOT NULL,
  start_key TEXT UNIQUE,
  parent TEXT,
  parent_path TEXT,
  task TEXT NOT NULL,
  state TEXT NOT NULL,
  outcome TEXT NOT NULL,
  epoch INTEGER NOT NULL,
  arrivals INTEGER NOT NULL,
  seen INTEGER NOT NULL,
  entries INTEGER NOT NULL,
  bytes INTEGER NOT NULL,
  cancelled INTEGER NOT NULL,
  cancel_fault TEXT,
  cancel_reason TEXT,
  created INTEGER NOT NULL,
  ended INTEGER NOT NULL,
  input TEXT NOT NULL,
  result TEXT,
  error TEXT
);
CREATE INDEX run_ready ON run (created) WHERE state = 'ready';
CREATE INDEX run_parent ON run (parent) WHERE parent IS NOT NULL;
CREATE INDEX run_by_task ON run (task);
CREATE INDEX run_ended ON run (ended) WHERE ended > 0;

-- Results of points. seq is the run's arrivals when the entry was made. A long value is in run_blob under its digest.
CREATE TABLE journal (
  run TEXT NOT NULL,
  path TEXT NOT NULL,
  outcome TEXT NOT NULL,
  seq INTEGER NOT NULL,
  at INTEGER NOT NULL,
  value TEXT,
  digest TEXT,
  PRIMARY KEY (run, path)
);
CREATE TABLE run_blob (
  run TEXT NOT NULL,
  digest TEXT NOT NULL,
  content TEXT NOT NULL,
  PRIMARY KEY (run, digest)
);

-- Points without a result. The row with an empty path is the deadline of the run itself.
CREATE TABLE wait (
  run TEXT NOT NULL,
  path TEXT NOT NULL,
  kind TEXT NOT NULL,
  subject TEXT NOT NULL,
  since INTEGER NOT NULL,
  due INTEGER NOT NULL,
  is_date INTEGER NOT NULL,
  PRIMARY KEY (run, path)
);
CREATE INDEX wait_due ON wait (due) WHERE due > 0;

-- External effects that have been asked for and not been answered; an answered one is a journal entry.
CREATE TABLE activity (
  key TEXT PRIMARY KEY,
  run TEXT NOT NULL,
  path TEXT NOT NULL,
  task TEXT NOT NULL,
  element TEXT NOT NULL,
  selector TEXT NOT NULL,
  command TEXT NOT NULL,
  payload TEXT NOT NULL,
  repeatable INTEGER NOT NULL,
  long_lived INTEGER NOT NULL,
  costs_slot INTEGER NOT NULL,
  state TEXT NOT NULL,
  executor TEXT NOT NULL,
  incarnation TEXT NOT NULL,
  created INTEGER NOT NULL,
  sent INTEGER NOT NULL,
  deadline INTEGER NOT NULL,
  cancel_requested INTEGER NOT NULL
);
CREATE UNIQUE INDEX activity_point ON activity (run, path);
CREATE INDEX activity_selector ON activity (selector, state);
CREATE INDEX activity_executor ON activity (executor) WHERE executor <> '';
CREATE INDEX activity_slot ON activity (task) WHERE costs_slot = 1;
CREATE INDEX activity_queued ON activity (task) WHERE state = 'queued';

-- Tasks in the order in which they get slots; held_since is 0 while a task holds none.
CREATE TABLE run_task (
  task TEXT PRIMARY KEY,
  rank INTEGER NOT NULL,
  position INTEGER NOT NULL,
  held_since INTEGER NOT NULL
);
CREATE INDEX run_task_held ON run_task (held_since) WHERE held_since > 0;

-- Locks of runs: the lowest ticket of a key holds it.
CREATE TABLE run_lock (
  run TEXT NOT NULL,
  path TEXT NOT NULL,
  key TEXT NOT NULL,
  ticket INTEGER NOT NULL,
  granted INTEGER NOT NULL,
  PRIMARY KEY (run, path)
);
CREATE UNIQUE INDEX run_lock_ticket ON run_lock (key, ticket);

-- Entries of task logs that are committed and not yet in the task's file.
CREATE TABLE task_log_pending (
  number INTEGER PRIMARY KEY,
  task TEXT NOT NULL,
  entries TEXT NOT NULL
);
