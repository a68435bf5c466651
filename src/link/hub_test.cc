// SPDX-License-Identifier: Apache-2.0
// Hub and dialer over real sockets, through a server of ours; connections are cut by the hub's own means.
#include "link/hub.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <condition_variable>
#include <mutex>
#include <set>

#include "base/bytes.h"
#include "base/file.h"
#include "base/text.h"
#include "link/dialer.h"
#include "link/transport.h"

namespace fairlead::link {
namespace {

constexpr auto kPatience = std::chrono::seconds(20);  // of a condition that must come true

// Waits for conditions over state that callbacks change.
class Monitor {
 public:
  template <class F>
  void change(F f) {
    const std::lock_guard lock(mutex_);
    f();
    changed_.notify_all();
  }
  template <class F>
  bool wait(F condition) {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, kPatience, condition);
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
};

struct Server : HubEvents, net::Handler {
  Monitor monitor;
  std::map<std::string, ExecutorIdentity> known;
  std::vector<SessionInfo> sessions;
  std::map<std::string, std::vector<std::string>> logs;  // texts by key, duplicates dropped by offset
  std::map<std::string, std::vector<Result>> results;
  std::vector<StatusUpdate> statuses;
  int failures_to_come = 0;  // of on_reports
  SigningKey key = make_signing_key();
  std::unique_ptr<Hub> hub;
  std::unique_ptr<net::HttpServer> http;

  explicit Server(HubOptions options = {}) { start(std::move(options)); }
  ~Server() override { stop(); }
  void start(HubOptions options = {}, std::uint16_t port = 0) {
    options.key = key;
    if (options.server_incarnation.empty()) options.server_incarnation = "i1";
    HubSecrets secrets;
    secrets.open = [](const std::string& sealed) { return Secret("opened:" + sealed); };
    secrets.seal = [](const Secret& text) { return "sealed:" + std::string(text.reveal()); };
    hub = std::make_unique<Hub>(std::move(options), std::move(secrets), *this, system_clock());
    http =
        std::make_unique<net::HttpServer>(net::HttpServerOptions{.port = port, .workers = 2, .slow_workers = 1}, *this);
    http->start();
  }
  void stop() {
    if (hub) hub->stop();
    if (http) http->stop();
  }

  net::Route route(const net::RequestHead&) override {
    return {.lane = net::Lane::websocket, .subprotocol = std::string(kSubprotocol)};
  }
  net::Response handle(net::Request&&) override { return net::error_response(404, "no"); }
  std::optional<net::Response> websocket(net::Request&& request, std::shared_ptr<net::WebSocket> socket) override {
    return hub->accept(std::move(request), std::move(socket));
  }
  std::optional<ExecutorIdentity> find_executor(const std::string& executor) override {
    const auto found = known.find(executor);
    if (found == known.end()) return std::nullopt;
    return found->second;
  }
  void on_session(const SessionInfo& session) override {
    monitor.change([&] { sessions.push_back(session); });
  }
  void on_reports(const std::string&, std::vector<Report> reports) override {
    monitor.change([&] {
      if (failures_to_come > 0) {
        --failures_to_come;
        throw Error(Fault::unavailable, "the disk is full");
      }
      for (Report& report : reports) {
        std::vector<std::string>& log = logs[report.key];
        for (std::size_t i = 0; i < report.log.size(); ++i) {
          const auto offset = static_cast<std::size_t>(report.log_offset) + i;
          if (offset > log.size()) log.push_back("GAP");
          if (offset == log.size()) log.push_back(report.log[i].text);
        }
        if (report.result) results[report.key].push_back(*report.result);
      }
    });
  }
  void on_status(const std::string&, StatusUpdate update) override {
    monitor.change([&] { statuses.push_back(std::move(update)); });
  }
  bool wait_connected(std::size_t times = 1) {
    return monitor.wait([&] {
      return static_cast<std::size_t>(
                 std::count_if(sessions.begin(), sessions.end(), [](const auto& s) { return s.connected; })) >= times;
    });
  }
};

struct Executor : DialerEvents {
  Monitor monitor;
  std::vector<Command> commands;
  std::vector<Cancel> cancels;
  std::set<std::uint64_t> acknowledged;
  std::vector<Connected> connects;
  int disconnects = 0;
  std::string last_reason;
  bool take_commands = true;
  std::unique_ptr<Dialer> dialer;

