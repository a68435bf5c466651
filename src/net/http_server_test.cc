// SPDX-License-Identifier: Apache-2.0
#include "net/http_server.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <atomic>
#include <condition_variable>
#include <filesystem>
#include <latch>
#include <mutex>
#include <thread>

#include "base/error.h"
#include "base/file.h"
#include "base/text.h"
#include "net/testing/certificates.h"
#include "net/testing/raw_client.h"

namespace fairlead::net {
namespace {

using testing::RawClient;
using testing::RawResponse;

// Answers by path; what a test wants to steer is a public function.
class TestHandler : public Handler {
 public:
  Route route(const RequestHead& head) override {
    Route route;
    if (head.path == "/now") route.answer = Response{.body = "\"now\""};
    if (head.path == "/slow") route.lane = Lane::slow;
    if (head.path == "/events") route.lane = Lane::stream;
    if (head.path == "/small") route.max_body_bytes = 10;
    if (head.path == "/upload") {
      route.lane = Lane::upload;
      route.upload_folder = folder;
      route.max_body_bytes = 1 << 20;
    }
    return route;
  }
  Response handle(Request&& request) override {
    if (on_handle) on_handle(request);
    if (request.path == "/throw") throw Error(Fault::conflict, "it was changed");
    if (request.path == "/bug") throw std::runtime_error("internal detail");
    if (request.path == "/file") return file_response(request, folder + "/blob", "application/octet-stream");
    if (request.path == "/missing-file") return {.file = FileBody{folder + "/none", 0, 5}};
    if (request.path == "/empty-error") return {.status = 404};
    if (request.path == "/split") return {.headers = {{"X-A", "a\r\nX-Injected: 1"}, {"X-B", "b"}}};
    if (request.path == "/upload") {
      Response response{.body = file::read(request.body_file)};
      std::filesystem::remove(request.body_file);
      return response;
    }
    return {.content_type = "text/plain", .body = request.method + " " + request.target + " " + request.body};
  }
  std::optional<Response> stream(Request&& request, std::shared_ptr<EventStream> events) override {
    if (request.query == "refuse") return error_response(401, "no");
    const std::lock_guard lock(mutex);
    stream_ = std::move(events);
    changed.notify_all();
    return std::nullopt;
  }
  std::shared_ptr<EventStream> wait_for_stream() {
    std::unique_lock lock(mutex);
    changed.wait(lock, [&] { return stream_ != nullptr; });
    return stream_;
  }
  std::function<void(Request&)> on_handle;
  std::string folder;

