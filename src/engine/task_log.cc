// SPDX-License-Identifier: Apache-2.0
#include "engine/task_log.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <condition_variable>
#include <cstring>
#include <functional>
#include <map>
#include <mutex>
#include <set>
#include <thread>

#include "base/error.h"
#include "base/file.h"
#include "base/log.h"
#include "base/text.h"
#include "base/thread.h"
#include "engine/task_log_record.h"
#include "store/store.h"

namespace fairlead::engine {

using task_log::Record;

namespace {

constexpr std::string_view kServer = "server";  // the source of entries that come through a transaction
constexpr std::size_t kMaxTaskName = 120;
constexpr std::size_t kLeastMask = 3;        // shorter values would blank out half of every log
constexpr std::size_t kLeastMaskedLine = 8;  // lines of a secret of several lines are masked each, from this length on
constexpr int kFlushBatch = 500;
// How long the flusher waits for more lines of the same tasks: while somebody listens, and else. Who reads the log in
// between sees the lines in their table, or has them brought into the file.
constexpr std::chrono::milliseconds kGatherForListeners{100};
constexpr std::chrono::milliseconds kGather{3'000};
// Lines that came with a transaction are durable in its table, so their files need not be: they are synced, and the
// rows given up, after this time or this many rows, for all tasks together.
constexpr std::int64_t kSyncEveryUs = 30 * kSecond;
constexpr std::int64_t kSyncAtRows = 10'000;
// What is known of a file is forgotten when nobody has written to it for so long.
constexpr std::int64_t kForgetAfterUs = 5 * kMinute;

[[noreturn]] void fail(std::string_view doing, const std::string& path) {
  throw Error(Fault::unavailable, text::format("cannot {} the task log {}: {}", doing, path, std::strerror(errno)))
      .with_help("Look at the disk's free space and the folder's permissions.");
}

void write_all(int fd, std::string_view bytes, const std::string& path) {
  while (!bytes.empty()) {
    const ssize_t written = ::write(fd, bytes.data(), bytes.size());
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) fail("write to", path);
    bytes.remove_prefix(static_cast<std::size_t>(written));
  }
}

// What a writer has to know of a task's file.
struct TaskFile {
  std::mutex mutex;
  bool loaded = false;
  bool synced = true;                        // the file, as far as it is written
  bool folder_synced = true;                 // the entries of file and folder
  std::int64_t used_us = 0;                  // steady clock
  std::int64_t size = 0;                     // bytes of complete records
  std::map<std::string, std::int64_t> next;  // by source: the counter that comes next
  std::set<std::string> elements;
  std::int64_t dropped = 0;
  std::int64_t dropped_marked = 0;  // as the last marker in the file says
  std::vector<Secret> masks;        // longest first
};

std::string masked(std::string text, const std::vector<Secret>& masks) {
  for (const Secret& secret : masks) text = text::replace_all(std::move(text), secret.reveal(), "********");
  return text;
}

}  // namespace

class TaskLog::Impl {
 public:
  Impl(store::Store& the_store, const Clock& the_clock, Options the_options)
      : store(the_store), clock(the_clock), options(std::move(the_options)) {
    file::make_folder(options.folder);
    if (options.background) flusher = start_thread("task-log", [this] { run_flusher(); });
  }
  ~Impl() {
    {
      const std::lock_guard lock(flush_mutex);
      stopped = true;
    }
    flush_changed.notify_all();
    if (flusher.joinable()) flusher.join();
  }

  std::string folder_of(const std::string& task) const;
  std::string path_of(const std::string& task) const { return folder_of(task) + "/000.log"; }
  std::shared_ptr<TaskFile> file_of(const std::string& task);
  void load(TaskFile& state, const std::string& task);
  LogEntry prepared(const TaskFile& state, LogEntry entry) const;
  // Adds records to the file. Called with the file's lock held.
  void add(TaskFile& state, const std::string& task, const std::vector<Record>& records);
  // Makes them durable. Called with the file's lock held.
  void sync(TaskFile& state, const std::string& task);
  void mark_dropped(TaskFile& state, std::string& bytes);
  void tell(const std::string& task, std::int64_t position, const std::vector<LogEntry>& entries);
  std::string read_file(const std::string& task);
  // Everything durable of a task in order: its file, then what has not reached the file yet.
  void each_record(const std::string& task, const std::function<void(const Record&)>& visit);
  std::vector<Record> pending_of(const std::string& task);
  std::size_t flush_some();
  // Syncs the files that flush_some wrote and gives up their rows.
  void sync_written();
  void write_pending();
  std::chrono::milliseconds gather_time();
  void forget_idle();
  void run_flusher();
  void ask_for_flush();

