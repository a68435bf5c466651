// SPDX-License-Identifier: Apache-2.0
// The outbox: what happened, written in the transaction in which it happened, read in order by consumers with a durable
// cursor. Everything that listens (read models, search, notifications, live updates) is a consumer.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "store/store.h"

namespace fairlead::store {

struct OutboxEvent {
  std::int64_t id = 0;  // ascending in the order of commits; gaps are possible
  std::string topic;    // "document", "run", "task": chosen by the publisher
  std::string key;      // what it is about, usually an id
  std::string payload;  // JSON text
  Time created;
};

inline constexpr std::size_t kMaxOutboxPayloadBytes = 256u << 10;

// Returns the event's id. Throws Error(bug) beyond kMaxOutboxPayloadBytes.
std::int64_t publish(Tx& tx, std::string_view topic, std::string_view key, std::string_view payload);

// Events after `position`, oldest first, at most `limit`.
std::vector<OutboxEvent> outbox_after(const Tx& tx, std::int64_t position, int limit);
// The id of the newest event; 0 when there never was one.
std::int64_t outbox_end(const Tx& tx);

struct Consumer {
  std::string name;                 // of the durable cursor
  std::vector<std::string> topics;  // empty: all
  // Exactly one of the two:
  // - apply: runs in the transaction that moves the cursor; its effect in this database happens exactly once.
  // - perform: runs outside any transaction; the cursor moves afterwards: at least once.
  std::function<void(Tx&, const OutboxEvent&)> apply;
  std::function<void(const OutboxEvent&)> perform;
  // Before a rebuild: empties the model. `apply` or `perform` then sees all events that are still kept.
  std::function<void(Tx&)> clear;
  bool from_now = false;                             // a new consumer begins at the end instead of the oldest event
  std::int64_t retry_delay_us = 200 * kMillisecond;  // between the tries of one event
};

struct ParkedEvent {
  std::string consumer;
  OutboxEvent event;
  std::string error;
  Time parked;
};

// Runs consumers, each on a thread of its own that sleeps until something is published. An event that fails kTries
// times is parked with an error in the log and the rest goes on. All functions are thread-safe.
class Outbox {
 public:
  static constexpr int kTries = 3;
  static constexpr int kBatch = 100;

  explicit Outbox(Store& store);
  ~Outbox();  // stop()
  // Before start().
  void add(Consumer consumer);
  void start();
  void stop();
  // Returns when `consumer` has seen everything committed before the call, or after stop(). For tests and for commands
  // that must read their own writes from a model.
  void wait_until_current(std::string_view consumer);
  // Clears the model and starts its consumer from the oldest event.
  void rebuild(std::string_view consumer);

 private:
  struct Runner;
  Runner& find(std::string_view consumer);
  Store& store_;
  std::vector<std::unique_ptr<Runner>> runners_;
  Store::Subscription subscription_;
  bool started_ = false;
};

std::vector<ParkedEvent> parked_events(const Tx& tx, int limit = 100);
// Forgets a parked event. False when there is none.
bool discard_parked(Tx& tx, std::string_view consumer, std::int64_t event);
// Deletes the oldest events created before `before` that every consumer has passed, or all of them where there is no
// consumer, at most `limit`; parked ones stay. Returns how many.
std::int64_t trim_outbox(Tx& tx, Time before, int limit);

}  // namespace fairlead::store
