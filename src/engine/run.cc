// SPDX-License-Identifier: Apache-2.0
#include "engine/run.h"

#include <algorithm>

#include "base/bytes.h"
#include "base/text.h"
#include "engine/wake.h"

namespace fairlead::engine {

namespace detail {

namespace {
// What a consumed entry tells the flow that passed it.
void pass(Flow& flow, const JournalEntry& entry, const Wake& wake) {
  if (entry.seq > wake.loaded().seen) flow.fresh = true;
  flow.now = std::max(flow.now, entry.at);
}
}  // namespace

Point::Point(const Run& run, std::string_view name, Wish wish)
    : wake_(run.wake_),
      flow_(run.flow_),
      exempt_(run.exempt_),
      element_(run.element_),
      path_(run.path(name)),
      wish_(std::move(wish)) {}

bool Point::await_ready() {
  if (const JournalEntry* entry = wake_->use(path_)) {
    pass(*flow_, *entry, *wake_);
    return true;
  }
  if (const std::optional<EntryOutcome> outcome = wake_->must_give_up(path_, exempt_)) {
    pass(*flow_, wake_->record(path_, *outcome, ""), *wake_);
    flow_->fresh = true;
    return true;
  }
  return !make_command();
}

bool Point::make_command() {
  if (!wish_.make || wake_->waits_for(path_)) return true;
  try {
    wish_.command = wish_.make();
    return true;
  } catch (...) {
    pass(*flow_, wake_->record(path_, EntryOutcome::error, encode_error(error_of(std::current_exception()))), *wake_);
    flow_->fresh = true;
    return false;
  }
}

void Point::await_suspend(std::coroutine_handle<>) { wake_->want(path_, element_, wish_); }

std::optional<std::string> Point::take() {
  const JournalEntry& entry = wake_->loaded().journal.at(path_);
  switch (entry.outcome) {
    case EntryOutcome::value: return wake_->value_of(entry);
    case EntryOutcome::deadline: return std::nullopt;
    case EntryOutcome::cancelled: throw wake_->cancellation();
    case EntryOutcome::error: break;
  }
  throw decode_error(wake_->value_of(entry));
}

std::string Point::take_or_throw() {
  std::optional<std::string> value = take();
  if (value) return *std::move(value);
  if (wish_.timeout_us > 0) {
    throw Error(Fault::timeout, text::format("\"{}\" did not end within {}", path_, duration_text(wish_.timeout_us)));
  }
  throw Error(Fault::timeout, text::format("no time was left for \"{}\"", path_));
}

Branches::Branches(const Run& run, std::string_view name, std::size_t count, int window)
    : parent_(run), name_(name), count_(count), window_(window), started_before_(!run.flow_->fresh) {
  if (count > kMaxBranches) {
    throw Error(Fault::bug,
                text::format("\"{}\" has {} branches; at most {} fit in one run", run.path(name), count, kMaxBranches))
        .with_help("Let parts of the work be child runs.");
  }
  if (window < 1) throw Error(Fault::bug, text::format("\"{}\" has a window of {}", run.path(name), window));
}

Branches::~Branches() = default;

Run& Branches::open(std::size_t index) {
  const bool before = started_before_ && parked_before_ < window_;
  flows_.push_back({!before, parent_.flow_->now});
  ++opened_;
  runs_.push_back(std::make_unique<Run>(*parent_.wake_, flows_.back(),
                                        parent_.path(text::format("{}[{}]/", name_, index)), parent_.element_,
                                        parent_.exempt_));
  was_started_.push_back(before);
  return *runs_.back();
}

void Branches::started(bool done) {
  if (!done) ++parked_;
  const bool was_done = done && !flows_.back().fresh;
  if (was_started_.back() && !was_done) ++parked_before_;
}

bool Branches::finish() {
  if (parked_ > 0 || opened_ < count_) return false;
  Flow& joined = *parent_.flow_;
  for (const Flow& flow : flows_) {
    joined.fresh = joined.fresh || flow.fresh;
    joined.now = std::max(joined.now, flow.now);
  }
  return true;
}

std::string recorded(const Run& run, std::string_view name, const Compute& compute) {
  Wake& wake = *run.wake_;
  const std::string path = run.path(name);
  const JournalEntry* entry = wake.use(path);
  if (entry == nullptr) {
    if (const std::optional<EntryOutcome> outcome = wake.must_give_up(path, run.exempt_)) {
      entry = &wake.record(path, *outcome, "");
    } else {
      EntryOutcome made = EntryOutcome::value;
      std::string value;
      try {
        value = compute();
        if (value.size() > kMaxEntryBytes) {
          throw Error(Fault::bug,
                      text::format("\"{}\" gave {} bytes to record; at most {}", path, value.size(), kMaxEntryBytes));
        }
      } catch (...) {
        made = EntryOutcome::error;
        value = encode_error(error_of(std::current_exception()));
      }
      entry = &wake.record(path, made, std::move(value));
    }
    run.flow_->fresh = true;
  }
  pass(*run.flow_, *entry, wake);
  switch (entry->outcome) {
    case EntryOutcome::value: return wake.value_of(*entry);
    case EntryOutcome::error: throw decode_error(wake.value_of(*entry));
    case EntryOutcome::cancelled: throw wake.cancellation();
    case EntryOutcome::deadline: break;
  }
  throw Error(Fault::timeout, text::format("no time was left for \"{}\"", path));
}

}  // namespace detail

const RunId& Run::id() const { return wake_->loaded().id; }
const std::string& Run::task() const { return wake_->loaded().task; }

std::string Run::path(std::string_view name) const {
  std::string path;
  path.reserve(prefix_.size() + name.size());
  path += prefix_;
  path += name;
  return path;
}

std::string Run::uuid(std::string_view name) const {
  std::string bytes = sha256(id().value + '\n' + path(name)).substr(0, 16);
  bytes[6] = static_cast<char>((static_cast<unsigned char>(bytes[6]) & 0x0f) | 0x80);  // RFC 9562 version 8
  bytes[8] = static_cast<char>((static_cast<unsigned char>(bytes[8]) & 0x3f) | 0x80);
  const std::string digits = hex(bytes);
  return text::format("{}-{}-{}-{}-{}", digits.substr(0, 8), digits.substr(8, 4), digits.substr(12, 4),
                      digits.substr(16, 4), digits.substr(20));
}

void Run::publish(std::string topic, std::string key, std::string payload) const {
  if (flow_->fresh) wake_->result().events.push_back({std::move(topic), std::move(key), std::move(payload)});
}

void Run::in_commit(std::function<void(store::Tx&)> f) const {
  if (flow_->fresh) wake_->result().in_commit.push_back(std::move(f));
}

void Run::unlock(std::string_view key) const {
  if (flow_->fresh) wake_->result().unlocks.push_back(path("lock:" + std::string(key)));
}

Verdict<void> Run::sleep_until(std::string_view name, Time time) const {
  detail::Wish wish;
  wish.kind = detail::WaitKind::timer;
  wish.due = time;
  return {*this, name, std::move(wish)};
}

Verdict<void> Run::sleep(std::string_view name, std::int64_t us) const {
  detail::Wish wish;
  wish.kind = detail::WaitKind::timer;
  wish.timeout_us = std::max<std::int64_t>(us, 1);
  return {*this, name, std::move(wish)};
}

Result<void> Run::lock(std::string_view key) const {
  detail::Wish wish;
  wish.kind = detail::WaitKind::lock;
  wish.subject = key;
  return {*this, "lock:" + std::string(key), std::move(wish)};
}

Run Run::scope(std::string_view name) const { return Run(*wake_, *flow_, path(name) + "/", element_, exempt_); }

Run Run::section(std::string_view name, std::string title) const {
  std::string element = path(name);
  if (flow_->fresh) {
    LogElement opened;
    opened.id = element;
    opened.parent = element_;
    opened.name = std::move(title);
    opened.status = ElementStatus::running;
    opened.started = wake_->now();
    wake_->result().log.push_back({element, std::move(opened), std::nullopt});
  }
  return Run(*wake_, *flow_, element + "/", element, exempt_);
}

Run Run::exempt(std::string_view name) const { return Run(*wake_, *flow_, path(name) + "/", element_, true); }

void Run::on_cancel(std::string name, std::function<Durable<>(Run&)> f) const {
  wake_->add_cleanup(path(name), std::move(f));
}

void RunLog::write(Category category, std::string text, std::string detail) const {
  if (!flow_->fresh) return;
  LogLine line{wake_->now(), category, std::move(text), std::move(detail)};
  wake_->result().log.push_back({element_, std::nullopt, std::move(line)});
}

void RunLog::error(const Error& error) const {
  std::string detail = error.text();
  detail.erase(0, std::min(detail.size(), error.message().size() + 1));
  write(Category::error, error.message(), std::move(detail));
}

void RunLog::progress(int percent, std::string message) const {
  if (!flow_->fresh) return;
  LogElement change;
  change.id = element_;
  change.progress_percent = percent;
  change.progress_message = std::move(message);
  wake_->result().log.push_back({element_, std::move(change), std::nullopt});
}

void RunLog::status(ElementStatus status) const {
  if (!flow_->fresh) return;
  LogElement change;
  change.id = element_;
  change.status = status;
  (status == ElementStatus::running ? change.started : change.ended) = wake_->now();
  wake_->result().log.push_back({element_, std::move(change), std::nullopt});
}

}  // namespace fairlead::engine