  store::Store& store;
  const Clock& clock;
  const Options options;
  std::mutex mutex;
  std::map<std::string, std::shared_ptr<TaskFile>> files;
  std::mutex listeners_mutex;
  std::vector<std::pair<std::string, LogSink*>> listeners;
  std::mutex one_flush;  // and what follows
  std::int64_t rows_unsynced = 0;
  std::int64_t sync_due_us = 0;
  std::set<std::string> unsynced;
  std::atomic<std::int64_t> written = 0;  // number of the last row that is in its file
  std::mutex flush_mutex;
  std::condition_variable flush_changed;
  bool flush_wanted = false;
  bool stopped = false;
  std::thread flusher;
};

std::string TaskLog::Impl::folder_of(const std::string& task) const {
  const bool good = !task.empty() && task.size() <= kMaxTaskName && task[0] != '.' &&
                    std::all_of(task.begin(), task.end(), [](char c) {
                      return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
                             c == '_' || c == '.';
                    });
  if (!good) throw invalid(text::format("\"{}\" cannot be the name of a task log", text::shorten(task, 80)));
  return options.folder + "/" + task;
}

std::shared_ptr<TaskFile> TaskLog::Impl::file_of(const std::string& task) {
  folder_of(task);
  const std::lock_guard lock(mutex);
  std::shared_ptr<TaskFile>& state = files[task];
  if (!state) state = std::make_shared<TaskFile>();
  return state;
}

// Reads what the file holds and cuts off what a crash left torn.
void TaskLog::Impl::load(TaskFile& state, const std::string& task) {
  if (state.loaded) return;
  const std::string path = path_of(task);
  const std::optional<std::string> bytes =
      file::read_if_exists(path, static_cast<std::size_t>(options.max_task_bytes) * 2);
  if (bytes) {
    const std::size_t good = task_log::each_record(*bytes, [&](const Record& record, std::size_t) {
      if (!record.source.empty()) state.next[record.source] = record.offset + 1;
      if (record.entry.element) state.elements.insert(record.entry.element->id);
      state.dropped = state.dropped_marked = std::max(state.dropped, record.dropped);
    });
    if (good < bytes->size()) {
      log::warning("a task log ends in a torn record, which is cut off",
                   {{"path", path}, {"bytes", bytes->size() - good}});
      if (::truncate(path.c_str(), static_cast<off_t>(good)) != 0) fail("cut off", path);
    }
    state.size = static_cast<std::int64_t>(good);
    state.synced = state.folder_synced = false;  // as far as this process knows
  } else {
    file::make_folder(folder_of(task));
  }
  state.loaded = true;
}

LogEntry TaskLog::Impl::prepared(const TaskFile& state, LogEntry entry) const {
  const auto cut = static_cast<std::size_t>(options.max_line_bytes);
  if (entry.line) {
    if (entry.line->at.us == 0) entry.line->at = clock.now();
    entry.line->text = text::shorten(masked(std::move(entry.line->text), state.masks), cut);
    entry.line->detail = text::shorten(masked(std::move(entry.line->detail), state.masks), cut);
  }
  if (entry.element) {
    LogElement& element = *entry.element;
    element.name = text::shorten(masked(std::move(element.name), state.masks), kMaxTaskName * 4);
    element.progress_message =
        text::shorten(masked(std::move(element.progress_message), state.masks), kMaxTaskName * 4);
    if (element.status) task_log::merge_element(element, LogElement(element), clock.now());
  }
  return entry;
}

void TaskLog::Impl::mark_dropped(TaskFile& state, std::string& bytes) {
  Record marker;
  marker.dropped = state.dropped;
  bytes += task_log::encode(marker);
  state.dropped_marked = state.dropped;
}

void TaskLog::Impl::add(TaskFile& state, const std::string& task, const std::vector<Record>& records) {
  std::string bytes;
  std::vector<LogEntry> kept;
  std::map<std::string, std::int64_t> next = state.next;
  for (const Record& record : records) {
    next[record.source] = record.offset + 1;
    const bool is_new_element = record.entry.element && !state.elements.contains(record.entry.element->id);
    const std::int64_t size = state.size + static_cast<std::int64_t>(bytes.size());
    const bool full = record.entry.line && size >= options.max_task_bytes;
    const bool too_many =
        (is_new_element && state.elements.size() >= options.max_elements) || size >= options.max_task_bytes * 3 / 2;
    if (full || too_many) {
      ++state.dropped;
      continue;
    }
    if (is_new_element) state.elements.insert(record.entry.element->id);
    bytes += task_log::encode(record);
    kept.push_back(record.entry);
  }
  // Exact with everything that is stored, since it moves the counters on; else seldom, or a full log would still grow.
  const bool marks = !bytes.empty() || state.dropped >= std::max<std::int64_t>(1, state.dropped_marked * 2);
  if (marks && state.dropped > state.dropped_marked) mark_dropped(state, bytes);
  if (!bytes.empty()) {
    const std::string path = path_of(task);
    const file::Descriptor fd(::open(path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600));
    if (!fd.valid()) fail("open", path);
    try {
      write_all(fd.get(), bytes, path);
    } catch (...) {
      if (::ftruncate(fd.get(), static_cast<off_t>(state.size)) != 0) state.loaded = false;
      throw;
    }
    if (state.size == 0) state.folder_synced = false;
    state.synced = false;
    state.size += static_cast<std::int64_t>(bytes.size());
  }
  state.next = std::move(next);
  state.used_us = clock.steady_us();
  if (!kept.empty()) tell(task, state.size, kept);
}

void TaskLog::Impl::sync(TaskFile& state, const std::string& task) {
  const std::string path = path_of(task);
  if (!state.synced) {
    const file::Descriptor fd(::open(path.c_str(), O_WRONLY | O_CLOEXEC));
    if (!fd.valid() || ::fdatasync(fd.get()) != 0) fail("make durable", path);
    state.synced = true;
  }
  if (!state.folder_synced) {
    file::sync_folder(folder_of(task));
    file::sync_folder(options.folder);
    state.folder_synced = true;
  }
}

void TaskLog::Impl::tell(const std::string& task, std::int64_t position, const std::vector<LogEntry>& entries) {
  const std::lock_guard lock(listeners_mutex);
  for (const auto& [wanted, sink] : listeners) {
    if (wanted.empty() || wanted == task) sink->appended(task, position, entries);
  }
}

std::string TaskLog::Impl::read_file(const std::string& task) {
  return file::read_if_exists(path_of(task), static_cast<std::size_t>(options.max_task_bytes) * 2).value_or("");
}

std::vector<Record> TaskLog::Impl::pending_of(const std::string& task) {
  std::vector<Record> records;
  store.read([&](const store::Tx& tx) {
    store::Statement rows =
        tx.query("SELECT number, entries FROM task_log_pending WHERE number > ? AND task = ? ORDER BY number",
                 written.load(), task);
    while (rows.next()) {
      std::int64_t offset = rows.integer(0) * static_cast<std::int64_t>(options.max_entries_per_append);
      for (LogEntry& entry : task_log::decode_all(rows.text(1))) {
        records.push_back({std::string(kServer), offset++, std::move(entry), 0});
      }
    }
  });
  return records;
}

void TaskLog::Impl::each_record(const std::string& task, const std::function<void(const Record&)>& visit) {
  // Before the file: what moves there in between is then seen twice instead of never.
  const std::vector<Record> pending = pending_of(task);
  std::int64_t next = 0;
  task_log::each_record(read_file(task), [&](const Record& record, std::size_t) {
    if (record.source == kServer) next = std::max(next, record.offset + 1);
    visit(record);
  });
  for (const Record& record : pending) {
    if (record.offset >= next) visit(record);
  }
}

// Writes pending entries into their files; returns how many rows. One at a time.
std::size_t TaskLog::Impl::flush_some() {
  struct Row {
    std::int64_t number;
    std::string task, entries;
  };
  std::vector<Row> found;
  store.read([&](const store::Tx& tx) {
    store::Statement rows =
        tx.query("SELECT number, task, entries FROM task_log_pending WHERE number > ? ORDER BY number LIMIT ?",
                 written.load(), kFlushBatch);
    while (rows.next()) found.push_back({rows.integer(0), rows.text(1), rows.text(2)});
  });
  if (found.empty()) return 0;
  std::map<std::string, std::vector<Record>> by_task;
  for (const Row& row : found) {
    std::int64_t offset = row.number * static_cast<std::int64_t>(options.max_entries_per_append);
    for (LogEntry& entry : task_log::decode_all(row.entries)) {
      by_task[row.task].push_back({std::string(kServer), offset++, std::move(entry), 0});
    }
  }
  for (auto& [task, records] : by_task) {
    const std::shared_ptr<TaskFile> state = file_of(task);
    const std::lock_guard lock(state->mutex);
    load(*state, task);
    const std::int64_t next = state->next[std::string(kServer)];
    std::erase_if(records, [&](const Record& record) { return record.offset < next; });
    add(*state, task, records);
    unsynced.insert(task);
  }
  if (rows_unsynced == 0) sync_due_us = clock.steady_us() + kSyncEveryUs;
  rows_unsynced += static_cast<std::int64_t>(found.size());
  written = found.back().number;
  return found.size();
}

void TaskLog::Impl::sync_written() {
  for (const std::string& task : unsynced) {
    const std::shared_ptr<TaskFile> state = file_of(task);
    const std::lock_guard lock(state->mutex);
    sync(*state, task);
  }
  store.write([&](store::Tx& tx) { tx.run("DELETE FROM task_log_pending WHERE number <= ?", written.load()); });
  unsynced.clear();
  rows_unsynced = 0;
  forget_idle();
}

void TaskLog::Impl::forget_idle() {
  const std::lock_guard lock(mutex);
  const std::int64_t before_us = clock.steady_us() - kForgetAfterUs;
  std::erase_if(files, [&](const auto& entry) {
    if (entry.second.use_count() > 1) return false;
    const TaskFile& state = *entry.second;
    return state.masks.empty() && state.dropped == state.dropped_marked && state.used_us < before_us;
  });
}

void TaskLog::Impl::ask_for_flush() {
  {
    const std::lock_guard lock(flush_mutex);
    flush_wanted = true;
  }
  flush_changed.notify_all();
}

std::chrono::milliseconds TaskLog::Impl::gather_time() {
  const std::lock_guard lock(listeners_mutex);
  return listeners.empty() ? kGather : kGatherForListeners;
}

void TaskLog::Impl::write_pending() {
  const std::lock_guard one(one_flush);
  while (flush_some() > 0) continue;
}

void TaskLog::Impl::run_flusher() {
  std::int64_t sync_wait_us = 0;  // 0: nothing to sync
  std::unique_lock lock(flush_mutex);
  while (true) {
    const auto wanted = [&] { return stopped || flush_wanted; };
    if (sync_wait_us == 0) {
      flush_changed.wait(lock, wanted);
    } else {
      flush_changed.wait_for(lock, std::chrono::microseconds(sync_wait_us), wanted);
    }
    if (flush_wanted) flush_changed.wait_for(lock, gather_time(), [&] { return stopped; });
    if (stopped) return;
    flush_wanted = false;
    lock.unlock();
    try {
      const std::lock_guard one(one_flush);
      while (flush_some() > 0) continue;
      const std::int64_t now_us = clock.steady_us();
      if (rows_unsynced > 0 && (rows_unsynced >= kSyncAtRows || now_us >= sync_due_us)) sync_written();
      sync_wait_us = rows_unsynced == 0 ? 0 : std::max<std::int64_t>(sync_due_us - now_us, 1);
    } catch (...) {
      sync_wait_us = kSyncEveryUs;
      log::error("task log lines could not be brought into their files; they stay in the database",
                 {{"error", error_of(std::current_exception()).text()}});
    }
    lock.lock();
  }
}

TaskLog::TaskLog(store::Store& store, const Clock& clock, Options options)
    : impl_(std::make_unique<Impl>(store, clock, std::move(options))) {}
TaskLog::~TaskLog() = default;

void TaskLog::recover() { flush(); }

void TaskLog::write(store::Tx& tx, const std::string& task, const std::vector<LogEntry>& entries) {
  if (entries.empty()) return;
  if (entries.size() > impl_->options.max_entries_per_append) {
    throw Error(Fault::bug, text::format("{} entries for a task log at once; at most {}", entries.size(),
                                         impl_->options.max_entries_per_append));
  }
  const std::shared_ptr<TaskFile> state = impl_->file_of(task);
  std::vector<LogEntry> ready;
  {
    const std::lock_guard lock(impl_->mutex);
    for (const LogEntry& entry : entries) ready.push_back(impl_->prepared(*state, entry));
  }
  tx.run("INSERT INTO task_log_pending (number, task, entries) VALUES (?, ?, ?)", tx.next_number("task_log"), task,
         task_log::encode_all(ready));
  tx.after_commit([impl = impl_.get()] { impl->ask_for_flush(); });
}

std::int64_t TaskLog::append(const std::string& task, const std::string& source, std::int64_t first_offset,
                             const std::vector<LogEntry>& entries) {
  if (source.empty() || source == kServer || source.size() > kMaxTaskName || first_offset < 0) {
    throw invalid("log lines came with an unusable source or offset");
  }
  if (entries.size() > impl_->options.max_entries_per_append) {
    throw invalid(text::format("{} entries for a task log at once; at most {}", entries.size(),
                               impl_->options.max_entries_per_append));
  }
  const std::shared_ptr<TaskFile> state = impl_->file_of(task);
  const std::lock_guard lock(state->mutex);
  impl_->load(*state, task);
  std::int64_t next = state->next[source];
  if (first_offset > next) {
    // In a full log the lines between were dropped before a restart; elsewhere they are missing and must be sent first.
    if (state->size < impl_->options.max_task_bytes) return next;
    state->dropped += first_offset - next;
    next = first_offset;
  }
  std::vector<Record> records;
  for (std::size_t i = 0; i < entries.size(); ++i) {
    const std::int64_t offset = first_offset + static_cast<std::int64_t>(i);
    if (offset < next) continue;
    LogEntry entry;
    {
      const std::lock_guard masks(impl_->mutex);
      entry = impl_->prepared(*state, entries[i]);
    }
    records.push_back({source, offset, std::move(entry), 0});
  }
  if (!records.empty()) impl_->add(*state, task, records);
  impl_->sync(*state, task);
  return state->next[source];
}

std::int64_t TaskLog::next_offset(const std::string& task, const std::string& source) {
  const std::shared_ptr<TaskFile> state = impl_->file_of(task);
  const std::lock_guard lock(state->mutex);
  impl_->load(*state, task);
  return state->next[source];
}

void TaskLog::flush() {
  const std::lock_guard one(impl_->one_flush);
  while (impl_->flush_some() > 0) continue;
  impl_->sync_written();
}

void TaskLog::mask(const std::string& task, const std::vector<Secret>& secrets) {
  const std::shared_ptr<TaskFile> state = impl_->file_of(task);
  const std::lock_guard lock(impl_->mutex);
  for (const Secret& secret : secrets) {
    const std::string_view value = secret.reveal();
    if (value.size() >= kLeastMask) state->masks.push_back(secret);
    if (value.find('\n') == std::string_view::npos) continue;
    for (const std::string& line : text::split(value, '\n')) {
      if (line.size() >= kLeastMaskedLine) state->masks.emplace_back(line);
    }
  }
  std::sort(state->masks.begin(), state->masks.end(),
            [](const Secret& a, const Secret& b) { return a.reveal().size() > b.reveal().size(); });
}

LogNode TaskLog::tree(const std::string& task, int lines_per_element) {
  task_log::TreeBuilder builder(task, lines_per_element);
  impl_->each_record(task, [&](const Record& record) { builder.add(record); });
  return builder.finish();
}

std::string TaskLog::raw_text(const std::string& task) { return task_log::raw_text(tree(task)); }

TaskLog::Tail TaskLog::tail(const std::string& task, std::int64_t position, std::size_t max_bytes) {
  if (impl_->options.background) impl_->write_pending();
  Tail tail;
  const std::string bytes = impl_->read_file(task);
  const auto size = static_cast<std::int64_t>(bytes.size());
  std::size_t start = static_cast<std::size_t>(std::clamp<std::int64_t>(position, 0, size));
  if (start > 0 && bytes[start - 1] != '\n') start = std::min(bytes.size(), bytes.find('\n', start) + 1);
  std::size_t end = std::min(bytes.size(), start + std::max<std::size_t>(max_bytes, 1));
  if (end < bytes.size()) end = std::min(bytes.size(), bytes.find('\n', end - 1) + 1);
  const std::string_view part = std::string_view(bytes).substr(start, end - start);
  const std::size_t good = task_log::each_record(part, [&](const Record& record, std::size_t) {
    if (record.dropped == 0) tail.entries.push_back(record.entry);
  });
  tail.position = static_cast<std::int64_t>(start + good);
  tail.at_end = start + good >= bytes.size() || good < part.size();
  return tail;
}

void TaskLog::remove(const std::string& task) {
  const std::string folder = impl_->folder_of(task);
  {
    const std::lock_guard lock(impl_->mutex);
    impl_->files.erase(task);
  }
  file::remove_tree(folder);
}

void TaskLog::listen(const std::string& task, LogSink& sink) {
  const std::lock_guard lock(impl_->listeners_mutex);
  impl_->listeners.emplace_back(task, &sink);
}

void TaskLog::unlisten(LogSink& sink) {
  const std::lock_guard lock(impl_->listeners_mutex);
  std::erase_if(impl_->listeners, [&](const auto& entry) { return entry.second == &sink; });
}

}  // namespace fairlead::engine
