// SPDX-License-Identifier: Apache-2.0
// The HTTP client over HTTP/2 and with client certificates, against nginx in front of our own server. Skipped where
// there is no nginx on the machine.
#include <gtest/gtest.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <csignal>
#include <latch>
#include <mutex>
#include <set>

#include "base/file.h"
#include "base/text.h"
#include "net/http_client.h"
#include "net/http_server.h"
#include "net/testing/certificates.h"
#include "net/testing/connect_proxy.h"

namespace fairlead::net {
namespace {

constexpr const char* kNginx = "/usr/sbin/nginx";

// Behind nginx: echoes, answers much, streams.
class Backend : public Handler {
 public:
  Route route(const RequestHead& head) override { return {.lane = head.path == "/events" ? Lane::stream : Lane::fast}; }
  Response handle(Request&& request) override {
    if (request.path == "/block") released_.wait(false);
    if (request.path == "/big") return {.body = std::string(5'000'000, 'b')};
    return {.body = request.method + " " + std::to_string(request.body.size()) + " " +
                    std::string(request.headers.get("X-Test"))};
  }
  std::optional<Response> stream(Request&&, std::shared_ptr<EventStream> given) override {
    const std::lock_guard lock(mutex_);
    streams_.push_back(std::move(given));
    changed_.notify_all();
    return std::nullopt;
  }
  std::shared_ptr<EventStream> wait_for_stream(std::size_t number) {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return streams_.size() > number; });
    return streams_[number];
  }
  void release() {
    released_ = true;
    released_.notify_all();
  }

 private:
  std::atomic<bool> released_ = false;  // whether /block may answer
  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<std::shared_ptr<EventStream>> streams_;
};

class StreamEnd : public LineSink {
 public:
  bool on_line(std::string_view line) override {
    const std::lock_guard lock(mutex_);
    lines_.emplace_back(line);
    changed_.notify_all();
    return true;
  }
  void on_end(ClientResult given) override {
    const std::lock_guard lock(mutex_);
    result_ = std::move(given);
    changed_.notify_all();
  }
  void wait_for_line(const std::string& line) {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return std::find(lines_.begin(), lines_.end(), line) != lines_.end() || result_; });
    EXPECT_FALSE(result_) << "the stream ended before its line came";
  }
  ClientResult wait_for_end() {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return result_.has_value(); });
    return *result_;
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<std::string> lines_;
  std::optional<ClientResult> result_;
};

class Http2Test : public ::testing::Test {
 protected:
  void SetUp() override {
    if (::access(kNginx, X_OK) != 0) GTEST_SKIP() << "no nginx on this machine";
  }
  ~Http2Test() override {
    end_nginx(SIGTERM);
    backend_.release();
    server_.stop();
    file::remove_tree(folder_);
  }

  // nginx goes to the background once it listens, so its start needs no waiting.
  void start_nginx(const std::string& settings = {}) {
    server_.start();
    const testing::Issued issued = testing::issue(authority_, {});
    testing::write_file(folder_, "cert.pem", issued.certificate_pem);
    testing::write_file(folder_, "key.pem", issued.key_pem);
    testing::write_file(folder_, "clients.pem", authority_.certificate_pem);
    const std::string configuration = text::format(
        "worker_processes 1;\npid {0}/nginx.pid;\nerror_log {0}/error.log;\nevents {{ worker_connections 512; }}\n"
        "http {{\naccess_log off;\nclient_body_temp_path {0}/body;\nproxy_temp_path {0}/proxy;\nfastcgi_temp_path "
        "{0}/f;\n"
        "uwsgi_temp_path {0}/u;\nscgi_temp_path {0}/s;\nserver {{\nlisten unix:{0}/h2.sock ssl http2;\nssl_certificate "
        "{0}/cert.pem;\n"
        "ssl_certificate_key {0}/key.pem;\nssl_client_certificate {0}/clients.pem;\n{1}\nlocation / {{\nproxy_pass "
        "{2};\n"
        "proxy_http_version 1.1;\nproxy_buffering off;\nproxy_request_buffering off;\nclient_max_body_size "
        "50m;\nadd_header X-Connection $connection always;\n"
        "add_header X-Client $ssl_client_s_dn always;\n}}\n}}\n}}\n",
        folder_, settings, server_.url());
    const std::string path = testing::write_file(folder_, "nginx.conf", configuration);
    const std::string log = folder_ + "/error.log";
    const char* const arguments[] = {kNginx, "-c", path.c_str(), "-p", folder_.c_str(), "-e", log.c_str(), nullptr};
    char* const environment[] = {nullptr};
    pid_t child = 0;
    ASSERT_EQ(::posix_spawn(&child, kNginx, nullptr, nullptr, const_cast<char* const*>(arguments), environment), 0);
    int status = 0;
    ASSERT_EQ(::waitpid(child, &status, 0), child);
    ASSERT_EQ(status, 0) << file::read_if_exists(log).value_or("");
  }
  void end_nginx(int signal) {
    const auto pid = text::parse_int(text::trim(file::read_if_exists(folder_ + "/nginx.pid").value_or("")));
    if (pid && *pid > 1) ::kill(static_cast<pid_t>(*pid), signal);
  }
  ClientRequest request(const std::string& path) const {
    ClientRequest made;
    made.url = "https://localhost" + path;
    made.unix_socket = folder_ + "/h2.sock";
    made.tls.ca_pem = authority_.certificate_pem;
    return made;
  }

