-- SPDX-License-Identifier: Apache-2.0
-- Times are microseconds since 1970 in UTC. Tables of documents (doc_*) are made from the type tables when the server starts.

-- Facts about this installation: its id, the id of its master key.
CREATE TABLE instance (
  name TEXT PRIMARY KEY,
  value TEXT NOT NULL
);

CREATE TABLE sequence (
  name TEXT PRIMARY KEY,
  next INTEGER NOT NULL
);

-- Which columns and reference fields of a document table exist and are filled.
CREATE TABLE document_column (
  document TEXT NOT NULL,
  name TEXT NOT NULL,
  PRIMARY KEY (document, name)
);

CREATE TABLE document_reference (
  owner_kind TEXT NOT NULL,
  owner TEXT NOT NULL,
  field TEXT NOT NULL,
  target TEXT NOT NULL,
  PRIMARY KEY (owner_kind, owner, field, target)
);
CREATE INDEX document_reference_target ON document_reference (target, owner_kind);

CREATE TABLE lease (
  name TEXT PRIMARY KEY,
  holder TEXT NOT NULL,
  epoch INTEGER NOT NULL,
  expires INTEGER NOT NULL
);

CREATE TABLE outbox (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  topic TEXT NOT NULL,
  key TEXT NOT NULL,
  payload TEXT NOT NULL,
  created INTEGER NOT NULL
);
CREATE TABLE outbox_cursor (
  consumer TEXT PRIMARY KEY,
  position INTEGER NOT NULL
);
CREATE TABLE outbox_parked (
  consumer TEXT NOT NULL,
  event INTEGER NOT NULL,
  topic TEXT NOT NULL,
  key TEXT NOT NULL,
  payload TEXT NOT NULL,
  created INTEGER NOT NULL,
  error TEXT NOT NULL,
  parked INTEGER NOT NULL,
  PRIMARY KEY (consumer, event)
);

-- The audit log. event_chain holds the newest number and hash ('head') and those of the newest event removed by retention ('tail').
CREATE TABLE event (
  number INTEGER PRIMARY KEY,
  created INTEGER NOT NULL,
  category TEXT NOT NULL,
  message TEXT NOT NULL,
  user_id TEXT NOT NULL,
  username TEXT NOT NULL,
  identity TEXT NOT NULL,
  user_agent TEXT NOT NULL,
  remote_ip TEXT NOT NULL,
  space TEXT NOT NULL,
  documents TEXT NOT NULL,
  details TEXT NOT NULL,
  differences TEXT NOT NULL,
  hash TEXT NOT NULL
);
CREATE INDEX event_created ON event (created);
CREATE INDEX event_space ON event (space, number);
CREATE TABLE event_reference (
  document TEXT NOT NULL,
  event INTEGER NOT NULL,
  PRIMARY KEY (document, event)
);
CREATE INDEX event_reference_event ON event_reference (event);
CREATE TABLE event_chain (
  name TEXT PRIMARY KEY,
  number INTEGER NOT NULL,
  hash TEXT NOT NULL
);

CREATE TABLE blob_meta (
  digest TEXT PRIMARY KEY,
  size INTEGER NOT NULL,
  created INTEGER NOT NULL
);

-- Who is connected or was: one row for each executor.
CREATE TABLE executor_session (
  executor TEXT PRIMARY KEY,
  incarnation TEXT NOT NULL,
  epoch INTEGER NOT NULL,
  node TEXT NOT NULL,
  connected INTEGER NOT NULL,
  seen INTEGER NOT NULL,
  details TEXT NOT NULL
);