  void on_command(Command command, std::function<void()> taken) override {
    monitor.change([&] { commands.push_back(std::move(command)); });
    if (take_commands) taken();
  }
  void on_cancel(Cancel cancel) override {
    monitor.change([&] { cancels.push_back(std::move(cancel)); });
  }
  void on_connected(const Connected& connected) override {
    monitor.change([&] { connects.push_back(connected); });
  }
  void on_disconnected(const std::string& reason) override {
    monitor.change([&] {
      ++disconnects;
      last_reason = reason;
    });
  }
  void on_acknowledged(std::uint64_t tag) override {
    monitor.change([&] { acknowledged.insert(tag); });
  }
  void on_sign_of_life() override {}
  std::vector<std::string> running() override { return {"r1"}; }
  ~Executor() override { dialer.reset(); }
};

DialerOptions options_for(const Server& server, const SigningKey& key) {
  DialerOptions options;
  options.server_url = server.http->url();
  options.executor = "Workers-1";
  options.epoch = 1;
  options.incarnation = "m1";
  options.kind = "worker";
  options.key = key;
  options.server_public_key = server.key.public_key;
  options.first_delay_ms = 5;
  options.longest_delay_ms = 20;
  return options;
}

struct Link : testing::Test {
  SigningKey key = make_signing_key();
  Server server;
  Executor executor;
  void SetUp() override { server.known["Workers-1"] = {key.public_key, {}}; }
  void TearDown() override { executor.dialer.reset(); }
  void dial(DialerOptions options) {
    executor.dialer = std::make_unique<Dialer>(std::move(options), executor, system_clock());
    executor.dialer->start();
  }
};

Result result_of(const std::string& key) { return Result{.key = key, .outcome = Outcome::succeeded, .value = {"{}"}}; }

TEST_F(Link, CarriesCommandsLogsResultsAndStatus) {
  dial(options_for(server, key));
  ASSERT_TRUE(server.wait_connected());
  EXPECT_EQ(server.sessions[0].running, std::vector<std::string>{"r1"});
  EXPECT_FALSE(server.sessions[0].resumed);

  RunScript script;
  script.variables["p"] = Confidential::of_sealed("s1");
  EXPECT_EQ(server.hub->send("Workers-1", "m1", {.key = "k1", .kind = "RunScript", .payload = {json::encode(script)}}),
            Sent::queued);
  EXPECT_TRUE(server.hub->cancel("Workers-1", {.key = "k1", .reason = "no"}));
  ASSERT_TRUE(executor.monitor.wait([&] { return executor.cancels.size() == 1; }));
  ASSERT_EQ(executor.commands.size(), 1u);
  const RunScript got = json::decode<RunScript>(executor.commands[0].payload.text);
  EXPECT_TRUE(got.variables.at("p").sealed.empty());
  EXPECT_EQ(open_sealed(key, got.variables.at("p").transport).reveal(), "opened:s1");

  executor.dialer->send(LogChunk{"k1", 0, {{.text = "a"}, {.text = "b"}}}, 1);
  ASSERT_TRUE(executor.monitor.wait([&] { return executor.acknowledged.contains(1); }));
  ScriptResult value;
  value.outputs.push_back(
      {"o", Confidential{.transport = seal_for(server.key.public_key, Secret(std::string("secret")))}});
  Result result = result_of("k1");
  result.value.text = json::encode(value);
  result.log_offset = 2;
  result.log = {{.text = "c"}};
  executor.dialer->send(result, 2);
  executor.dialer->send_status("slot", StatusUpdate{.key = "k1", .sequence = 1});
  ASSERT_TRUE(executor.monitor.wait([&] { return executor.acknowledged.contains(2); }));
  ASSERT_TRUE(server.monitor.wait([&] { return server.statuses.size() == 1; }));
  EXPECT_EQ(server.logs["k1"], (std::vector<std::string>{"a", "b", "c"}));
  ASSERT_EQ(server.results["k1"].size(), 1u);
  EXPECT_EQ(json::decode<ScriptResult>(server.results["k1"][0].value.text).outputs[0].value.sealed, "sealed:secret");
}

TEST_F(Link, RefusesUnknownExecutorsOtherKeysAndOtherServers) {
  dial(options_for(server, make_signing_key()));
  EXPECT_TRUE(
      executor.monitor.wait([&] { return executor.last_reason.find("is not known here") != std::string::npos; }));
  DialerOptions options = options_for(server, key);
  options.server_public_key = make_signing_key().public_key;
  dial(options);
  EXPECT_TRUE(executor.monitor.wait([&] { return executor.last_reason.find("another key") != std::string::npos; }));
  EXPECT_TRUE(server.sessions.empty());
}

TEST_F(Link, TheBuiltInWorkerProvesASharedSecret) {
  server.known["Workers-1"] = {"", Secret(std::string("shared"))};
  DialerOptions options = options_for(server, key);
  options.server_public_key.clear();
  options.shared_secret = Secret(std::string("wrong"));
  dial(options);
  ASSERT_TRUE(executor.monitor.wait([&] { return executor.disconnects >= 1; }));
  options.shared_secret = Secret(std::string("shared"));
  dial(options);
  ASSERT_TRUE(server.wait_connected());
  EXPECT_EQ(server.sessions.size(), 1u);
}

TEST_F(Link, SendsOnlyToTheIncarnationThatWasMeant) {
  EXPECT_EQ(server.hub->send("Workers-1", "m1", {.key = "k", .kind = "x"}), Sent::not_connected);
  dial(options_for(server, key));
  ASSERT_TRUE(server.wait_connected());
  EXPECT_EQ(server.hub->send("Workers-1", "m0", {.key = "k", .kind = "x"}), Sent::other_incarnation);
  EXPECT_EQ(
      server.hub->send("Workers-1", "m1", {.key = "k", .kind = "x", .payload = {std::string(kMaxCommandBytes, ' ')}}),
      Sent::refused);
}

TEST_F(Link, ResendsAfterEveryCut) {
  dial(options_for(server, key));
  ASSERT_TRUE(server.wait_connected());
  executor.take_commands = false;
  server.hub->send("Workers-1", "m1", {.key = "c1", .kind = "x"});
  ASSERT_TRUE(executor.monitor.wait([&] { return executor.commands.size() == 1; }));
  for (std::uint64_t i = 0; i < 200; ++i) {
    executor.dialer->send(LogChunk{"k", static_cast<std::int64_t>(i), {{.text = text::format("{}", i)}}}, i);
    if (i % 40 == 20) {
      server.hub->disconnect("Workers-1", "cut by the test");
      ASSERT_TRUE(server.wait_connected(2 + i / 40));
    }
  }
  ASSERT_TRUE(executor.monitor.wait([&] { return executor.acknowledged.size() == 200; }));
  ASSERT_EQ(server.logs["k"].size(), 200u);
  for (std::size_t i = 0; i < 200; ++i) EXPECT_EQ(server.logs["k"][i], text::format("{}", i));
  EXPECT_TRUE(server.sessions.back().resumed);
  EXPECT_EQ(executor.commands.size(), 1u);  // seen already: the same process, so nothing is handed over twice
}

TEST_F(Link, AServerThatCannotStoreGetsItAgain) {
  server.failures_to_come = 2;
  dial(options_for(server, key));
  ASSERT_TRUE(server.wait_connected());
  executor.dialer->send(result_of("k"), 7);
  ASSERT_TRUE(executor.monitor.wait([&] { return executor.acknowledged.contains(7); }));
  EXPECT_EQ(server.results["k"].size(), 1u);
  EXPECT_FALSE(server.sessions.back().resumed);
}

TEST_F(Link, AServerThatRestartsGetsWhatItHadNotAcknowledged) {
  DialerOptions options = options_for(server, key);
  dial(options);
  ASSERT_TRUE(server.wait_connected());
  const std::uint16_t port = server.http->port();
  server.stop();
  executor.dialer->send(result_of("k"), 1);
  ASSERT_TRUE(executor.monitor.wait([&] { return executor.disconnects >= 1; }));
  server.start({}, port);
  ASSERT_TRUE(executor.monitor.wait([&] { return executor.acknowledged.contains(1); }));
  EXPECT_EQ(server.results["k"].size(), 1u);
  EXPECT_FALSE(server.sessions.back().resumed);
  EXPECT_EQ(executor.connects.size(), 2u);
}

TEST_F(Link, ANewProcessOfTheExecutorGetsItsCommandsAgainOnlyFromTheOwner) {
  executor.take_commands = false;
  dial(options_for(server, key));
  ASSERT_TRUE(server.wait_connected());
  server.hub->send("Workers-1", "m1", {.key = "c1", .kind = "x"});
  ASSERT_TRUE(executor.monitor.wait([&] { return executor.commands.size() == 1; }));
  DialerOptions options = options_for(server, key);
  options.epoch = 2;
  dial(options);
  ASSERT_TRUE(server.wait_connected(2));
  server.hub->send("Workers-1", "m1", {.key = "c2", .kind = "x"});
  ASSERT_TRUE(executor.monitor.wait([&] { return executor.commands.size() == 2; }));
  EXPECT_EQ(executor.commands[1].key, "c2");
}

TEST_F(Link, PingsRenewLeases) {
  server.stop();
  server.start({.ping_interval_ms = 20});
  DialerOptions options = options_for(server, key);
  options.dead_after_ms = 10'000;
  dial(options);
  ASSERT_TRUE(server.wait_connected());
  // A silent link stays: the dialer hears pings. A hub that pings rarely is given up.
  server.stop();
  server.start({.ping_interval_ms = 600'000});
  options = options_for(server, key);
  options.dead_after_ms = 50;
  dial(options);
  ASSERT_TRUE(executor.monitor.wait([&] { return executor.disconnects >= 1; }));
}

TEST_F(Link, WorksOverAUnixSocket) {
  const std::string folder = file::make_temporary_folder("link");
  server.http->stop();
  server.http = std::make_unique<net::HttpServer>(
      net::HttpServerOptions{.unix_socket = folder + "/s", .workers = 2, .slow_workers = 1}, server);
  server.http->start();
  DialerOptions options = options_for(server, key);
  options.unix_socket = folder + "/s";
  options.server_url.clear();
  dial(options);
  EXPECT_TRUE(server.wait_connected());
  EXPECT_EQ(server.sessions[0].peer_address, "local");
  executor.dialer.reset();
  file::remove_tree(folder);
}

}  // namespace
}  // namespace fairlead::link
