// SPDX-License-Identifier: Apache-2.0
#include "engine/engine.h"

#include "base/log.h"
#include "base/text.h"
#include "base/thread.h"
#include "engine/engine_impl.h"

namespace fairlead::engine {

namespace {
// Runs that may wait for a worker in memory; more wait in the database.
constexpr std::size_t kMaxQueuedRuns = 100'000;
}  // namespace

Engine::Impl::Impl(store::Store& the_store, const Clock& the_clock, Options the_options)
    : store(the_store),
      clock(the_clock),
      options(std::move(the_options)),
      budgets{options.cancel_grace_us, options.cleanup_budget_us},
      last_wall_us(clock.now().us),
      last_steady_us(clock.steady_us()),
      expectations_from_steady_us(clock.steady_us() + options.deadline_grace_us) {}

void Engine::Impl::enqueue(const RunId& run) {
  {
    const std::lock_guard lock(mutex);
    enqueue_locked(run);
  }
  changed.notify_one();
}

bool Engine::Impl::enqueue_locked(const RunId& run) {
  const auto [found, added] = busy.try_emplace(run, false);
  if (!added) {
    found->second = true;
    return true;
  }
  if (queue.size() >= kMaxQueuedRuns) {
    busy.erase(found);
    overflowed = true;
    return false;
  }
  queue.push_back(run);
  return true;
}

void Engine::Impl::enqueue_after_commit(store::Tx& tx, const RunId& run) {
  tx.after_commit([this, run] { enqueue(run); });
}

std::optional<RunId> Engine::Impl::next_run(bool wait) {
  std::unique_lock lock(mutex);
  if (wait) changed.wait(lock, [&] { return stopped || !queue.empty() || overflowed; });
  if (stopped) return std::nullopt;
  if (queue.empty() && overflowed) {
    overflowed = false;
    lock.unlock();
    const bool loaded = try_load_ready();
    lock.lock();
    reload_later = reload_later || !loaded;
  }
  if (queue.empty()) return std::nullopt;
  RunId run = std::move(queue.front());
  queue.pop_front();
  busy[run] = false;
  ++in_progress;
  return run;
}

void Engine::Impl::finished(const RunId& run, bool again) {
  {
    const std::lock_guard lock(mutex);
    --in_progress;
    const auto found = busy.find(run);
    if (again || found->second) {
      found->second = false;
      queue.push_back(run);
    } else {
      busy.erase(found);
    }
  }
  changed.notify_all();
}

void Engine::Impl::load_ready() {
  const std::vector<RunId> ready = store.read([](const store::Tx& tx) {
    std::vector<RunId> found;
    store::Statement rows =
        tx.query("SELECT id FROM run WHERE state = 'ready' ORDER BY created LIMIT ?", kMaxQueuedRuns + 1);
    while (rows.next()) found.emplace_back(rows.view(0));
    return found;
  });
  for (const RunId& run : ready) enqueue(run);
}

bool Engine::Impl::try_load_ready() {
  try {
    load_ready();
    return true;
  } catch (...) {
    log::error("ready runs could not be read", {{"error", error_of(std::current_exception()).message()}});
    return false;
  }
}

void Engine::Impl::work() {
  while (true) {
    const std::optional<RunId> run = next_run(true);
    if (run) {
      advance(*run);
      continue;
    }
    const std::lock_guard lock(mutex);
    if (stopped) return;
  }
}

void Engine::Impl::start_threads() {
  load_ready();
  read_next_due();
  for (int i = 0; i < options.workers; ++i) threads.push_back(start_thread("engine", [this] { work(); }));
  if (options.workers > 0) timer_thread = start_thread("engine-timers", [this] { run_timers(); });
}

void Engine::Impl::stop() {
  {
    const std::lock_guard lock(timer_mutex);
    timers_stopped = true;
  }
  timer_changed.notify_all();
  if (timer_thread.joinable()) timer_thread.join();
  {
    const std::lock_guard lock(mutex);
    stopped = true;
  }
  changed.notify_all();
  for (std::thread& thread : threads) thread.join();
  threads.clear();
  std::unordered_map<RunId, std::vector<Delivery>> undelivered;
  {
    std::unique_lock lock(mutex);
    changed.wait(lock, [&] { return in_progress == 0; });
    undelivered.swap(inbox);
  }
  const Error stopping = Error(Fault::unavailable, "the server is stopping").retry_after(5);
  for (auto& [run, deliveries] : undelivered) {
    for (Delivery& delivery : deliveries) delivery.done(false, std::make_exception_ptr(stopping));
  }
}

void Engine::Impl::wait_until_idle() {
  std::unique_lock lock(mutex);
  changed.wait(lock, [&] { return stopped || (queue.empty() && in_progress == 0 && !overflowed); });
}

const Definition* Engine::Impl::find_definition(const std::string& kind, int version) const {
  if (version > 0) {
    const auto found = definitions.find({kind, version});
    return found == definitions.end() ? nullptr : &found->second;
  }
  const Definition* newest = nullptr;
  for (const auto& [key, definition] : definitions) {
    if (key.first == kind) newest = &definition;
  }
  return newest;
}

Engine::Engine(store::Store& store, const Clock& clock, Options options)
    : impl_(std::make_unique<Impl>(store, clock, std::move(options))) {}
Engine::~Engine() { stop(); }

void Engine::register_definition(Definition definition) {
  const std::pair<std::string, int> key{definition.kind, definition.version};
  if (definition.version < 1)
    throw Error(Fault::bug, text::format("definition {} has version {}", key.first, key.second));
  if (!impl_->definitions.emplace(key, std::move(definition)).second) {
    throw Error(Fault::bug, text::format("definition {} version {} is registered twice", key.first, key.second));
  }
}

void Engine::set_sink(ActivitySink& sink) { impl_->sink = &sink; }
void Engine::run() { impl_->start_threads(); }
void Engine::stop() { impl_->stop(); }
void Engine::wait_until_idle() { impl_->wait_until_idle(); }

bool Engine::wake_one() {
  const std::optional<RunId> run = impl_->next_run(false);
  if (run) impl_->advance(*run);
  return run.has_value();
}

int Engine::fire_timers() {
  impl_->requeue_retries();
  return impl_->fire_timers();
}

std::optional<Time> Engine::next_due() {
  const Time due = impl_->read_next_due();
  return due.us == 0 ? std::nullopt : std::optional(due);
}

}  // namespace fairlead::engine