  const testing::Issued authority_ = testing::make_authority("Test CA");
  std::string folder_ = file::make_temporary_folder("http2");
  Backend backend_;
  HttpServer server_{{}, backend_};
  HttpClient client_;
};

TEST_F(Http2Test, SendsAndReceivesMuch) {
  start_nginx();
  ClientRequest post = request("/x");
  post.method = "POST";
  post.body = std::string(3'000'000, 'p');
  post.headers = {{"X-Test", "t"}};
  const ClientResponse answer = client_.perform(std::move(post));
  EXPECT_EQ(answer.http_version, 20);
  EXPECT_EQ(answer.body, "POST 3000000 t");
  EXPECT_EQ(client_.perform(request("/big")).body.size(), 5'000'000U);
  ClientRequest old = request("/x");
  old.http2 = false;
  EXPECT_EQ(client_.perform(std::move(old)).http_version, 11);
}

TEST_F(Http2Test, ManyShareOneConnection) {
  start_nginx();
  constexpr int kCount = 90;
  std::latch done(kCount);
  std::mutex mutex;
  std::set<std::string> connections;
  int good = 0;
  static_cast<void>(client_.perform(request("/x")));
  for (int i = 0; i < kCount; ++i) {
    client_.start(request("/x"), [&](ClientResult result) {
      {
        const std::lock_guard lock(mutex);
        if (const auto* response = std::get_if<ClientResponse>(&result)) {
          if (response->status == 200 && response->http_version == 20) ++good;
          connections.emplace(response->headers.get("X-Connection"));
        }
      }
      done.count_down();
    });
  }
  done.wait();
  EXPECT_EQ(good, kCount);
  EXPECT_EQ(connections.size(), 1U);
}

// A server may end a connection at any time (GOAWAY), with requests on it that it has not looked at.
TEST_F(Http2Test, GoesOnAfterGoaway) {
  start_nginx("keepalive_requests 40;");
  constexpr int kCount = 60;
  std::atomic<int> good = 0;
  std::string error;
  std::mutex mutex;
  for (int round = 0; round < 3; ++round) {
    std::latch done(kCount);
    for (int i = 0; i < kCount; ++i) {
      client_.start(request("/x"), [&](ClientResult result) {
        const auto* response = std::get_if<ClientResponse>(&result);
        if (response && response->status == 200) {
          ++good;
        } else {
          const std::lock_guard lock(mutex);
          error = response ? std::to_string(response->status) : std::get<Error>(result).message();
        }
        done.count_down();
      });
    }
    done.wait();
  }
  EXPECT_EQ(good, 3 * kCount) << error;
}

TEST_F(Http2Test, CancellingOneStreamLeavesTheOthers) {
  start_nginx();
  const auto first = std::make_shared<StreamEnd>();
  const auto second = std::make_shared<StreamEnd>();
  const StreamHandle first_handle = client_.stream(request("/events"), first);
  const auto first_events = backend_.wait_for_stream(0);
  const StreamHandle second_handle = client_.stream(request("/events"), second);
  const auto second_events = backend_.wait_for_stream(1);
  first_events->push("one\n");
  first->wait_for_line("one");
  first_handle.cancel();
  EXPECT_EQ(std::get<Error>(first->wait_for_end()).fault(), Fault::cancelled);
  second_events->push("two\n");
  second->wait_for_line("two");
  second_events->close();
  EXPECT_EQ(std::get<ClientResponse>(second->wait_for_end()).http_version, 20);
}

TEST_F(Http2Test, SaysWhenTheServerDies) {
  start_nginx();
  const auto stream = std::make_shared<StreamEnd>();
  client_.stream(request("/events"), stream);
  backend_.wait_for_stream(0)->push("one\n");
  stream->wait_for_line("one");
  end_nginx(SIGTERM);  // at once, in the middle of the stream
  const ClientResult result = stream->wait_for_end();
  ASSERT_TRUE(std::holds_alternative<Error>(result));
  EXPECT_EQ(std::get<Error>(result).fault(), Fault::unavailable);
  EXPECT_NE(std::get<Error>(result).message().find("the connection was lost before the answer was complete"),
            std::string::npos)
      << std::get<Error>(result).message();
}

