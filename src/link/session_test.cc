// SPDX-License-Identifier: Apache-2.0
#include "link/session.h"

#include <gtest/gtest.h>

#include <memory>
#include <random>

#include "base/error.h"
#include "base/text.h"

namespace fairlead::link {
namespace {

// Two sessions and the wire between them, which the test cuts where it likes.
struct Pair {
  std::unique_ptr<Session> executor = std::make_unique<Session>("e1");
  std::unique_ptr<Session> server = std::make_unique<Session>("s1");
  std::vector<std::string> at_server;       // payloads, in order of arrival
  std::vector<std::uint64_t> acknowledged;  // tags
  std::vector<Message> undone;

  void connect() {
    const Resume hello = executor->resume();
    server->connected(hello);
    executor->connected(server->resume());
  }
  void disconnect() {
    executor->disconnected();
    server->disconnected();
  }
  // Moves at most `frames` frames up and as many down.
  void move(int frames, bool finish = true) {
    for (int i = 0; i < frames; ++i) {
      if (const auto bytes = executor->next_frame()) {
        for (Message& message : server->receive(decode_frame(*bytes)).messages) {
          at_server.push_back(message.payload);
          undone.push_back(std::move(message));
        }
      }
      if (finish) finish_all();
      if (const auto bytes = server->next_frame()) {
        for (const std::uint64_t tag : executor->receive(decode_frame(*bytes)).delivered) acknowledged.push_back(tag);
      }
    }
  }
  void finish_all() {
    for (const Message& message : undone) server->done(message);
    undone.clear();
  }
};

TEST(Session, DeliversInOrderAndAcknowledges) {
  Pair pair;
  pair.connect();
  for (int i = 1; i <= 3; ++i)
    EXPECT_TRUE(pair.executor->send(Channel::result, text::format("m{}", i), static_cast<std::uint64_t>(i)));
  pair.move(10);
  EXPECT_EQ(pair.at_server, (std::vector<std::string>{"m1", "m2", "m3"}));
  EXPECT_EQ(pair.acknowledged, (std::vector<std::uint64_t>{1, 2, 3}));
  EXPECT_EQ(pair.executor->queued_bytes(), 0u);
}

TEST(Session, AcknowledgesOnlyWhatIsDoneWithoutAGap) {
  Pair pair;
  pair.connect();
  for (std::uint64_t i = 1; i <= 3; ++i) pair.executor->send(Channel::result, "m", i);
  pair.move(5, false);
  ASSERT_EQ(pair.undone.size(), 3u);
  pair.server->done(pair.undone[2]);
  pair.server->done(pair.undone[1]);
  pair.move(1, false);
  EXPECT_TRUE(pair.acknowledged.empty());
  pair.server->done(pair.undone[0]);
  pair.move(1, false);
  EXPECT_EQ(pair.acknowledged, (std::vector<std::uint64_t>{1, 2, 3}));
}

TEST(Session, LongMessagesTravelInPartsAndUrgentOnesPassThem) {
  Pair pair;
  pair.connect();
  const std::string big(kMaxFramePayload * 3 + 5, 'b');
  pair.executor->send(Channel::log, big);
  pair.move(1);
  pair.executor->send(Channel::result, "urgent");
  pair.move(10);
  EXPECT_EQ(pair.at_server, (std::vector<std::string>{"urgent", big}));
}

TEST(Session, TheWindowStopsASenderWhoseMessagesAreNotDone) {
  Pair pair;
  pair.connect();
  const std::string chunk(100 << 10, 'l');
  for (int i = 0; i < 6; ++i) pair.executor->send(Channel::log, chunk);
  EXPECT_EQ(pair.executor->room(Channel::log), 0u);
  pair.move(100, false);
  EXPECT_EQ(pair.at_server.size(), 3u);  // the third begins below 256 KiB
  pair.finish_all();
  pair.move(100);
  EXPECT_EQ(pair.at_server.size(), 6u);
  EXPECT_EQ(pair.executor->room(Channel::log), window_bytes(Channel::log));
}

TEST(Session, AReceiverRefusesAPeerThatIgnoresTheWindow) {
  Session server("s");
  server.connected(Resume{.stream = "e"});
  const std::string payload(kMaxFramePayload, 'x');
  EXPECT_THROW(
      {
        for (std::uint64_t seq = 1; seq < 100; ++seq)
          server.receive(Frame{.channel = Channel::log, .seq = seq, .payload = payload});
      },
      Error);
}

TEST(Session, RefusesGapsAndStrangeAcknowledgements) {
  Session server("s");
  EXPECT_THROW(server.receive(Frame{.channel = Channel::log, .seq = 1, .payload = "x"}), Error);
  server.connected(Resume{.stream = "e"});
  EXPECT_THROW(server.receive(Frame{.channel = Channel::log, .seq = 2, .payload = "x"}), Error);
  EXPECT_THROW(server.receive(Frame{.type = FrameType::ack, .channel = Channel::command, .ack = 1}), Error);
  EXPECT_THROW(server.receive(Frame{.channel = Channel::log, .seq = 1, .payload = ""}), Error);
}

TEST(Session, StatusKeepsOnlyTheLatest) {
  Pair pair;
  pair.executor->send_latest("a", "too early");
  pair.connect();
  pair.executor->send_latest("a", "1");
  pair.executor->send_latest("b", "2");
  pair.executor->send_latest("a", "3");
  pair.move(5);
  EXPECT_EQ(pair.at_server, (std::vector<std::string>{"3", "2"}));
}

TEST(Session, AServerThatForgotGetsEverythingUnacknowledgedAgain) {
  Pair pair;
  pair.connect();
  for (std::uint64_t i = 1; i <= 3; ++i) pair.executor->send(Channel::result, text::format("m{}", i), i);
  pair.move(1);         // m1 done and acknowledged
  pair.move(1, false);  // m2 arrived, not done
  pair.disconnect();
  pair.server = std::make_unique<Session>("s2");
  pair.at_server.clear();
  pair.undone.clear();
  pair.connect();
  pair.move(5);
  EXPECT_EQ(pair.at_server, (std::vector<std::string>{"m2", "m3"}));
  EXPECT_EQ(pair.acknowledged, (std::vector<std::uint64_t>{1, 2, 3}));
}

TEST(Session, AnExecutorThatStartedAnewIsTakenFromItsFirstMessage) {
  Pair pair;
  pair.connect();
  pair.executor->send(Channel::result, "old");
  pair.move(1, false);
  pair.disconnect();
  pair.executor = std::make_unique<Session>("e2");
  pair.executor->send(Channel::result, "new", 9);
  pair.connect();
  pair.finish_all();  // of the earlier stream: must not acknowledge "new"
  EXPECT_TRUE(pair.acknowledged.empty());
  pair.move(3);
  EXPECT_EQ(pair.at_server, (std::vector<std::string>{"old", "new"}));
  EXPECT_EQ(pair.acknowledged, (std::vector<std::uint64_t>{9}));
}

TEST(Session, RefusesAPeerWhoseAccountContradicts) {
  Session session("s");
  EXPECT_THROW(session.connected(Resume{.stream = "e", .channels = {{9, 1, 0}}}), Error);
  EXPECT_THROW(session.connected(Resume{.stream = "e", .channels = {{1, 0, 0}}}), Error);
  EXPECT_THROW(session.connected(Resume{.stream = "e", .peer_stream = "s", .channels = {{1, 1, 5}}}), Error);
}

// Connections cut at random frames, in both directions, effects done late and out of order: nothing is lost, nothing is
// taken twice, the order holds.
TEST(Session, LosesNothingOverRandomCuts) {
  for (unsigned seed = 1; seed <= 60; ++seed) {
    SCOPED_TRACE(text::format("seed {}", seed));
    std::mt19937 random(seed);
    const auto chance = [&](unsigned of) { return random() % of == 0; };
    Pair pair;
    std::vector<std::string> sent;
    int cuts = 0;
    bool up = false;
    while (sent.size() < 300 || pair.acknowledged.size() < sent.size()) {
      if (!up) {
        pair.connect();
        up = true;
      }
      if (sent.size() < 300 && !chance(3)) {
        std::string payload =
            text::format("{}:", sent.size()) + std::string(random() % (chance(10) ? 200'000 : 50), 'x');
        ASSERT_TRUE(pair.executor->send(Channel::result, payload, sent.size()));
        sent.push_back(std::move(payload));
      }
      pair.move(static_cast<int>(random() % 3), false);
      std::shuffle(pair.undone.begin(), pair.undone.end(), random);
      while (!pair.undone.empty() && !chance(3)) {
        pair.server->done(pair.undone.back());
        pair.undone.pop_back();
      }
      if (cuts < 200 && chance(8)) {
        // What either side has taken from its session but the other has not got is lost with the connection.
        while (chance(2) && pair.executor->next_frame()) {
        }
        while (chance(2) && pair.server->next_frame()) {
        }
        pair.disconnect();
        up = false;
        ++cuts;
      }
    }
    EXPECT_EQ(pair.at_server, sent);
    ASSERT_EQ(pair.acknowledged.size(), sent.size());
    for (std::size_t i = 0; i < sent.size(); ++i) ASSERT_EQ(pair.acknowledged[i], i);
    EXPECT_GT(cuts, 10);
  }
}

}  // namespace
}  // namespace fairlead::link
