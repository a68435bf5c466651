// SPDX-License-Identifier: Apache-2.0
#include "store/outbox.h"

#include <algorithm>
#include <condition_variable>
#include <mutex>
#include <thread>

#include "base/cancel.h"
#include "base/error.h"
#include "base/log.h"
#include "base/metrics.h"
#include "base/text.h"
#include "base/thread.h"

namespace fairlead::store {

namespace {

// How long a consumer waits after the store itself failed (a full disk, for example).
constexpr std::int64_t kStoreRetryUs = kSecond;

OutboxEvent outbox_event_of(const Statement& row) {
  return {row.integer(0), row.text(1), row.text(2), row.text(3), row.time(4)};
}

std::int64_t cursor_of(const Tx& tx, std::string_view consumer) {
  return tx.integer("SELECT position FROM outbox_cursor WHERE consumer=?", consumer).value_or(0);
}

void park(Tx& tx, std::string_view consumer, const OutboxEvent& event, std::string_view error) {
  tx.run(
      "INSERT INTO outbox_parked (consumer, event, topic, key, payload, created, error, parked) VALUES "
      "(?,?,?,?,?,?,?,?) "
      "ON CONFLICT (consumer, event) DO UPDATE SET error = excluded.error, parked = excluded.parked",
      consumer, event.id, event.topic, event.key, event.payload, event.created, error, tx.now());
}

}  // namespace

std::int64_t publish(Tx& tx, std::string_view topic, std::string_view key, std::string_view payload) {
  if (payload.size() > kMaxOutboxPayloadBytes) {
    throw Error(Fault::bug, text::format("an outbox event of topic {} has {} bytes; the limit is {}", topic,
                                         payload.size(), kMaxOutboxPayloadBytes));
  }
  tx.mark_outbox();
  return *tx.integer("INSERT INTO outbox (topic, key, payload, created) VALUES (?,?,?,?) RETURNING id", topic, key,
                     payload, tx.now());
}

std::vector<OutboxEvent> outbox_after(const Tx& tx, std::int64_t position, int limit) {
  std::vector<OutboxEvent> events;
  Statement rows =
      tx.query("SELECT id, topic, key, payload, created FROM outbox WHERE id > ? ORDER BY id LIMIT ?", position, limit);
  while (rows.next()) events.push_back(outbox_event_of(rows));
  return events;
}

std::int64_t outbox_end(const Tx& tx) { return tx.integer("SELECT max(id) FROM outbox").value_or(0); }

// One consumer and its thread. `position` and `woken` are guarded by `mutex`; position is set by after-commit hooks,
// that is, in the order of the commits.
struct Outbox::Runner {
  Runner(Store& store_used, Consumer what) : store(store_used), consumer(std::move(what)) {}

  void begin() {
    store.write([&](Tx& tx) {
      const std::int64_t start = consumer.from_now ? outbox_end(tx) : 0;
      tx.run("INSERT INTO outbox_cursor (consumer, position) VALUES (?,?) ON CONFLICT (consumer) DO NOTHING",
             consumer.name, start);
      remember_after_commit(tx, cursor_of(tx, consumer.name));
    });
    thread = start_thread("outbox", [this] { run(); });
  }

  void end() {
    stop.cancel("the outbox stops");
    {
      const std::lock_guard lock(mutex);
      stopped = true;
    }
    changed.notify_all();
    if (thread.joinable()) thread.join();
  }

  void wake() {
    {
      const std::lock_guard lock(mutex);
      woken = true;
    }
    changed.notify_all();
  }

  void wait_for(std::int64_t target) {
    std::unique_lock lock(mutex);
    changed.wait(lock, [&] { return stopped || position >= target; });
  }

  void rebuild() {
    store.write([&](Tx& tx) {
      if (consumer.clear) consumer.clear(tx);
      tx.run("DELETE FROM outbox_parked WHERE consumer=?", consumer.name);
      tx.run("UPDATE outbox_cursor SET position=0 WHERE consumer=?", consumer.name);
      remember_after_commit(tx, 0);
    });
    wake();
  }

