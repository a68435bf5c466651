// SPDX-License-Identifier: Apache-2.0
// The durable memory of an executor, in a folder of its own (docs/formats/spool.md): who it is, which commands that
// must not run twice have begun, how they ended until the server has that, and where their logs are.
//
//   identity.json   incarnation, epoch, the server's incarnation; rewritten durably at every start
//   journal         one JSON line per change of a command; begin() is on disk before the command starts
//   logs/<hash>     lines not known to be on the server, one file per command (executor/command_log.h)
//
// Only commands that are not repeatable are here: others are run again after a crash. No secret is ever here (results
// carry sealed values, lines are masked). A lost or damaged journal is a lost memory: the folder then gets a new
// incarnation, by which the server knows that a command it had sent may have run.
//
// Thread-safe. Throws Error(unavailable) where the disk refuses.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "base/clock.h"
#include "base/file.h"
#include "link/commands.h"

namespace fairlead::executor {

enum class CommandState {
  unknown,
  started,   // begun; by an earlier process if this one does not run it
  finished,  // has a result that the server has not acknowledged
  ended,     // the server has the result; kept a while so that a late duplicate does not run it again
};

// A command that an earlier process left behind.
struct Unfinished {
  std::string key;
  Time started;
  std::optional<link::Result> result;  // none: it had begun, and nobody knows how it ended
};

class Spool {
 public:
  // Makes the folder where it is missing, takes its lock (Error(conflict) when another process has it), counts the
  // epoch up.
  Spool(std::string folder, const Clock& clock);
  ~Spool();

  const std::string& incarnation() const { return identity_.incarnation; }
  std::uint64_t epoch() const { return static_cast<std::uint64_t>(identity_.epoch); }
  // Of the server's database as last seen; "" before the first connection.
  std::string server_incarnation() const;
  // The server's database is another one (restored): everything held for the old one is dropped.
  void change_server_incarnation(const std::string& incarnation);

  CommandState state(const std::string& key) const;
  std::vector<Unfinished> unfinished() const;
  // On disk, fsynced, when it returns.
  void begin(const std::string& key) { wait_durable(announce(key)); }
  // The same in two halves, for what can be done meanwhile: the command must not start before the second has returned.
  // Commands that are announced while others are being synced share the next sync.
  std::uint64_t announce(const std::string& key);
  void wait_durable(std::uint64_t announced);
  // Survives the process, not a power cut: then the command is reported as lost, which is true as well.
  void finish(const link::Result& result);
  // The server has the result.
  void end(const std::string& key);
  std::string log_path(const std::string& key) const;

  struct Identity {
    std::string incarnation;
    std::int64_t epoch = 0;
    std::string server_incarnation;
  };
  struct Record {
    std::string key;
    std::string state;
    Time at;
    std::optional<link::Result> result;
  };

 private:
  struct Entry {
    CommandState state = CommandState::unknown;
    Time at;  // of the last change
    Time started;
    std::optional<link::Result> result;
  };
  void load();
  // Writes what is known into a new file and goes on there; with the mutex, and after wait_for_quiet().
  void start_journal();
  // Until no sync is under way, nor begins before the lock is given up.
  void wait_for_quiet(std::unique_lock<std::mutex>& lock);
  void append(const Record& record);
  void sync_announced();
  void save_identity();
  void apply(Record record);
  std::string encode(const Record& record) const;

  const std::string folder_;
  const Clock& clock_;
  file::Descriptor lock_;
  mutable std::mutex mutex_;  // guards everything below
  std::condition_variable announcement_, settlement_;
  bool stopped_ = false;
  bool syncing_ = false;
  int quiet_wanted_ = 0;                       // by so many; no sync begins meanwhile
  std::uint64_t announced_ = 0;                // how many
  std::uint64_t settled_ = 0;                  // of them, those whose sync has ended
  std::map<std::uint64_t, int> refused_ = {};  // badly, with this errno
  Identity identity_;
  std::map<std::string, Entry> entries_;
  file::Descriptor journal_;
  std::size_t journal_bytes_ = 0;
  std::thread thread_;  // syncs what is announced
};

const json::Type& type_of(json::Tag<Spool::Identity>);
const json::Type& type_of(json::Tag<Spool::Record>);

}  // namespace fairlead::executor
