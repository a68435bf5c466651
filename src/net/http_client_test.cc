// SPDX-License-Identifier: Apache-2.0
#include "net/http_client.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <atomic>
#include <condition_variable>
#include <latch>
#include <mutex>
#include <thread>

#include "base/file.h"
#include "base/text.h"
#include "net/http_server.h"
#include "net/testing/certificates.h"
#include "net/testing/raw_client.h"

namespace fairlead::net {
namespace {

// Echoes, redirects, streams lines.
class Peer : public Handler {
 public:
  Route route(const RequestHead& head) override { return {.lane = head.path == "/events" ? Lane::stream : Lane::fast}; }
  Response handle(Request&& request) override {
    if (request.path == "/big") return {.body = std::string(100'000, 'b')};
    if (request.path == "/redirect") return {.status = 302, .headers = {{"Location", "/landed"}}};
    if (request.path == "/circle") return {.status = 302, .headers = {{"Location", "/circle"}}};
    if (request.path == "/fail") return error_response(410, "too old");
    if (request.path == "/lines") return {.content_type = "text/plain", .body = "one\r\ntwo\n\nthree"};
    if (request.path == "/block") {
      blocked.count_down();
      release.wait();
    }
    return {.body = request.method + " " + request.target + " [" + request.body + "] " +
                    std::string(request.headers.get("X-Test")) + " " + std::string(request.headers.get("Host")),
            .headers = {{"X-Answer", "yes"}}};
  }
  std::optional<Response> stream(Request&&, std::shared_ptr<EventStream> given) override {
    const std::lock_guard lock(mutex);
    events = std::move(given);
    changed.notify_all();
    return std::nullopt;
  }
  std::shared_ptr<EventStream> wait_for_stream() {
    std::unique_lock lock(mutex);
    changed.wait(lock, [&] { return events != nullptr; });
    return events;
  }
  std::latch blocked{1};
  std::latch release{1};
  std::mutex mutex;
  std::condition_variable changed;
  std::shared_ptr<EventStream> events;
};

// Collects lines; pauses after each where told to.
class Lines : public LineSink {
 public:
  explicit Lines(bool pause_always = false) : pause_always_(pause_always) {}
  void on_head(const ClientResponse& head) override {
    update([&] { status = head.status; });
  }
  bool on_line(std::string_view line) override {
    update([&] { lines.emplace_back(line); });
    return !pause_always_;
  }
  void on_end(ClientResult given) override {
    update([&] { result = std::move(given); });
  }
  template <class F>
  void wait(F&& f) {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return f(); });
  }
  void wait_for_end() {
    wait([&] { return result.has_value(); });
  }
  std::vector<std::string> lines;
  std::optional<ClientResult> result;
  int status = 0;

