// SPDX-License-Identifier: Apache-2.0
#include "net/redirect.h"

#include <gtest/gtest.h>

#include <condition_variable>
#include <mutex>

#include "base/text.h"
#include "net/http_server.h"

namespace fairlead::net {
namespace {

ClientRequest original() {
  ClientRequest request;
  request.method = "GET";
  request.url = "https://feed.example/v3/index.json?x=1";
  request.headers = {
      {"Authorization", "Bearer t"}, {"X-NuGet-ApiKey", "k"}, {"Accept", "application/json"}, {"Host", "feed.example"}};
  request.tls.certificate_pem = "certificate";
  request.tls.key_pem = "key";
  request.tls.ca_pem = "ca";
  request.tls.server_name = "name";
  request.tls.skip_verify = true;
  return request;
}

std::string refusal(ClientRequest request, int status, const std::string& location) {
  try {
    return "goes to " + redirected(request, status, location).url;
  } catch (const Error& error) {
    EXPECT_EQ(error.fault(), Fault::unavailable);
    return error.message();
  }
}

TEST(Redirect, KeepsEverythingOnTheSameOrigin) {
  for (const char* location : {"/other?y#f", "https://feed.example/other?y", "//feed.example:443/other?y", "../other?y",
                               "https://FEED.example/other?y"}) {
    const ClientRequest next = redirected(original(), 302, location);
    EXPECT_EQ(parse_url(next.url)->target, "/other?y") << location;
    EXPECT_EQ(next.headers.get("X-NuGet-ApiKey"), "k") << location;
    EXPECT_EQ(next.tls.key_pem, "key");
    EXPECT_TRUE(next.tls.skip_verify);
  }
}

TEST(Redirect, TakesNoCredentialsElsewhere) {
  for (const char* location : {"https://cdn.example/file", "https://feed.example:8443/file", "//cdn.example/file"}) {
    const ClientRequest next = redirected(original(), 307, location);
    EXPECT_EQ(next.headers.size(), 1U) << location;
    EXPECT_EQ(next.headers.get("Accept"), "application/json");
    EXPECT_EQ(next.tls.certificate_pem + next.tls.key_pem + next.tls.server_name, "");
    EXPECT_FALSE(next.tls.skip_verify);
    EXPECT_EQ(next.tls.ca_pem, "ca");
  }
}

TEST(Redirect, ChangesTheMethodAsTheStatusSays) {
  ClientRequest post = original();
  post.method = "POST";
  post.body = "data";
  post.headers.add("Content-Type", "text/plain");
  for (const int status : {301, 302, 303}) {
    const ClientRequest next = redirected(post, status, "/x");
    EXPECT_EQ(next.method + next.body, "GET") << status;
    EXPECT_FALSE(next.headers.has("Content-Type"));
  }
  for (const int status : {307, 308}) {
    const ClientRequest next = redirected(post, status, "/x");
    EXPECT_EQ(next.method + next.body, "POSTdata") << status;
    EXPECT_TRUE(next.headers.has("Content-Type"));
  }
  ClientRequest put = post;
  put.method = "PUT";
  EXPECT_EQ(redirected(put, 302, "/x").method, "PUT");
  EXPECT_EQ(redirected(put, 303, "/x").method, "GET");
  EXPECT_EQ(redirected(post, 302, "https://other.example/").method, "GET");
  EXPECT_NE(refusal(post, 307, "https://other.example/").find("which must not get the request's body"),
            std::string::npos);
}

TEST(Redirect, RefusesWhatIsNotSafe) {
  EXPECT_EQ(refusal(original(), 302, "http://feed.example/"),
            "https://feed.example/v3/index.json redirects from https to something less safe");
  EXPECT_NE(refusal(original(), 302, "file:///etc/passwd").find("not an http or https URL"), std::string::npos);
  EXPECT_NE(refusal(original(), 302, "https://u:secret@feed.example/").find("a URL with a user name"),
            std::string::npos);
  EXPECT_EQ(refusal(original(), 302, "https://u:secret@feed.example/").find("secret"), std::string::npos);
  ClientRequest local = original();
  local.url = "http://server/";
  local.unix_socket = "/run/x.sock";
  EXPECT_EQ(refusal(local, 302, "/y"), "goes to http://server/y");
  EXPECT_NE(refusal(local, 302, "http://127.0.0.1/").find("to another server"), std::string::npos);
}

TEST(Redirect, KnowsOne) {
  EXPECT_TRUE(is_redirect(308, {{"Location", "/x"}}));
  EXPECT_FALSE(is_redirect(304, {{"Location", "/x"}}));
  EXPECT_FALSE(is_redirect(302, {}));
}

// Two servers: the first sends to the second what it is told to.
class Elsewhere : public Handler {
 public:
  Route route(const RequestHead&) override { return {}; }
  Response handle(Request&& request) override {
    const std::lock_guard lock(mutex);
    seen.push_back(request.method + " " + request.target + " " + std::string(request.headers.get("X-Token")) + " " +
                   request.body);
    if (request.path == "/unmodified") return {.status = 304};
    if (request.path == "/go") return {.status = 307, .body = "gone", .headers = {{"Location", location}}};
    return {.content_type = "text/plain", .body = "landed\n"};
  }
  std::mutex mutex;
  std::vector<std::string> seen;
  std::string location;
};

TEST(Redirect, FollowedByTheClient) {
  Elsewhere first_handler;
  Elsewhere second_handler;
  HttpServer first({}, first_handler);
  HttpServer second({}, second_handler);
  first.start();
  second.start();
  HttpClient client;
  const auto ask = [&](const std::string& method, const std::string& location, const std::string& body = {}) {
    first_handler.location = location;
    ClientRequest request;
    request.method = method;
    request.url = first.url() + "/go";
    request.headers = {{"X-Token", "t"}};
    request.body = body;
    request.follow_redirects = true;
    return client.perform(std::move(request)).body;
  };
  EXPECT_EQ(ask("GET", "/here"), "landed\n");
  EXPECT_EQ(first_handler.seen.back(), "GET /here t ");
  EXPECT_EQ(ask("PUT", "/here", "data"), "landed\n");
  EXPECT_EQ(first_handler.seen.back(), "PUT /here t data");
  EXPECT_EQ(ask("GET", second.url() + "/there"), "landed\n");
  EXPECT_EQ(second_handler.seen.back(), "GET /there  ");
  EXPECT_THROW(ask("PUT", second.url() + "/there", "data"), Error);
  EXPECT_EQ(second_handler.seen.size(), 1U);
  EXPECT_THROW(ask("GET", "/go"), Error);  // in circles
}

// A stream's sink sees the last head only, and a 304 is not taken for a redirect.
class Heads : public LineSink {
 public:
  void on_head(const ClientResponse& head) override { statuses.push_back(head.status); }
  bool on_line(std::string_view line) override {
    lines.emplace_back(line);
    return true;
  }
  void on_end(ClientResult given) override {
    const std::lock_guard lock(mutex);
    result = std::move(given);
    ended.notify_all();
  }
  void wait() {
    std::unique_lock lock(mutex);
    ended.wait(lock, [&] { return result.has_value(); });
  }
  std::vector<int> statuses;
  std::vector<std::string> lines;
  std::optional<ClientResult> result;
  std::mutex mutex;
  std::condition_variable ended;
};

TEST(Redirect, StreamsFollowToo) {
  Elsewhere handler;
  HttpServer server({}, handler);
  server.start();
  handler.location = "/here";
  HttpClient client;
  for (const auto& [path, status] : {std::pair("/go", 200), std::pair("/unmodified", 304)}) {
    const auto sink = std::make_shared<Heads>();
    ClientRequest request;
    request.url = server.url() + path;
    request.follow_redirects = true;
    client.stream(std::move(request), sink);
    sink->wait();
    EXPECT_EQ(sink->statuses, std::vector<int>{status});
    EXPECT_EQ(sink->lines.size(), status == 200 ? 1U : 0U);
  }
}

}  // namespace
}  // namespace fairlead::net
