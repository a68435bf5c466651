// SPDX-License-Identifier: Apache-2.0
#include "store/outbox.h"

#include <mutex>

#include "store/conformance/suite.h"

namespace fairlead::store::conformance {

namespace {

class OutboxConformance : public StoreConformance {
 protected:
  void SetUp() override {
    StoreConformance::SetUp();
    store->write([](Tx& tx) { tx.run("CREATE TABLE model (event INTEGER PRIMARY KEY, payload TEXT)"); });
  }
  std::int64_t publish_one(const std::string& payload, const std::string& topic = "t") {
    return store->write([&](Tx& tx) { return publish(tx, topic, "key", payload); });
  }
  Consumer model_consumer() {
    Consumer consumer;
    consumer.name = "model";
    consumer.retry_delay_us = 0;
    consumer.apply = [this](Tx& tx, const OutboxEvent& event) {
      if (event.payload == poison) throw invalid("this event cannot be read");
      tx.run("INSERT INTO model (event, payload) VALUES (?,?)", event.id, event.payload);
    };
    consumer.clear = [](Tx& tx) { tx.run("DELETE FROM model"); };
    return consumer;
  }
  Consumer listing_consumer() {
    Consumer consumer;
    consumer.name = "list";
    consumer.retry_delay_us = 0;
    consumer.perform = [this](const OutboxEvent& event) {
      const std::lock_guard lock(mutex);
      seen.push_back(event.payload);
      if (event.payload == poison) throw invalid("this event cannot be read");
    };
    return consumer;
  }
  std::vector<std::string> model() {
    return store->read([](const Tx& tx) {
      std::vector<std::string> rows;
      for (Statement row = tx.query("SELECT payload FROM model ORDER BY event"); row.next();)
        rows.push_back(row.text(0));
      return rows;
    });
  }
  std::vector<ParkedEvent> parked() {
    return store->read([](const Tx& tx) { return parked_events(tx); });
  }
  using Texts = std::vector<std::string>;