 private:
  template <class F>
  void update(F&& f) {
    const std::lock_guard lock(mutex_);
    f();
    changed_.notify_all();
  }
  const bool pause_always_;
  std::mutex mutex_;
  std::condition_variable changed_;
};

class HttpClientTest : public ::testing::Test {
 protected:
  ~HttpClientTest() override {
    server_.reset();
    file::remove_tree(folder_);
  }
  void serve(HttpServerOptions options = {}) {
    server_ = std::make_unique<HttpServer>(std::move(options), peer_);
    server_->start();
  }
  void serve_tls(const testing::Issued& issued) {
    serve({.tls_certificate_file = testing::write_file(folder_, "cert.pem", issued.certificate_pem),
           .tls_key_file = testing::write_file(folder_, "key.pem", issued.key_pem)});
  }
  std::string at(const std::string& path) { return server_->url() + path; }
  // The error of a request that must fail.
  Error error_of(ClientRequest request, const CancelToken& cancel = {}) {
    try {
      client_.perform(std::move(request), cancel);
    } catch (const Error& error) {
      return error;
    }
    return Error(Fault::bug, "no error");
  }
  std::string folder_ = file::make_temporary_folder("net");
  Peer peer_;
  std::unique_ptr<HttpServer> server_;
  HttpClient client_;
};

TEST_F(HttpClientTest, PerformsEveryMethod) {
  serve();
  for (const char* method : {"GET", "POST", "PUT", "PATCH", "DELETE"}) {
    const std::string body = std::string(method) == "GET" ? "" : "data";
    const ClientResponse response = client_.perform(
        {.method = method, .url = at("/x?y=1"), .headers = {{"X-Test", "t"}, {"X-Empty", ""}}, .body = body});
    EXPECT_EQ(response.status, 200);
    EXPECT_EQ(response.body, text::format("{} /x?y=1 [{}] t 127.0.0.1:{}", method, body, server_->port()));
    EXPECT_EQ(response.headers.get("x-answer"), "yes");
    EXPECT_TRUE(response.date_unix_seconds());
  }
  EXPECT_EQ(client_.perform({.method = "HEAD", .url = at("/x")}).body, "");
  EXPECT_EQ(client_.perform({.method = "POST", .url = at("/x")}).status, 200);
  EXPECT_EQ(client_.perform({.url = at("/fail")}).status, 410);
  EXPECT_EQ(server_->connections(), 1U);  // one connection served them all
}

TEST_F(HttpClientTest, ManyAtATime) {
  serve();
  constexpr int kCount = 500;
  std::latch done(kCount);
  std::atomic<int> good = 0;
  for (int i = 0; i < kCount; ++i) {
    client_.start({.method = "POST", .url = at("/x"), .body = std::to_string(i)}, [&](ClientResult result) {
      if (const auto* response = std::get_if<ClientResponse>(&result); response && response->status == 200) ++good;
      done.count_down();
    });
  }
  done.wait();
  EXPECT_EQ(good, kCount);
  EXPECT_LE(server_->connections(), 32U);
}

TEST_F(HttpClientTest, FollowsRedirectsOnlyWhenAsked) {
  serve();
  EXPECT_EQ(client_.perform({.url = at("/redirect")}).status, 302);
  EXPECT_TRUE(client_.perform({.url = at("/redirect"), .follow_redirects = true}).body.starts_with("GET /landed"));
  EXPECT_NE(error_of({.url = at("/circle"), .follow_redirects = true}).message().find("redirects in circles"),
            std::string::npos);
}

TEST_F(HttpClientTest, RefusesBadRequests) {
  for (const ClientRequest& request : {ClientRequest{.url = "nonsense"}, ClientRequest{.url = "file:///etc/passwd"},
                                       ClientRequest{.url = "http://u:secret@127.0.0.1/"},
                                       ClientRequest{.method = "GET X", .url = "http://127.0.0.1/"},
                                       ClientRequest{.url = "http://127.0.0.1/", .headers = {{"A", "b\r\nC: d"}}},
                                       ClientRequest{.url = "http://127.0.0.1/", .headers = {{"A B", "b"}}},
                                       ClientRequest{.url = "https://127.0.0.1/", .tls = {.certificate_pem = "x"}}}) {
    const Error error = error_of(request);
    EXPECT_EQ(error.fault(), Fault::invalid) << request.url;
    EXPECT_EQ(error.message().find("secret"), std::string::npos);
  }
}

TEST_F(HttpClientTest, NamesWhyThereIsNoConnection) {
  std::uint16_t port = 0;
  {
    port = testing::RawListener().port();
  }
  const Error refused = error_of({.url = text::format("http://127.0.0.1:{}/x?token=secret", port)});
  EXPECT_EQ(refused.fault(), Fault::unavailable);
  EXPECT_EQ(refused.message(), text::format("cannot reach http://127.0.0.1:{}: connection refused", port));
  testing::RawListener listener;
  std::thread closer([&] { listener.accept(); });
  EXPECT_EQ(error_of({.url = text::format("http://127.0.0.1:{}/", listener.port())}).fault(), Fault::unavailable);
  closer.join();
}

TEST_F(HttpClientTest, GivesUpInTime) {
  serve();
  const Error slow = error_of({.url = at("/block"), .timeout_ms = 100});
  EXPECT_EQ(slow.fault(), Fault::timeout);
  EXPECT_EQ(slow.message(), server_->url() + " did not answer within 100 ms");
  peer_.release.count_down();
}

TEST_F(HttpClientTest, BoundsTheAnswer) {
  serve();
  EXPECT_EQ(client_.perform({.url = at("/big"), .max_body_bytes = 100'000}).body.size(), 100'000U);
  EXPECT_NE(error_of({.url = at("/big"), .max_body_bytes = 99'999}).message().find("over the limit of 99999 bytes"),
            std::string::npos);
  EXPECT_NE(error_of({.url = at("/x"), .max_header_bytes = 20}).message().find("a head of over 20 bytes"),
            std::string::npos);
}

TEST_F(HttpClientTest, CancelsCalls) {
  serve();
  CancelSource source;
  std::thread canceller([&] {
    peer_.blocked.wait();
    source.cancel("stopped by ann");
  });
  const Error error = error_of({.url = at("/block")}, source.token());
  EXPECT_EQ(error.fault(), Fault::cancelled);
  EXPECT_EQ(error.message(), "stopped by ann");
  canceller.join();
  peer_.release.count_down();
  EXPECT_EQ(error_of({.url = at("/x")}, source.token()).fault(), Fault::cancelled);  // before it begins
}

TEST_F(HttpClientTest, DestructionEndsWhatRuns) {
  serve();
  std::optional<ClientResult> result;
  auto lines = std::make_shared<Lines>();
  {
    HttpClient client;
    client.start({.url = at("/block")}, [&](ClientResult given) { result = std::move(given); });
    client.stream({.url = at("/events")}, lines);
    peer_.blocked.wait();
    peer_.wait_for_stream();
  }
  ASSERT_TRUE(result && lines->result);
  EXPECT_EQ(std::get<Error>(*result).fault(), Fault::cancelled);
  EXPECT_EQ(std::get<Error>(*lines->result).fault(), Fault::cancelled);
  peer_.release.count_down();
}

TEST_F(HttpClientTest, StreamsLines) {
  serve();
  auto lines = std::make_shared<Lines>();
  client_.stream({.url = at("/lines")}, lines);
  lines->wait_for_end();
  EXPECT_EQ(lines->lines, (std::vector<std::string>{"one", "two", "three"}));
  EXPECT_EQ(std::get<ClientResponse>(*lines->result).status, 200);
  auto failed = std::make_shared<Lines>();
  client_.stream({.url = at("/fail")}, failed);
  failed->wait_for_end();
  EXPECT_EQ(failed->lines.size(), 0U);
  EXPECT_EQ(failed->status, 410);
  EXPECT_EQ(std::get<ClientResponse>(*failed->result).body, "{\"ErrorMessage\":\"too old\"}");
}

TEST_F(HttpClientTest, PausesAndResumesStreams) {
  serve();
  auto lines = std::make_shared<Lines>(true);
  const StreamHandle handle = client_.stream({.url = at("/lines")}, lines);
  for (std::size_t count = 1; count <= 3; ++count) {
    lines->wait([&] { return lines->lines.size() == count; });
    EXPECT_FALSE(lines->result && count < 3);
    handle.resume();
  }
  lines->wait_for_end();
  EXPECT_EQ(lines->lines, (std::vector<std::string>{"one", "two", "three"}));
}

TEST_F(HttpClientTest, PauseHoldsTheServerBack) {
  serve({.max_event_buffer_bytes = 64 << 20});
  auto lines = std::make_shared<Lines>(true);
  const StreamHandle handle = client_.stream({.url = at("/events")}, lines);
  const auto events = peer_.wait_for_stream();
  const std::string line(1'000, 'l');
  constexpr std::size_t kCount = 20'000;
  for (std::size_t i = 0; i < kCount; ++i) ASSERT_TRUE(events->push(line + "\n"));
  events->close();
  for (std::size_t count = 1; count <= kCount; ++count) {
    lines->wait([&] { return lines->lines.size() == count; });
    handle.resume();
  }
  lines->wait_for_end();
  EXPECT_EQ(lines->lines.size(), kCount);
  EXPECT_EQ(lines->lines.back(), line);
}

TEST_F(HttpClientTest, CancelsStreams) {
  serve();
  auto lines = std::make_shared<Lines>();
  const StreamHandle handle = client_.stream({.url = at("/events")}, lines);
  const auto events = peer_.wait_for_stream();
  std::latch closed(1);
  events->on_closed([&] { closed.count_down(); });
  events->push("hello\n");
  lines->wait([&] { return !lines->lines.empty(); });
  handle.cancel();
  lines->wait_for_end();
  EXPECT_EQ(std::get<Error>(*lines->result).fault(), Fault::cancelled);
  closed.wait();  // the connection is really gone
  handle.cancel();
  handle.resume();
}

TEST_F(HttpClientTest, EndsSilentAndEndlessStreams) {
  serve({.heartbeat_ms = 600'000});
  auto silent = std::make_shared<Lines>();
  client_.stream({.url = at("/events")}, silent, {.silence_timeout_ms = 50});
  silent->wait_for_end();
  EXPECT_EQ(std::get<Error>(*silent->result).fault(), Fault::timeout);
  auto endless = std::make_shared<Lines>();
  client_.stream({.url = at("/big")}, endless, {.max_line_bytes = 10'000});
  endless->wait_for_end();
  EXPECT_NE(std::get<Error>(*endless->result).message().find("a line of over 10000 bytes"), std::string::npos);
}

TEST_F(HttpClientTest, TrustsOnlyWhatItIsTold) {
  const testing::Issued authority = testing::make_authority("Test CA");
  const testing::Issued other = testing::make_authority("Other CA");
  serve_tls(testing::issue(authority, {.names = {"DNS:cluster.example", "IP:127.0.0.1"}}));
  EXPECT_EQ(client_.perform({.url = at("/x"), .tls = {.ca_pem = authority.certificate_pem}}).status, 200);
  const std::string ca_file = testing::write_file(folder_, "ca.pem", authority.certificate_pem);
  EXPECT_EQ(client_.perform({.url = at("/x"), .tls = {.ca_file = ca_file}}).status, 200);
  EXPECT_EQ(client_.perform({.url = at("/x"), .tls = {.skip_verify = true}}).status, 200);
  const Error wrong = error_of({.url = at("/x"), .tls = {.ca_pem = other.certificate_pem}});
  EXPECT_EQ(wrong.fault(), Fault::unavailable);
  EXPECT_EQ(
      wrong.message(),
      text::format(
          "the certificate of {} is not trusted: its issuer \"CN=Test CA\" is not among the given CA certificates",
          server_->url()));
  EXPECT_NE(error_of({.url = at("/x")}).message().find("the system's CA certificates"), std::string::npos);
  EXPECT_EQ(error_of({.url = at("/x"), .tls = {.ca_pem = "nonsense"}}).fault(), Fault::invalid);
}

TEST_F(HttpClientTest, ChecksNames) {
  const testing::Issued authority = testing::make_authority("Test CA");
  serve_tls(testing::issue(authority, {.names = {"DNS:cluster.example"}}));
  const Error wrong = error_of({.url = at("/x"), .tls = {.ca_pem = authority.certificate_pem}});
  EXPECT_EQ(
      wrong.message(),
      text::format("the certificate of {} is not for the name 127.0.0.1; it names cluster.example", server_->url()));
  const ClientResponse response = client_.perform(
      {.url = at("/x"), .tls = {.ca_pem = authority.certificate_pem, .server_name = "cluster.example"}});
  EXPECT_TRUE(response.body.ends_with(text::format("127.0.0.1:{}", server_->port())))
      << response.body;  // Host stays the URL's
}

TEST_F(HttpClientTest, RefusesExpiredCertificates) {
  const testing::Issued authority = testing::make_authority("Test CA");
  serve_tls(testing::issue(authority, {.common_name = "old", .valid_from_s = -7'200, .valid_for_s = -3'600}));
  EXPECT_EQ(error_of({.url = at("/x"), .tls = {.ca_pem = authority.certificate_pem}}).message(),
            text::format("the certificate of {} is not trusted: \"CN=old\" has expired", server_->url()));
}

TEST_F(HttpClientTest, SaysWhenAPortDoesNotSpeakTls) {
  serve();
  const Error error = error_of({.url = text::format("https://127.0.0.1:{}/", server_->port())});
  EXPECT_NE(error.message().find("does not speak TLS on this port"), std::string::npos) << error.message();
}

TEST_F(HttpClientTest, SpeaksOverUnixSockets) {
  const std::string path = folder_ + "/s.sock";
  serve({.unix_socket = path});
  EXPECT_EQ(client_.perform({.url = "http://server/x", .unix_socket = path}).status, 200);
}

TEST(UrlForText, LeavesSecretsOut) {
  EXPECT_EQ(url_for_text("https://u:p@h:1/a?token=x#f"), "https://h:1/a");
  EXPECT_EQ(url_for_text("https://h/a@b"), "https://h/a@b");
  EXPECT_EQ(url_for_text("nonsense?x"), "nonsense");
}

}  // namespace
}  // namespace fairlead::net