// Something in the middle has forgotten the connection but does not end it: the next request must not wait for it as
// well.
TEST_F(Http2Test, LeavesADeadConnection) {
  start_nginx();
  testing::ConnectProxy tunnel("", folder_ + "/h2.sock");
  const auto through = [&](const std::string& path) {
    ClientRequest made = request(path);
    made.unix_socket.clear();
    made.proxy = text::format("http://127.0.0.1:{}", tunnel.port());
    return made;
  };
  const std::string first = std::string(client_.perform(through("/x")).headers.get("X-Connection"));
  EXPECT_EQ(client_.perform(through("/x")).headers.get("X-Connection"), first);
  const auto stream = std::make_shared<StreamEnd>();
  client_.stream(through("/events"), stream, {.silence_timeout_ms = 200});
  backend_.wait_for_stream(0)->push("one\n");
  stream->wait_for_line("one");
  tunnel.freeze();
  ClientRequest late = through("/x");
  late.timeout_ms = 200;
  EXPECT_THROW(client_.perform(late), Error);
  ClientRequest retry = through("/x");
  retry.timeout_ms = 5'000;
  const ClientResponse next = client_.perform(retry);
  EXPECT_EQ(next.status, 200);
  EXPECT_NE(next.headers.get("X-Connection"), first);
  EXPECT_EQ(std::get<Error>(stream->wait_for_end()).fault(), Fault::timeout);
  const auto again = std::make_shared<StreamEnd>();
  client_.stream(through("/events"), again);
  backend_.wait_for_stream(1)->push("two\n");
  again->wait_for_line("two");
}

// But a slow answer alone is no reason to cut the others off.
TEST_F(Http2Test, KeepsAConnectionOverWhichOthersGetAnswers) {
  start_nginx();
  const std::string first = std::string(client_.perform(request("/x")).headers.get("X-Connection"));
  const auto start_slow = [&](std::latch& ended) {
    ClientRequest slow = request("/block");
    slow.timeout_ms = 300;
    client_.start(std::move(slow), [&](ClientResult) { ended.count_down(); });
  };
  std::latch beside(1);  // it gives up while others are on the connection,
  start_slow(beside);
  while (!beside.try_wait()) EXPECT_EQ(client_.perform(request("/x")).headers.get("X-Connection"), first);
  std::latch alone(1);  // or when they are not any more
  start_slow(alone);
  EXPECT_EQ(client_.perform(request("/x")).headers.get("X-Connection"), first);
  alone.wait();
  EXPECT_EQ(client_.perform(request("/x")).headers.get("X-Connection"), first);
}

TEST_F(Http2Test, ShowsItsCertificate) {
  start_nginx("ssl_verify_client on;");
  const ClientResponse without = client_.perform(request("/x"));
  EXPECT_EQ(without.status, 400);
  EXPECT_NE(without.body.find("No required SSL certificate"), std::string::npos) << without.body;
  const testing::Issued ann = testing::issue(authority_, {.common_name = "ann"});
  ClientRequest with = request("/x");
  with.tls.certificate_pem = ann.certificate_pem;
  with.tls.key_pem = ann.key_pem;
  const ClientResponse shown = client_.perform(with);
  EXPECT_EQ(shown.status, 200) << shown.body;
  EXPECT_EQ(shown.headers.get("X-Client"), "CN=ann");
  // A connection made with one identity is never used for another.
  EXPECT_EQ(client_.perform(request("/x")).status, 400);
  const testing::Issued eve = testing::issue(testing::make_authority("Other CA"), {.common_name = "eve"});
  ClientRequest foreign = request("/x");
  foreign.tls.certificate_pem = eve.certificate_pem;
  foreign.tls.key_pem = eve.key_pem;
  EXPECT_EQ(client_.perform(foreign).status, 400);
  foreign.tls.key_pem = ann.key_pem;
  try {
    HttpClient fresh;  // an open connection would be used again, since it was made with this certificate
    fresh.perform(foreign);
    ADD_FAILURE() << "a key of another certificate was accepted";
  } catch (const Error& error) {
    EXPECT_EQ(error.fault(), Fault::invalid) << error.message();
    EXPECT_NE(error.message().find("the client certificate or key"), std::string::npos) << error.message();
  }
}

}  // namespace
}  // namespace fairlead::net