  const std::string& name() const { return consumer.name; }

 private:
  void run() {
    while (true) {
      {
        std::unique_lock lock(mutex);
        changed.wait(lock, [&] { return stopped || woken; });
        if (stopped) return;
        woken = false;
      }
      try {
        while (consumer.apply ? apply_batch() : perform_batch()) {
          if (stop.token().cancelled()) return;
        }
      } catch (const std::exception& error) {
        if (stop.token().cancelled()) return;
        log::error("an outbox consumer could not go on", {{"consumer", name()}, {"error", error.what()}});
        stop.token().wait_for_us(kStoreRetryUs);
        wake();
      }
    }
  }

  void remember_after_commit(Tx& tx, std::int64_t reached) {
    tx.after_commit([this, reached] {
      {
        const std::lock_guard lock(mutex);
        position = reached;
      }
      changed.notify_all();
    });
  }

  bool wanted(const OutboxEvent& event) const {
    return consumer.topics.empty() ||
           std::find(consumer.topics.begin(), consumer.topics.end(), event.topic) != consumer.topics.end();
  }

  // Moves the cursor unless a rebuild moved it meanwhile.
  void move_cursor(Tx& tx, std::int64_t from, std::int64_t to) {
    if (tx.run("UPDATE outbox_cursor SET position=? WHERE consumer=? AND position=?", to, name(), from) == 1) {
      remember_after_commit(tx, to);
    }
  }

  // Applies up to `limit` events and moves the cursor in one transaction; false at the end of the outbox.
  bool apply_some(int limit) {
    return store.write([&](Tx& tx) {
      const std::int64_t from = cursor_of(tx, name());
      const std::vector<OutboxEvent> events = outbox_after(tx, from, limit);
      if (events.empty()) return false;
      for (const OutboxEvent& event : events) {
        if (wanted(event)) consumer.apply(tx, event);
      }
      move_cursor(tx, from, events.back().id);
      return true;
    });
  }

  bool apply_batch() {
    try {
      return apply_some(kBatch);
    } catch (const std::exception& error) {
      log::debug("an outbox batch failed; its events are tried one by one",
                 {{"consumer", name()}, {"error", error.what()}});
    }
    for (int done = 0; done < kBatch && !stop.token().cancelled(); ++done) {
      bool more = true;
      const std::optional<std::string> failure = tried([&] { more = apply_some(1); });
      if (failure) park_next(*failure);
      if (!more) return false;
    }
    return true;
  }

  bool perform_batch() {
    std::int64_t from = 0;
    const std::vector<OutboxEvent> events = store.read([&](const Tx& tx) {
      from = cursor_of(tx, name());
      return outbox_after(tx, from, kBatch);
    });
    if (events.empty()) return false;
    std::int64_t reached = from;
    std::vector<std::pair<const OutboxEvent*, std::string>> failed;
    for (const OutboxEvent& event : events) {
      if (stop.token().cancelled()) break;
      if (wanted(event)) {
        std::optional<std::string> failure = tried([&] { consumer.perform(event); });
        // Interrupted in the middle of the tries: the event's turn comes again after the next start.
        if (failure && stop.token().cancelled()) break;
        if (failure) failed.emplace_back(&event, *std::move(failure));
      }
      reached = event.id;
    }
    store.write([&](Tx& tx) {
      for (const auto& [event, error] : failed) park(tx, name(), *event, error);
      move_cursor(tx, from, reached);
    });
    for (const auto& [event, error] : failed) report(*event, error);
    return true;
  }

