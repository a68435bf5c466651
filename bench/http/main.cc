// SPDX-License-Identifier: Apache-2.0
// A server with nothing behind it, for wrk: what HTTP itself costs. Run it, then for example
//   wrk -c 32 -t 1 -d 5 http://127.0.0.1:PORT/worker
// Paths: /worker goes through a worker as every API request does, /now is answered by the io thread.
//   bench_http [BYTES [CERTIFICATE.pem KEY.pem]]
// It ends with its standard input and then prints the CPU time it used, for figures per core-second.
#include <sys/resource.h>
#include <unistd.h>

#include <atomic>
#include <cstdio>
#include <string>

#include "base/error.h"
#include "base/text.h"
#include "net/http_server.h"

namespace {

class Fixed : public fairlead::net::Handler {
 public:
  explicit Fixed(std::size_t bytes) : body_("{\"Text\":\"" + std::string(bytes > 11 ? bytes - 11 : 0, 'x') + "\"}") {}
  fairlead::net::Route route(const fairlead::net::RequestHead& head) override {
    ++requests_;
    fairlead::net::Route route;
    if (head.path == "/now") {
      route.answer.emplace();
      route.answer->body = body_;
    }
    return route;
  }
  fairlead::net::Response handle(fairlead::net::Request&&) override {
    fairlead::net::Response response;
    response.body = body_;
    return response;
  }
  std::int64_t requests() const { return requests_; }

 private:
  const std::string body_;
  std::atomic<std::int64_t> requests_ = 0;
};

}  // namespace

int main(int count, char** arguments) {
  try {
    const auto bytes = fairlead::text::parse_int(count > 1 ? arguments[1] : "2034");
    if (!bytes || *bytes < 0 || (count != 1 && count != 2 && count != 4))
      throw fairlead::invalid("usage: bench_http [BYTES [CERTIFICATE KEY]]");
    Fixed handler(static_cast<std::size_t>(*bytes));
    fairlead::net::HttpServerOptions options;
    if (count == 4) {
      options.tls_certificate_file = arguments[2];
      options.tls_key_file = arguments[3];
    }
    fairlead::net::HttpServer server(options, handler);
    server.start();
    std::printf("%s\n", server.url().c_str());
    std::fflush(stdout);
    char ignored = 0;
    while (::read(STDIN_FILENO, &ignored, 1) > 0) continue;
    server.stop();
    rusage used = {};
    ::getrusage(RUSAGE_SELF, &used);
    const double cpu_s = static_cast<double>(used.ru_utime.tv_sec + used.ru_stime.tv_sec) +
                         static_cast<double>(used.ru_utime.tv_usec + used.ru_stime.tv_usec) / 1e6;
    std::printf("%lld requests, %.2f CPU-seconds, %.0f requests per core-second, %ld KB at most\n",
                static_cast<long long>(handler.requests()), cpu_s, static_cast<double>(handler.requests()) / cpu_s,
                used.ru_maxrss);
    return 0;
  } catch (const fairlead::Error& error) {
    std::fprintf(stderr, "%s\n", error.text().c_str());
    return 1;
  }
}
