// SPDX-License-Identifier: Apache-2.0
#include "net/websocket.h"

#include <gtest/gtest.h>
#include <sys/socket.h>

#include <condition_variable>
#include <deque>
#include <latch>
#include <mutex>
#include <thread>

#include "base/file.h"
#include "base/text.h"
#include "net/http_server.h"
#include "net/testing/certificates.h"
#include "net/testing/raw_client.h"
#include "net/websocket_codec.h"

namespace fairlead::net {
namespace {

using testing::RawClient;

// What one side of a socket has seen.
class Side {
 public:
  WebSocketHandlers handlers() {
    return {.on_message = [this](std::string message) { update([&] { messages.push_back(std::move(message)); }); },
            .on_close = [this](std::uint16_t code,
                               std::string text) { update([&] { closed.push_back(code), reason = std::move(text); }); },
            .on_drained = [this] { update([&] { ++drained; }); }};
  }
  std::string next() {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return !messages.empty() || !closed.empty(); });
    if (messages.empty()) return "(closed)";
    std::string message = std::move(messages.front());
    messages.pop_front();
    return message;
  }
  std::uint16_t wait_for_close() {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return !closed.empty(); });
    return closed.front();
  }
  void wait_for_drain() {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return drained > 0; });
  }
  std::deque<std::string> messages;
  std::vector<std::uint16_t> closed;
  std::string reason;
  int drained = 0;

 private:
  template <class F>
  void update(F&& f) {
    const std::lock_guard lock(mutex_);
    f();
    changed_.notify_all();
  }
  std::mutex mutex_;
  std::condition_variable changed_;
};

class SocketHandler : public Handler {
 public:
  explicit SocketHandler(Side& side) : side_(side) {}
  Route route(const RequestHead& head) override {
    return {.lane = head.path == "/link" ? Lane::websocket : Lane::fast, .subprotocol = "v1"};
  }
  Response handle(Request&&) override { return {}; }
  std::optional<Response> websocket(Request&& request, std::shared_ptr<WebSocket> given) override {
    if (request.headers.get("Authorization") == "Bearer wrong") return error_response(401, "unknown token");
    given->set_handlers(side_.handlers());
    if (request.query == "greet") given->send("welcome");
    const std::lock_guard lock(mutex_);
    socket_ = std::move(given);
    changed_.notify_all();
    return std::nullopt;
  }
  std::shared_ptr<WebSocket> socket() {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return socket_ != nullptr; });
    return socket_;
  }

 private:
  Side& side_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::shared_ptr<WebSocket> socket_;
};

