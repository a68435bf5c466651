// SPDX-License-Identifier: Apache-2.0
#include "executor/spool.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "base/bytes.h"
#include "base/log.h"
#include "base/text.h"
#include "base/thread.h"

namespace fairlead::executor {
namespace {

constexpr std::size_t kMaxJournalBytes = std::size_t{1} << 30;
constexpr std::size_t kCompactAtBytes = std::size_t{16} << 20;
constexpr std::int64_t kKeepEndedUs = kHour;  // far longer than a duplicate can be on its way
constexpr std::size_t kKeepEndedEntries = 50'000;

std::string_view name_of(CommandState state) {
  switch (state) {
    case CommandState::started: return "Started";
    case CommandState::finished: return "Finished";
    case CommandState::ended: return "Ended";
    case CommandState::unknown: break;
  }
  return "Unknown";
}

CommandState state_of(std::string_view name) {
  for (const CommandState state : {CommandState::started, CommandState::finished, CommandState::ended}) {
    if (name == name_of(state)) return state;
  }
  throw invalid(text::format("unknown state \"{}\"", name));
}

[[noreturn]] void disk_error(const std::string& path, std::string_view what) {
  throw Error(Fault::unavailable, text::format("cannot {} {}: {}", what, path, std::strerror(errno)));
}

void write_all(int fd, std::string_view bytes, const std::string& path) {
  while (!bytes.empty()) {
    const ssize_t written = ::write(fd, bytes.data(), bytes.size());
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) disk_error(path, "write");
    bytes.remove_prefix(static_cast<std::size_t>(written));
  }
}

}  // namespace

const json::Type& type_of(json::Tag<Spool::Identity>) {
  static const json::Type type = json::Type::of<Spool::Identity>("Identity")
                                     .field("Incarnation", &Spool::Identity::incarnation)
                                     .field("Epoch", &Spool::Identity::epoch)
                                     .field("ServerIncarnation", &Spool::Identity::server_incarnation);
  return type;
}

const json::Type& type_of(json::Tag<Spool::Record>) {
  static const json::Type type = json::Type::of<Spool::Record>("Record")
                                     .field("Key", &Spool::Record::key)
                                     .field("State", &Spool::Record::state)
                                     .field("At", &Spool::Record::at)
                                     .field("Result", &Spool::Record::result, json::omit_when_empty);
  return type;
}

Spool::Spool(std::string folder, const Clock& clock) : folder_(std::move(folder)), clock_(clock) {
  file::make_folder(folder_);
  file::make_folder(folder_ + "/logs");
  lock_ = file::lock(folder_ + "/LOCK", "executor");
  load();
  ++identity_.epoch;
  save_identity();
  start_journal();
  thread_ = start_thread("spool", [this] { sync_announced(); });
}

Spool::~Spool() {
  {
    const std::lock_guard lock(mutex_);
    stopped_ = true;
  }
  announcement_.notify_all();
  thread_.join();
}

// What cannot be read is a lost memory, and said so by a new incarnation; guessing would mean running something twice.
void Spool::load() {
  const std::optional<std::string> identity = file::read_if_exists(folder_ + "/identity.json");
  const std::optional<std::string> journal = file::read_if_exists(folder_ + "/journal", kMaxJournalBytes);
  std::string problem;
  if (identity && journal) {
    try {
      identity_ = json::decode<Identity>(*identity);
      std::string_view rest = *journal;
      while (!rest.empty()) {
        const std::size_t end = rest.find('\n');
        if (end == std::string_view::npos)
          break;  // the last write was cut short: that change had not been promised to anybody
        apply(json::decode<Record>(rest.substr(0, end)));
        rest.remove_prefix(end + 1);
      }
      if (!identity_.incarnation.empty()) return;
      problem = "identity.json names no incarnation";
    } catch (const Error& error) {
      problem = error.text();
    }
  } else if (identity || journal) {
    problem = identity ? "the journal is missing" : "identity.json is missing";
  }
  if (!problem.empty()) {
    log::error("the executor's memory is damaged; what it had begun is reported as lost",
               {{"folder", folder_}, {"reason", problem}});
  }
  entries_.clear();
  identity_ = Identity{.incarnation = random_id()};
  file::remove_tree(folder_ + "/logs");
  file::make_folder(folder_ + "/logs");
}

void Spool::apply(Record record) {
  Entry& entry = entries_[record.key];
  entry.state = state_of(record.state);
  entry.at = record.at;
  if (entry.state == CommandState::started) entry.started = record.at;
  entry.result = std::move(record.result);
}

std::string Spool::encode(const Record& record) const { return json::encode(record) + "\n"; }

void Spool::save_identity() { file::write_durably(folder_ + "/identity.json", json::encode(identity_)); }

