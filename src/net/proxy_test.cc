// SPDX-License-Identifier: Apache-2.0
// The HTTP client and the WebSocket dialer through proxies.
#include <gtest/gtest.h>

#include <latch>
#include <mutex>

#include "base/file.h"
#include "base/text.h"
#include "net/http_client.h"
#include "net/http_server.h"
#include "net/testing/certificates.h"
#include "net/testing/connect_proxy.h"
#include "net/websocket.h"

namespace fairlead::net {
namespace {

// Answers with the target as it came, and greets WebSockets.
class Target : public Handler {
 public:
  Route route(const RequestHead& head) override {
    return {.lane = head.path == "/link" ? Lane::websocket : Lane::fast};
  }
  Response handle(Request&& request) override {
    return {.body =
                request.target + " " + request.path + " " + std::string(request.headers.get("Proxy-Authorization"))};
  }
  std::optional<Response> websocket(Request&&, std::shared_ptr<WebSocket> socket) override {
    socket->set_handlers({.on_message = [](std::string) {}, .on_close = [](std::uint16_t, std::string) {}});
    socket->send("welcome");
    return std::nullopt;
  }
};

class ProxyTest : public ::testing::Test {
 protected:
  ~ProxyTest() override {
    server_.reset();
    file::remove_tree(folder_);
  }
  void serve_tls() {
    const testing::Issued issued = testing::issue(authority_, {});
    HttpServerOptions options;
    options.tls_certificate_file = testing::write_file(folder_, "cert.pem", issued.certificate_pem);
    options.tls_key_file = testing::write_file(folder_, "key.pem", issued.key_pem);
    server_ = std::make_unique<HttpServer>(options, target_);
    server_->start();
  }
  ClientRequest request_through(std::uint16_t proxy_port) {
    ClientRequest request;
    request.url = server_->url() + "/x?secret";
    request.proxy = text::format("http://ann:p%40ss@127.0.0.1:{}", proxy_port);
    request.tls.ca_pem = authority_.certificate_pem;
    return request;
  }
  Error error_of(ClientRequest request) {
    try {
      client_.perform(std::move(request));
    } catch (const Error& error) {
      return error;
    }
    return Error(Fault::bug, "no error");
  }
  const testing::Issued authority_ = testing::make_authority("Test CA");
  std::string folder_ = file::make_temporary_folder("proxy");
  Target target_;
  std::unique_ptr<HttpServer> server_;
  HttpClient client_;
};

TEST_F(ProxyTest, TunnelsHttps) {
  serve_tls();
  testing::ConnectProxy proxy;
  EXPECT_EQ(client_.perform(request_through(proxy.port())).body, "/x?secret /x ");
  EXPECT_EQ(client_.perform(request_through(proxy.port())).status, 200);
  const std::vector<std::string> heads = proxy.heads();
  ASSERT_EQ(heads.size(), 1U);  // the tunnel was used again
  EXPECT_TRUE(heads[0].starts_with(text::format("CONNECT 127.0.0.1:{} HTTP/1.1\r\n", server_->port()))) << heads[0];
  EXPECT_NE(heads[0].find("Proxy-Authorization: Basic YW5uOnBAc3M=\r\n"), std::string::npos) << heads[0];
}

// The certificate is that of the server behind the proxy, and is checked.
TEST_F(ProxyTest, TrustsThroughTheTunnelOnlyWhatItIsTold) {
  serve_tls();
  testing::ConnectProxy proxy;
  ClientRequest request = request_through(proxy.port());
  request.tls.ca_pem = testing::make_authority("Other CA").certificate_pem;
  EXPECT_NE(error_of(std::move(request)).message().find("its issuer \"CN=Test CA\" is not among the given"),
            std::string::npos);
}

TEST_F(ProxyTest, SendsWholeUrlsForPlainHttp) {
  server_ = std::make_unique<HttpServer>(HttpServerOptions(), target_);
  server_->start();
  ClientRequest request;
  request.url = "http://elsewhere.example/y";
  request.proxy = text::format("http://ann:p%40ss@127.0.0.1:{}", server_->port());
  EXPECT_EQ(client_.perform(std::move(request)).body, "http://elsewhere.example/y /y Basic YW5uOnBAc3M=");
}

TEST_F(ProxyTest, SaysWhyAProxyRefused) {
  serve_tls();
  testing::ConnectProxy wants_other("407 Proxy Authentication Required");
  const Error other = error_of(request_through(wants_other.port()));
  EXPECT_EQ(other.fault(), Fault::unauthenticated);
  EXPECT_EQ(other.message(), text::format("the proxy on the way to {} wants other credentials", server_->url()));
  testing::ConnectProxy refuses("403 Forbidden");
  EXPECT_EQ(error_of(request_through(refuses.port())).message(),
            text::format("cannot reach {}: the proxy refused with status 403", server_->url()));
  std::uint16_t nobody = 0;
  {
    nobody = testing::RawListener().port();
  }
  const Error gone = error_of(request_through(nobody));
  EXPECT_EQ(gone.message(), text::format("cannot reach {}: the proxy: connection refused", server_->url()));
}

TEST_F(ProxyTest, WebSocketsPass) {
  serve_tls();
  testing::ConnectProxy proxy;
  WebSocketDialer dialer;
  DialOptions options;
  options.url = text::format("wss://127.0.0.1:{}/link", server_->port());
  options.proxy = text::format("http://127.0.0.1:{}", proxy.port());
  options.ca_pem = authority_.certificate_pem;
  std::string message;
  std::latch greeted(1);
  std::latch closed(1);
  const auto socket = dial_and_wait(dialer, options);
  socket->set_handlers({.on_message = [&](std::string text) { message = std::move(text), greeted.count_down(); },
                        .on_close = [&](std::uint16_t, std::string) { closed.count_down(); }});
  greeted.wait();
  EXPECT_EQ(message, "welcome");
  EXPECT_EQ(proxy.heads().size(), 1U);
  socket->close(CloseCode::normal, "");
  closed.wait();
}

}  // namespace
}  // namespace fairlead::net