class WebSocketTest : public ::testing::Test {
 protected:
  ~WebSocketTest() override {
    dialer_.reset();
    server_.reset();
    file::remove_tree(folder_);
  }
  void serve(HttpServerOptions options = {}) {
    server_ = std::make_unique<HttpServer>(std::move(options), handler_);
    server_->start();
  }
  std::string url(const std::string& scheme = "ws") {
    return text::format("{}://127.0.0.1:{}/link", scheme, server_->port());
  }
  std::shared_ptr<WebSocket> dial(DialOptions options = {}) {
    if (options.url.empty()) options.url = url();
    auto socket = dial_and_wait(*dialer_, std::move(options));
    socket->set_handlers(ours_.handlers());
    return socket;
  }
  // The result of a dial that must fail.
  DialResult fail(DialOptions options) {
    std::latch done(1);
    DialResult failed;
    dialer_->dial(std::move(options), [&](DialResult result) {
      failed = std::move(result);
      done.count_down();
    });
    done.wait();
    EXPECT_EQ(failed.socket, nullptr);
    if (!failed.error) failed.error = Error(Fault::bug, "no error");
    return failed;
  }
  // A raw client that has done the upgrade.
  RawClient upgraded() {
    RawClient client(server_->port());
    client.send(
        "GET /link HTTP/1.1\r\nHost: h\r\nUpgrade: WebSocket\r\nConnection: keep-alive, "
        "Upgrade\r\nSec-WebSocket-Version: 13\r\n"
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n");
    EXPECT_EQ(client.read_response().status, 101);
    return client;
  }
  std::string folder_ = file::make_temporary_folder("net");
  Side ours_;
  Side theirs_;
  SocketHandler handler_{theirs_};
  std::unique_ptr<HttpServer> server_;
  std::unique_ptr<WebSocketDialer> dialer_ = std::make_unique<WebSocketDialer>();
};

constexpr char kTestMask[] = {1, 2, 3, 4};

TEST_F(WebSocketTest, CarriesMessagesBothWays) {
  serve();
  const auto socket = dial({.url = url() + "?greet", .subprotocol = "v1"});
  EXPECT_EQ(socket->subprotocol(), "v1");
  EXPECT_EQ(ours_.next(), "welcome");
  const std::string big(std::size_t{1} << 20, 'b');
  EXPECT_TRUE(socket->send("hello"));
  EXPECT_TRUE(socket->send(""));
  EXPECT_TRUE(socket->send(big));
  EXPECT_EQ(theirs_.next(), "hello");
  EXPECT_EQ(theirs_.next(), "");
  EXPECT_EQ(theirs_.next(), big);
  EXPECT_TRUE(handler_.socket()->send(big));
  EXPECT_EQ(ours_.next(), big);
  EXPECT_FALSE(socket->send(big + "x"));  // over the limit of one message
  socket->close(CloseCode::normal, "done");
  EXPECT_EQ(theirs_.wait_for_close(), 1000);
  EXPECT_EQ(theirs_.reason, "done");
  EXPECT_EQ(ours_.wait_for_close(), 1000);
  EXPECT_FALSE(socket->open());
  EXPECT_FALSE(socket->send("late"));
}

TEST_F(WebSocketTest, ServerStopSaysGoingAway) {
  serve();
  const auto socket = dial();
  handler_.socket();
  server_->stop();
  EXPECT_EQ(ours_.wait_for_close(), 1001);
  EXPECT_EQ(theirs_.wait_for_close(), 1001);
  EXPECT_EQ(ours_.closed.size(), 1U);
}

TEST_F(WebSocketTest, DialerDestructionCloses) {
  serve();
  const auto socket = dial();
  const auto theirs = handler_.socket();
  dialer_.reset();
  EXPECT_EQ(ours_.closed.size(), 1U);
  EXPECT_EQ(theirs_.wait_for_close(), 1001);
  EXPECT_FALSE(socket->send("x"));  // the object may outlive its dialer
  socket->close(CloseCode::normal, "");
}

TEST_F(WebSocketTest, ReportsALostPeer) {
  serve();
  {
    RawClient client = upgraded();
    handler_.socket();
  }
  EXPECT_EQ(theirs_.wait_for_close(), 1006);
}

TEST_F(WebSocketTest, JoinsFragmentsAndAnswersPings) {
  serve();
  RawClient client = upgraded();
  std::string first = encode_frame(Opcode::binary, "frag", kTestMask);
  first[0] = '\x02';
  std::string second = encode_frame(Opcode::continuation, "ment", kTestMask);
  client.send(first + encode_frame(Opcode::ping, "p", kTestMask) + second);
  EXPECT_EQ(client.read_exactly(3), encode_frame(Opcode::pong, "p", nullptr));
  EXPECT_EQ(theirs_.next(), "fragment");
  client.send(encode_frame(Opcode::close, close_payload(3001, "own code"), kTestMask));
  EXPECT_EQ(client.read_to_end(), encode_frame(Opcode::close, close_payload(3001, "own code"), nullptr));
  EXPECT_EQ(theirs_.wait_for_close(), 3001);
}

TEST_F(WebSocketTest, ClosesOnBadFrames) {
  serve({.websocket = {.max_message_bytes = 1'000}});
  struct Case {
    std::string bytes;
    int code;
  };
  for (const Case& c : {Case{encode_frame(Opcode::binary, "unmasked", nullptr), 1002},
                        Case{encode_frame(Opcode::text, "x", kTestMask), 1003},
                        Case{encode_frame(Opcode::binary, std::string(1'001, 'x'), kTestMask), 1009}}) {
    RawClient client = upgraded();
    client.send(c.bytes);
    const std::string answer = client.read_exactly(4);
    EXPECT_EQ(static_cast<unsigned char>(answer.at(0)), 0x88);
    EXPECT_EQ(static_cast<unsigned char>(answer.at(2)) << 8 | static_cast<unsigned char>(answer.at(3)), c.code);
  }
}

TEST_F(WebSocketTest, BoundsTheQueueAndTellsWhenItDrains) {
  serve({.websocket = {.max_message_bytes = 1 << 20, .max_queued_bytes = 4 << 20}});
  RawClient client = upgraded();
  const auto socket = handler_.socket();
  const std::string block(std::size_t{1} << 20, 'q');
  int sent = 0;
  while (socket->send(block)) ++sent;
  EXPECT_GE(sent, 3);
  EXPECT_LE(socket->queued_bytes(), std::size_t{4} << 20);
  EXPECT_TRUE(socket->open());
  client.read_exactly(static_cast<std::size_t>(sent) * ((std::size_t{1} << 20) + 10));
  theirs_.wait_for_drain();
  EXPECT_TRUE(socket->send("more"));
}

TEST_F(WebSocketTest, PingsAndNoticesSilence) {
  serve({.websocket = {.ping_interval_ms = 30, .dead_after_ms = 200}});
  RawClient client = upgraded();
  EXPECT_EQ(client.read_exactly(2), encode_frame(Opcode::ping, "", nullptr));
  EXPECT_EQ(theirs_.wait_for_close(), 1006);  // we never answered
}

TEST_F(WebSocketTest, AnsweredPingsKeepItOpen) {
  serve({.websocket = {.ping_interval_ms = 30, .dead_after_ms = 10'000}});
  RawClient client = upgraded();
  for (int i = 0; i < 3; ++i) {
    EXPECT_EQ(client.read_exactly(2), encode_frame(Opcode::ping, "", nullptr));
    client.send(encode_frame(Opcode::pong, "", kTestMask));
  }
  EXPECT_TRUE(handler_.socket()->open());
}

TEST_F(WebSocketTest, RefusesWrongUpgrades) {
  serve();
  RawClient plain(server_->port());
  plain.send("GET /link HTTP/1.1\r\nHost: h\r\n\r\n");
  EXPECT_EQ(plain.read_response().status, 426);
  RawClient key(server_->port());
  key.send(
      "GET /link HTTP/1.1\r\nHost: h\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: "
      "13\r\nSec-WebSocket-Key: x\r\n\r\n");
  EXPECT_EQ(key.read_response().status, 400);
  const DialResult refused = fail({.url = url(), .headers = {{"Authorization", "Bearer wrong"}}});
  EXPECT_EQ(refused.http_status, 401);
  EXPECT_EQ(refused.http_body, "{\"ErrorMessage\":\"unknown token\"}");
  EXPECT_EQ(refused.error->fault(), Fault::unauthenticated);
  EXPECT_NE(fail({.url = url(), .subprotocol = "v2"}).error->message().find("subprotocol"), std::string::npos);
}

TEST_F(WebSocketTest, DialErrorsNameTheReason) {
  serve();
  EXPECT_EQ(fail({.url = "http://x/"}).error->fault(), Fault::invalid);
  EXPECT_EQ(fail({.url = "ws://u:p@127.0.0.1/"}).error->fault(), Fault::invalid);
  EXPECT_EQ(fail({.url = "ws://192.0.2.1/"}).error->message(), "ws://192.0.2.1:80 is not encrypted");
  EXPECT_EQ(fail({.url = url(), .headers = {{"A", "b\r\nC: d"}}}).error->fault(), Fault::invalid);
  std::uint16_t port = 0;
  {
    port = testing::RawListener().port();
  }
  EXPECT_EQ(fail({.url = text::format("ws://127.0.0.1:{}/", port)}).error->message(),
            text::format("cannot reach ws://127.0.0.1:{}: connection refused", port));
  testing::RawListener silent;
  EXPECT_EQ(fail({.url = text::format("ws://127.0.0.1:{}/", silent.port()), .connect_timeout_ms = 50}).error->fault(),
            Fault::timeout);
}

TEST_F(WebSocketTest, ChecksCertificates) {
  const testing::Issued authority = testing::make_authority("Link CA");
  const testing::Issued good = testing::issue(authority, {});
  serve({.tls_certificate_file = testing::write_file(folder_, "c", good.certificate_pem),
         .tls_key_file = testing::write_file(folder_, "k", good.key_pem)});
  const auto socket = dial({.url = url("wss"), .ca_pem = authority.certificate_pem});
  socket->send("secret");
  EXPECT_EQ(theirs_.next(), "secret");
  const std::string origin = text::format("wss://127.0.0.1:{}", server_->port());
  EXPECT_EQ(
      fail({.url = url("wss"), .ca_pem = testing::make_authority("Other").certificate_pem}).error->message(),
      text::format(
          "the certificate of {} is not trusted: its issuer \"CN=Link CA\" is not among the given CA certificates",
          origin));
  EXPECT_NE(
      fail({.url = text::format("wss://localhost.:{}/link", server_->port()), .ca_pem = authority.certificate_pem})
          .error,
      std::nullopt);
  const auto careless = dial_and_wait(*dialer_, {.url = url("wss"), .insecure = true});
  EXPECT_TRUE(careless->open());
}

TEST_F(WebSocketTest, RefusesExpiredAndForeignCertificates) {
  const testing::Issued authority = testing::make_authority("Link CA");
  const testing::Issued old =
      testing::issue(authority, {.common_name = "old", .valid_from_s = -200, .valid_for_s = -100});
  serve({.tls_certificate_file = testing::write_file(folder_, "c", old.certificate_pem),
         .tls_key_file = testing::write_file(folder_, "k", old.key_pem)});
  EXPECT_NE(
      fail({.url = url("wss"), .ca_pem = authority.certificate_pem}).error->message().find("\"CN=old\" has expired"),
      std::string::npos);
  const testing::Issued other = testing::issue(authority, {.names = {"DNS:other.example"}});
  serve({.tls_certificate_file = testing::write_file(folder_, "c", other.certificate_pem),
         .tls_key_file = testing::write_file(folder_, "k", other.key_pem)});
  EXPECT_NE(
      fail({.url = url("wss"), .ca_pem = authority.certificate_pem}).error->message().find("it names other.example"),
      std::string::npos);
}

// A CONNECT proxy for one connection: notes the request and copies bytes.
TEST_F(WebSocketTest, PassesProxies) {
  serve();
  testing::RawListener listener;
  std::string seen;
  std::thread proxy([&] {
    const file::Descriptor accepted = listener.accept();
    char buffer[4096];
    while (seen.find("\r\n\r\n") == std::string::npos) {
      const ssize_t count = ::recv(accepted.get(), buffer, sizeof buffer, 0);
      if (count <= 0) return;
      seen.append(buffer, static_cast<std::size_t>(count));
    }
    const std::string refusal = "HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n";
    ::send(accepted.get(), refusal.data(), refusal.size(), MSG_NOSIGNAL);
  });
  const DialResult refused =
      fail({.url = url(), .proxy = text::format("http://ann:p%40ss@127.0.0.1:{}", listener.port())});
  proxy.join();
  EXPECT_EQ(refused.error->fault(), Fault::unauthenticated);
  EXPECT_TRUE(seen.starts_with(text::format("CONNECT 127.0.0.1:{} HTTP/1.1\r\n", server_->port()))) << seen;
  EXPECT_NE(seen.find("Proxy-Authorization: Basic YW5uOnBAc3M=\r\n"), std::string::npos) << seen;
}

TEST_F(WebSocketTest, GoesOverUnixSockets) {
  const std::string path = folder_ + "/worker.sock";
  serve({.unix_socket = path});
  const auto socket = dial({.url = "ws://server/link", .unix_socket = path});
  socket->send("local");
  EXPECT_EQ(theirs_.next(), "local");
}

}  // namespace
}  // namespace fairlead::net