  // Calls `f` up to kTries times; the last error's text, or nullopt after a success.
  template <class F>
  std::optional<std::string> tried(F f) {
    std::string last;
    for (int attempt = 1; attempt <= kTries; ++attempt) {
      try {
        f();
        return std::nullopt;
      } catch (const std::exception& error) {
        last = error.what();
      }
      if (attempt < kTries && stop.token().wait_for_us(consumer.retry_delay_us)) break;
    }
    return last;
  }

  void park_next(const std::string& failure) {
    if (stop.token().cancelled()) return;
    const std::optional<OutboxEvent> parked = store.write([&](Tx& tx) -> std::optional<OutboxEvent> {
      const std::int64_t from = cursor_of(tx, name());
      const std::vector<OutboxEvent> next = outbox_after(tx, from, 1);
      if (next.empty()) return std::nullopt;
      park(tx, name(), next.front(), failure);
      move_cursor(tx, from, next.front().id);
      return next.front();
    });
    if (parked) report(*parked, failure);
  }

  void report(const OutboxEvent& event, const std::string& failure) const {
    metrics::counter("fairlead_outbox_parked_total", "Events that a consumer could not process").add();
    log::error(
        "an outbox event was parked after three tries",
        {{"consumer", name()}, {"event", event.id}, {"topic", event.topic}, {"key", event.key}, {"error", failure}});
  }

  Store& store;
  const Consumer consumer;
  CancelSource stop;
  std::thread thread;
  std::mutex mutex;
  std::condition_variable changed;
  bool woken = true;
  bool stopped = false;
  std::int64_t position = 0;
};

Outbox::Outbox(Store& store) : store_(store) {}
Outbox::~Outbox() { stop(); }

void Outbox::add(Consumer consumer) {
  if (started_) throw Error(Fault::bug, "a consumer was added to an outbox that runs");
  if (static_cast<bool>(consumer.apply) == static_cast<bool>(consumer.perform)) {
    throw Error(Fault::bug, text::format("the outbox consumer {} must have either apply or perform", consumer.name));
  }
  runners_.push_back(std::make_unique<Runner>(store_, std::move(consumer)));
}

void Outbox::start() {
  started_ = true;
  for (const auto& runner : runners_) runner->begin();
  subscription_ = store_.subscribe_outbox([this] {
    for (const auto& runner : runners_) runner->wake();
  });
  // What was published between the two.
  for (const auto& runner : runners_) runner->wake();
}

void Outbox::stop() {
  subscription_.reset();
  for (const auto& runner : runners_) runner->end();
}

Outbox::Runner& Outbox::find(std::string_view consumer) {
  for (const auto& runner : runners_) {
    if (runner->name() == consumer) return *runner;
  }
  throw not_found(text::format("there is no outbox consumer {}", consumer));
}

void Outbox::wait_until_current(std::string_view consumer) {
  const std::int64_t end = store_.read([](const Tx& tx) { return outbox_end(tx); });
  find(consumer).wait_for(end);
}

void Outbox::rebuild(std::string_view consumer) { find(consumer).rebuild(); }

std::vector<ParkedEvent> parked_events(const Tx& tx, int limit) {
  std::vector<ParkedEvent> parked;
  Statement rows = tx.query(
      "SELECT event, topic, key, payload, created, consumer, error, parked FROM outbox_parked ORDER BY parked, event "
      "LIMIT ?",
      limit);
  while (rows.next()) parked.push_back({rows.text(5), outbox_event_of(rows), rows.text(6), rows.time(7)});
  return parked;
}

bool discard_parked(Tx& tx, std::string_view consumer, std::int64_t event) {
  return tx.run("DELETE FROM outbox_parked WHERE consumer=? AND event=?", consumer, event) == 1;
}

std::int64_t trim_outbox(Tx& tx, Time before, int limit) {
  return tx.run(
      "DELETE FROM outbox WHERE id IN (SELECT id FROM outbox WHERE created < ? "
      "AND id <= coalesce((SELECT min(position) FROM outbox_cursor), id) ORDER BY id LIMIT ?)",
      before, limit);
}

}  // namespace fairlead::store