void Spool::start_journal() {
  const Time now = clock_.now();
  std::size_t ended = 0;
  for (const auto& [key, entry] : entries_) ended += entry.state == CommandState::ended ? 1 : 0;
  std::erase_if(entries_, [&](const auto& item) {
    const Entry& entry = item.second;
    return entry.state == CommandState::ended && (now - entry.at > kKeepEndedUs || ended > kKeepEndedEntries);
  });
  std::string content;
  for (const auto& [key, entry] : entries_) {
    content += encode({key, std::string(name_of(CommandState::started)), entry.started, std::nullopt});
    if (entry.state != CommandState::started)
      content += encode({key, std::string(name_of(entry.state)), entry.at, entry.result});
  }
  const std::string path = folder_ + "/journal";
  file::write_durably(path, content);
  journal_ = file::Descriptor(::open(path.c_str(), O_WRONLY | O_APPEND | O_CLOEXEC));
  if (!journal_.valid()) disk_error(path, "open");
  journal_bytes_ = content.size();
  settled_ = announced_;  // it is all in the new file, durably
  settlement_.notify_all();
}

void Spool::append(const Record& record) {
  const std::string path = folder_ + "/journal";
  const std::string line = encode(record);
  write_all(journal_.get(), line, path);
  journal_bytes_ += line.size();
}

std::string Spool::server_incarnation() const {
  const std::lock_guard lock(mutex_);
  return identity_.server_incarnation;
}

void Spool::change_server_incarnation(const std::string& incarnation) {
  std::unique_lock lock(mutex_);
  wait_for_quiet(lock);
  if (identity_.server_incarnation == incarnation) return;
  const bool first = identity_.server_incarnation.empty();
  identity_.server_incarnation = incarnation;
  if (!first) {
    for (const auto& [key, entry] : entries_) ::unlink(log_path(key).c_str());
    entries_.clear();
    start_journal();
  }
  save_identity();
}

CommandState Spool::state(const std::string& key) const {
  const std::lock_guard lock(mutex_);
  const auto found = entries_.find(key);
  return found == entries_.end() ? CommandState::unknown : found->second.state;
}

std::vector<Unfinished> Spool::unfinished() const {
  const std::lock_guard lock(mutex_);
  std::vector<Unfinished> out;
  for (const auto& [key, entry] : entries_) {
    if (entry.state == CommandState::ended) continue;
    out.push_back({key, entry.started, entry.state == CommandState::finished ? entry.result : std::nullopt});
  }
  return out;
}

std::uint64_t Spool::announce(const std::string& key) {
  const std::lock_guard lock(mutex_);
  Record record{key, std::string(name_of(CommandState::started)), clock_.now(), std::nullopt};
  append(record);
  apply(std::move(record));
  announcement_.notify_all();
  return ++announced_;
}

void Spool::wait_durable(std::uint64_t announced) {
  std::unique_lock lock(mutex_);
  settlement_.wait(lock, [&] { return settled_ >= announced; });
  const auto found = refused_.find(announced);
  if (found == refused_.end()) return;
  errno = found->second;
  refused_.erase(found);
  disk_error(folder_ + "/journal", "sync");
}

void Spool::sync_announced() {
  std::unique_lock lock(mutex_);
  for (;;) {
    announcement_.wait(lock, [&] { return quiet_wanted_ == 0 && (stopped_ || settled_ < announced_); });
    if (settled_ == announced_) return;
    const std::uint64_t last = announced_;
    const int journal = journal_.get();
    syncing_ = true;
    lock.unlock();
    const int problem = ::fdatasync(journal) == 0 ? 0 : errno;
    lock.lock();
    syncing_ = false;
    if (problem != 0) {
      for (std::uint64_t number = settled_ + 1; number <= last; ++number) refused_.emplace(number, problem);
    }
    settled_ = last;
    settlement_.notify_all();
  }
}

void Spool::wait_for_quiet(std::unique_lock<std::mutex>& lock) {
  ++quiet_wanted_;
  settlement_.wait(lock, [&] { return !syncing_; });
  --quiet_wanted_;
  announcement_.notify_all();
}

void Spool::finish(const link::Result& result) {
  const std::lock_guard lock(mutex_);
  Record record{result.key, std::string(name_of(CommandState::finished)), clock_.now(), result};
  append(record);
  apply(std::move(record));
}

void Spool::end(const std::string& key) {
  std::unique_lock lock(mutex_);
  const auto found = entries_.find(key);
  if (found == entries_.end()) return;
  Record record{key, std::string(name_of(CommandState::ended)), clock_.now(), std::nullopt};
  append(record);
  apply(std::move(record));
  ::unlink(log_path(key).c_str());
  if (journal_bytes_ <= kCompactAtBytes) return;
  wait_for_quiet(lock);
  start_journal();
}

std::string Spool::log_path(const std::string& key) const { return folder_ + "/logs/" + sha256_hex(key).substr(0, 32); }

}  // namespace fairlead::executor