  std::string poison;
  std::mutex mutex;
  Texts seen;
};
FAIRLEAD_ON_ALL_DRIVERS(OutboxConformance);

TEST_P(OutboxConformance, ConsumersSeeEventsInOrder) {
  publish_one("before the start");
  Outbox outbox(*store);
  outbox.add(model_consumer());
  outbox.add(listing_consumer());
  outbox.start();
  Texts expected = {"before the start"};
  for (int i = 0; i < 250; ++i) {
    expected.push_back(std::to_string(i));
    publish_one(expected.back());
  }
  outbox.wait_until_current("model");
  outbox.wait_until_current("list");
  EXPECT_EQ(model(), expected);
  EXPECT_EQ(seen, expected);
}

TEST_P(OutboxConformance, ARolledBackEventDoesNotExist) {
  EXPECT_THROW(store->write([](Tx& tx) {
    publish(tx, "t", "key", "never");
    throw invalid("no");
  }),
               Error);
  EXPECT_TRUE(store->read([](const Tx& tx) { return outbox_after(tx, 0, 10); }).empty());
}

TEST_P(OutboxConformance, TheCursorSurvivesARestart) {
  {
    Outbox outbox(*store);
    outbox.add(listing_consumer());
    outbox.start();
    publish_one("first");
    outbox.wait_until_current("list");
  }
  publish_one("while stopped");
  reopen();
  Outbox outbox(*store);
  outbox.add(listing_consumer());
  outbox.start();
  outbox.wait_until_current("list");
  EXPECT_EQ(seen, (Texts{"first", "while stopped"}));
}

TEST_P(OutboxConformance, TopicsAreFiltered) {
  Consumer consumer = listing_consumer();
  consumer.topics = {"wanted"};
  Outbox outbox(*store);
  outbox.add(std::move(consumer));
  outbox.start();
  publish_one("no", "other");
  publish_one("yes", "wanted");
  publish_one("no", "other");
  outbox.wait_until_current("list");
  EXPECT_EQ(seen, Texts{"yes"});
}

TEST_P(OutboxConformance, ANewConsumerMayBeginAtTheEnd) {
  publish_one("old");
  Consumer consumer = listing_consumer();
  consumer.from_now = true;
  Outbox outbox(*store);
  outbox.add(std::move(consumer));
  outbox.start();
  publish_one("new");
  outbox.wait_until_current("list");
  EXPECT_EQ(seen, Texts{"new"});
}

TEST_P(OutboxConformance, APoisonEventIsParkedAndTheRestGoesOn) {
  poison = "bad";
  publish_one("1");
  const std::int64_t bad = publish_one("bad");
  publish_one("2");
  Outbox outbox(*store);
  outbox.add(model_consumer());
  outbox.add(listing_consumer());
  outbox.start();
  outbox.wait_until_current("model");
  outbox.wait_until_current("list");
  EXPECT_EQ(model(), (Texts{"1", "2"}));
  EXPECT_EQ(seen, (Texts{"1", "bad", "bad", "bad", "2"}));  // three tries, no more
  ASSERT_EQ(parked().size(), 2u);
  for (const ParkedEvent& one : parked()) {
    EXPECT_EQ(one.event.id, bad);
    EXPECT_EQ(one.event.payload, "bad");
    EXPECT_EQ(one.error, "this event cannot be read");
  }
  EXPECT_TRUE(store->write([&](Tx& tx) { return discard_parked(tx, "list", bad); }));
  EXPECT_FALSE(store->write([&](Tx& tx) { return discard_parked(tx, "list", bad); }));
  EXPECT_EQ(parked().size(), 1u);
}

TEST_P(OutboxConformance, ARebuildBeginsWithAnEmptyModel) {
  Outbox outbox(*store);
  outbox.add(model_consumer());
  outbox.start();
  publish_one("1");
  publish_one("2");
  outbox.wait_until_current("model");
  store->write([](Tx& tx) { tx.run("UPDATE model SET payload='wrong'"); });
  outbox.rebuild("model");
  outbox.wait_until_current("model");
  EXPECT_EQ(model(), (Texts{"1", "2"}));
  EXPECT_EQ(error_from([&] { outbox.rebuild("unknown"); }).fault(), Fault::not_found);
}

TEST_P(OutboxConformance, OnlyWhatEveryConsumerHasPassedIsTrimmed) {
  const auto trim = [&](Time before) { return store->write([&](Tx& tx) { return trim_outbox(tx, before, 100); }); };
  const auto read_all = [&] {
    Outbox outbox(*store);
    outbox.add(listing_consumer());
    outbox.start();
    outbox.wait_until_current("list");
  };
  publish_one("1");
  publish_one("2");
  read_all();
  publish_one("unread");
  clock.advance(kHour);
  const Time later = clock.now();
  EXPECT_EQ(trim(later), 2);
  EXPECT_EQ(trim(later), 0);
  publish_one("3");
  read_all();
  EXPECT_EQ(trim(later), 1);
  const auto left = store->read([](const Tx& tx) { return outbox_after(tx, 0, 10); });
  ASSERT_EQ(left.size(), 1u);
  EXPECT_EQ(left[0].payload, "3");
  EXPECT_EQ(left[0].created, later);
}

TEST_P(OutboxConformance, WithoutConsumersAgeAloneCounts) {
  for (const char* payload : {"1", "2", "3"}) publish_one(payload);
  clock.advance(kHour);
  const Time later = clock.now();
  publish_one("4");
  const auto trim = [&] { return store->write([&](Tx& tx) { return trim_outbox(tx, later, 2); }); };
  EXPECT_EQ(trim(), 2);
  EXPECT_EQ(trim(), 1);
  EXPECT_EQ(trim(), 0);
}

TEST_P(OutboxConformance, PayloadsHaveALimit) {
  EXPECT_EQ(error_from([&] { publish_one(std::string(kMaxOutboxPayloadBytes + 1, 'x')); }).fault(), Fault::bug);
}

TEST_P(OutboxConformance, AConsumerIsEitherTransactionalOrNot) {
  Outbox outbox(*store);
  EXPECT_EQ(error_from([&] { outbox.add(Consumer{.name = "neither"}); }).fault(), Fault::bug);
}

}  // namespace

}  // namespace fairlead::store::conformance