 private:
  std::mutex mutex;
  std::condition_variable changed;
  std::shared_ptr<EventStream> stream_;
};

class HttpServerTest : public ::testing::Test {
 protected:
  ~HttpServerTest() override {
    server_.reset();
    file::remove_tree(folder_);
  }
  RawClient serve(HttpServerOptions options = {}) {
    handler_.folder = folder_;
    server_ = std::make_unique<HttpServer>(std::move(options), handler_);
    server_->start();
    return RawClient(server_->port());
  }
  // One exchange on a connection of its own.
  RawResponse ask(const std::string& text) {
    RawClient client(server_->port());
    client.send(text);
    return client.read_response();
  }
  std::string folder_ = file::make_temporary_folder("net");
  TestHandler handler_;
  std::unique_ptr<HttpServer> server_;
};

std::string get(const std::string& path) { return "GET " + path + " HTTP/1.1\r\nHost: h\r\n\r\n"; }

std::string post(const std::string& path, const std::string& body) {
  return text::format("POST {} HTTP/1.1\r\nHost: h\r\nContent-Length: {}\r\n\r\n{}", path, body.size(), body);
}

TEST_F(HttpServerTest, AnswersOnOneConnectionInOrder) {
  RawClient client = serve();
  // Pipelined, with bodies of both kinds and an immediate answer between them.
  client.send(post("/a?x", "one") + get("/now") +
              "POST /b HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n3\r\ntwo\r\n0\r\n\r\n" + "\r\n" +
              get("/c"));
  EXPECT_EQ(client.read_response().body, "POST /a?x one");
  EXPECT_EQ(client.read_response().body, "\"now\"");
  EXPECT_EQ(client.read_response().body, "POST /b two");
  const RawResponse last = client.read_response();
  EXPECT_EQ(last.body, "GET /c ");
  EXPECT_NE(last.head.find("\r\nDate: "), std::string::npos);
  EXPECT_NE(last.head.find("Content-Type: text/plain\r\n"), std::string::npos);
  EXPECT_EQ(last.head.find("Connection:"), std::string::npos);
  EXPECT_EQ(server_->connections(), 1U);
}

TEST_F(HttpServerTest, ClosesWhenAskedTo) {
  RawClient client = serve();
  client.send("GET /a HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n");
  const RawResponse response = client.read_response();
  EXPECT_EQ(response.status, 200);
  EXPECT_NE(response.head.find("Connection: close\r\n"), std::string::npos);
  EXPECT_EQ(client.read_to_end(), "");
  RawClient old(server_->port());
  old.send("GET /a HTTP/1.0\r\n\r\n");
  EXPECT_TRUE(old.read_to_end().ends_with("GET /a "));
}

TEST_F(HttpServerTest, HeadHasNoBody) {
  RawClient client = serve();
  client.send("HEAD /a HTTP/1.1\r\nHost: h\r\n\r\n" + get("/b"));
  const RawResponse response = client.read_response(true);
  EXPECT_NE(response.head.find("Content-Length: 8\r\n"), std::string::npos) << response.head;
  EXPECT_EQ(client.read_response().body, "GET /b ");
}

TEST_F(HttpServerTest, ErrorsHaveJsonBodies) {
  serve();
  struct Case {
    const char* path;
    int status;
    const char* body;
  };
  for (const Case& c :
       {Case{"/throw", 409, "{\"ErrorMessage\":\"it was changed\"}"},
        Case{"/empty-error", 404, "{\"ErrorMessage\":\"Not Found\"}"},
        Case{"/bug", 500,
             "{\"ErrorMessage\":\"An unexpected error happened on the server. Its log has the details.\"}"}}) {
    const RawResponse response = ask(get(c.path));
    EXPECT_EQ(response.status, c.status);
    EXPECT_EQ(response.body, c.body);
    EXPECT_NE(response.head.find("Content-Type: application/json"), std::string::npos);
  }
  const RawResponse malformed = ask("GARBAGE\r\n\r\n");
  EXPECT_EQ(malformed.status, 400);
  EXPECT_TRUE(malformed.body.starts_with("{\"ErrorMessage\":\"")) << malformed.body;
  const RawResponse split = ask(get("/split"));
  EXPECT_EQ(split.head.find("Injected"), std::string::npos);
  EXPECT_NE(split.head.find("X-B: b"), std::string::npos);
}

TEST_F(HttpServerTest, BoundsBodies) {
  serve({.max_body_bytes = 1'000});
  EXPECT_EQ(ask(post("/x", std::string(1'000, 'x'))).status, 200);
  EXPECT_EQ(ask(post("/x", std::string(1'001, 'x'))).status, 413);
  EXPECT_EQ(ask("POST /x HTTP/1.1\r\nHost: h\r\nContent-Length: 18446744073709551615\r\n\r\n").status, 413);
  EXPECT_EQ(
      ask("POST /x HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n3e9\r\n" + std::string(1'001, 'x')).status,
      413);
  EXPECT_EQ(ask(post("/small", "12345678901")).status, 413);
  EXPECT_EQ(ask(post("/upload", std::string(1'001, 'x'))).status, 200);  // its own limit is higher
  // The whole body is sent before the answer is read: it must not be lost in a reset.
  EXPECT_EQ(ask(post("/x", std::string(3 << 20, 'x'))).status, 413);
}

TEST_F(HttpServerTest, ContinuesWhenExpected) {
  RawClient client = serve();
  client.send("POST /x HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n");
  EXPECT_EQ(client.read_response().status, 100);
  client.send("ok");
  EXPECT_EQ(client.read_response().body, "POST /x ok");
  EXPECT_EQ(ask("POST /small HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: 20\r\n\r\n").status, 413);
  EXPECT_EQ(ask("POST /now HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: 20\r\n\r\n").body, "\"now\"");
  EXPECT_EQ(ask("GET /x HTTP/1.1\r\nHost: h\r\nExpect: magic\r\n\r\n").status, 417);
}

TEST_F(HttpServerTest, EndsSlowClients) {
  RawClient idle = serve({.idle_timeout_ms = 100, .head_timeout_ms = 100, .body_timeout_ms = 100});
  EXPECT_EQ(idle.read_to_end(), "");
  RawClient head(server_->port());
  head.send("GET / HT");
  EXPECT_EQ(head.read_response().status, 408);
  EXPECT_EQ(head.read_to_end(), "");
  RawClient body(server_->port());
  body.send("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 100\r\n\r\nabc");
  EXPECT_EQ(body.read_response().status, 408);
}

TEST_F(HttpServerTest, EndsClientsThatDoNotRead) {
  testing::write_file(folder_, "blob", std::string(20 << 20, 'x'));
  // stop() waits for the request, so it returns only because the write gave up.
  RawClient client = serve({.write_timeout_ms = 100, .stop_timeout_ms = 600'000});
  client.send(get("/file"));
  EXPECT_TRUE(client.read_until("\r\n\r\n"));
  server_->stop();
  EXPECT_LT(client.read_to_end().size(), std::size_t{20} << 20);
}

TEST_F(HttpServerTest, RefusesOverload) {
  std::latch started(2);
  std::latch release(1);
  handler_.on_handle = [&](Request&) {
    started.count_down();
    release.wait();
  };
  RawClient first = serve({.workers = 1, .slow_workers = 1, .queue_limit = 1, .slow_queue_limit = 1});
  RawClient slow(server_->port());
  first.send(get("/a"));
  slow.send(get("/slow"));
  started.wait();
  // Of three more, one waits for the worker and two are refused.
  std::latch refused(2);
  std::atomic<int> answered = 0;
  std::vector<std::thread> clients;
  for (int i = 0; i < 3; ++i) {
    clients.emplace_back([&] {
      RawClient client(server_->port());
      client.send(get("/b"));
      const RawResponse response = client.read_response();
      if (response.status == 200) ++answered;
      if (response.status != 503) return;
      EXPECT_NE(response.head.find("Retry-After: 1\r\n"), std::string::npos);
      EXPECT_EQ(response.body, "{\"ErrorMessage\":\"The server is busy. Please try again.\"}");
      client.send(get("/now"));
      EXPECT_EQ(client.read_response().status, 200);  // the connection lives on
      refused.count_down();
    });
  }
  refused.wait();
  release.count_down();
  for (std::thread& client : clients) client.join();
  EXPECT_EQ(answered, 1);
  EXPECT_EQ(first.read_response().status, 200);
  EXPECT_EQ(slow.read_response().status, 200);
}

TEST_F(HttpServerTest, BoundsConnections) {
  RawClient first = serve({.max_connections = 1});
  first.send(get("/a"));
  EXPECT_EQ(first.read_response().status, 200);
  RawClient second(server_->port());
  EXPECT_EQ(second.read_response().status, 503);
}

TEST_F(HttpServerTest, SendsFilesAndRanges) {
  std::string content;
  for (int i = 0; i < 400'000; ++i) content += std::to_string(i % 10);
  testing::write_file(folder_, "blob", content);
  RawClient client = serve();
  client.send(get("/file"));
  EXPECT_EQ(client.read_response().body, content);
  client.send("GET /file HTTP/1.1\r\nHost: h\r\nRange: bytes=399990-\r\n\r\n");
  const RawResponse part = client.read_response();
  EXPECT_EQ(part.status, 206);
  EXPECT_EQ(part.body, "0123456789");
  EXPECT_NE(part.head.find("Content-Range: bytes 399990-399999/400000\r\n"), std::string::npos);
  client.send("HEAD /file HTTP/1.1\r\nHost: h\r\n\r\n");
  EXPECT_NE(client.read_response(true).head.find("Content-Length: 400000\r\n"), std::string::npos);
  client.send(get("/missing-file"));
  EXPECT_EQ(client.read_response().status, 500);
}

TEST_F(HttpServerTest, StoresUploadsInFiles) {
  RawClient client = serve();
  const std::string body(300'000, 'u');
  client.send(post("/upload", body));
  EXPECT_EQ(client.read_response().body, body);
  client.send("POST /upload HTTP/1.1\r\nHost: h\r\nContent-Length: 100\r\n\r\nabc");
  client.shutdown_write();
  client.read_to_end();
  EXPECT_EQ(ask(post("/upload", std::string(2 << 20, 'u'))).status, 413);
  server_->stop();
  EXPECT_TRUE(std::filesystem::is_empty(folder_));  // what was not handed over is gone
}

TEST_F(HttpServerTest, StreamsEvents) {
  RawClient client = serve({.heartbeat_ms = 50});
  client.send(get("/events"));
  const auto events = handler_.wait_for_stream();
  EXPECT_TRUE(client.read_until("Content-Type: text/event-stream\r\n"));
  EXPECT_TRUE(events->push(event_text("7", "task", "a\nb")));
  EXPECT_TRUE(client.read_until("\r\n\r\nid: 7\nevent: task\ndata: a\ndata: b\n\n"));
  EXPECT_TRUE(client.read_until(": heartbeat\n\n"));
  std::latch closed(1);
  events->on_closed([&] { closed.count_down(); });
  client.close();
  closed.wait();
  EXPECT_TRUE(events->closed());
  EXPECT_FALSE(events->push("x"));
  EXPECT_EQ(ask(get("/events?refuse")).status, 401);
}

TEST_F(HttpServerTest, EndsEventStreamsThatAreNotRead) {
  RawClient client = serve({.max_event_buffer_bytes = 100'000});
  client.send(get("/events"));
  const auto events = handler_.wait_for_stream();
  std::latch closed(1);
  events->on_closed([&] { closed.count_down(); });
  const std::string block(50'000, 'x');
  while (events->push(block)) continue;
  EXPECT_TRUE(events->closed());
  client.read_to_end();
  closed.wait();
}

TEST_F(HttpServerTest, StopsGracefully) {
  std::latch started(1);
  std::latch release(1);
  handler_.on_handle = [&](Request& request) {
    if (request.path != "/a") return;
    started.count_down();
    release.wait();
  };
  RawClient busy = serve();
  RawClient idle(server_->port());
  idle.send(get("/now"));
  EXPECT_EQ(idle.read_response().status, 200);
  RawClient streaming(server_->port());
  streaming.send(get("/events"));
  handler_.wait_for_stream()->push("data: last\n\n");
  busy.send(get("/a"));
  started.wait();
  std::thread stopper([&] { server_->stop(); });
  EXPECT_EQ(idle.read_to_end(), "");
  EXPECT_TRUE(streaming.read_to_end().ends_with("data: last\n\n"));
  release.count_down();
  const RawResponse response = busy.read_response();
  EXPECT_EQ(response.body, "GET /a ");
  EXPECT_NE(response.head.find("Connection: close\r\n"), std::string::npos);
  stopper.join();
  EXPECT_EQ(server_->connections(), 0U);
  EXPECT_THROW(RawClient{server_->port()}, Error);
}

TEST_F(HttpServerTest, ListensOnAUnixSocketToo) {
  const std::string path = folder_ + "/worker.sock";
  bool local = false;
  handler_.on_handle = [&](Request& request) { local = request.local && request.peer_address == "local"; };
  serve({.unix_socket = path, .unix_socket_mode = 0600});
  struct stat status = {};
  ASSERT_EQ(::stat(path.c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777U, 0600U);
  RawClient client(path);
  client.send(get("/a"));
  EXPECT_EQ(client.read_response().status, 200);
  EXPECT_TRUE(local);
  HttpServer second({.unix_socket = path}, handler_);
  EXPECT_THROW(second.start(), Error);  // in use
  server_->stop();
  EXPECT_FALSE(file::exists(path));
}

TEST_F(HttpServerTest, SaysWhyItCannotStart) {
  serve();
  const auto text_of = [](auto&& f) -> std::string {
    try {
      f();
    } catch (const Error& error) {
      return error.message();
    }
    return "";
  };
  HttpServer taken({.port = server_->port()}, handler_);
  EXPECT_EQ(text_of([&] { taken.start(); }),
            text::format("cannot listen on 127.0.0.1:{}: Address already in use", server_->port()));
  HttpServer name({.address = "example.org"}, handler_);
  EXPECT_EQ(text_of([&] { name.start(); }), "cannot listen on \"example.org\": it is not an IP address");
  const std::string none = folder_ + "/none.pem";
  EXPECT_NE(text_of([&] { HttpServer({.tls_certificate_file = none, .tls_key_file = none}, handler_); }).find(none),
            std::string::npos);
  EXPECT_NE(text_of([&] { HttpServer({.tls_certificate_file = none}, handler_); }), "");
}

TEST(EventText, KeepsFieldsOnTheirLines) {
  EXPECT_EQ(event_text("", "", "x"), "data: x\n\n");
  EXPECT_EQ(event_text("1\nretry: 0", "a\rb", "x\r\ny\rz"),
            "id: 1 retry: 0\nevent: a b\ndata: x\ndata: y\ndata: z\n\n");
}

}  // namespace
}  // namespace fairlead::net
