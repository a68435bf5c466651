// SPDX-License-Identifier: Apache-2.0
// The HTTP client: libcurl's multi interface, HTTP/2 over TLS where the server has it, connections reused. One thread
// per lane and client: "curl-calls" for calls, "curl-watch" for streams, so that a stuck or busy watch never delays a
// call.
//
// Errors are Error(unavailable | timeout | cancelled | invalid) with one sentence that names host, port and reason
// ("cannot reach https://10.0.0.1:6443: connection refused"). URLs in them lose user, password and query. A response of
// any status is a response, not an error.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <variant>

#include "base/cancel.h"
#include "base/error.h"
#include "net/http.h"

namespace fairlead::net {

// How to speak TLS with one server. PEM texts; a file where it says so.
struct TlsOptions {
  std::string ca_file;  // with ca_pem empty: this file; both empty: the system's store
  std::string ca_pem;
  std::string certificate_pem;  // client certificate (chain) and key, both or neither
  std::string key_pem;
  bool skip_verify = false;
  std::string server_name;  // checked and sent instead of the URL's host
};

struct ClientRequest {
  std::string method = "GET";
  std::string url;  // http or https
  Headers headers;
  std::string body;
  std::int64_t timeout_ms = 60'000;  // all of it; 0: none
  std::int64_t connect_timeout_ms = 10'000;
  std::uint64_t max_body_bytes = 64 << 20;  // a bigger answer is Error(unavailable)
  std::size_t max_header_bytes = 128 << 10;
  TlsOptions tls;
  std::string proxy;        // "http://[user:password@]host:port"; empty: none, whatever the environment says
  std::string unix_socket;  // path; connects there instead
  // At most 5, all within timeout_ms, never from https to http. To another scheme, host or port go neither a body (an
  // error) nor a client certificate nor headers that might carry credentials; see redirect.h.
  bool follow_redirects = false;
  bool http2 = true;  // false: HTTP/1.1 only
};

struct ClientResponse {
  int status = 0;
  Headers headers;
  std::string body;
  int http_version = 11;                                  // 11 or 20
  std::optional<std::int64_t> date_unix_seconds() const;  // the Date header: the server's clock
};

using ClientResult = std::variant<ClientResponse, Error>;

// Receives one streamed response. All calls come from the watch lane's thread, one at a time, and must not block.
class LineSink {
 public:
  virtual ~LineSink() = default;
  // The head has arrived (not that of a redirect that is followed). For a status that is not 2xx the body (at most 64
  // KiB) is collected and given to on_end.
  virtual void on_head(const ClientResponse& head) { static_cast<void>(head); }
  // One line without its end; empty lines are left out. False pauses the stream until StreamHandle::resume(); the line
  // has been taken.
  virtual bool on_line(std::string_view line) = 0;
  // Exactly once, last: the server ended the response (head and, where not 2xx, body), or an Error.
  virtual void on_end(ClientResult result) = 0;
};

struct StreamLimits {
  std::size_t max_line_bytes = 16 << 20;  // a longer line ends the stream with Error(unavailable)
  // No byte for this long ends the stream with Error(timeout); 0: no limit. Watches ask for bookmarks about every
  // minute.
  std::int64_t silence_timeout_ms = 0;
};

// Thread-safe; copies mean the same stream. Dropping it does not end the stream.
class StreamHandle {
 public:
  StreamHandle() = default;
  void resume() const;
  // on_end gets Error(cancelled) soon, from the lane's thread, unless the stream ended before. Returns at once.
  void cancel() const;

 private:
  friend class HttpClient;
  struct State;
  std::shared_ptr<State> state_;
};

// Thread-safe. The destructor cancels everything (callbacks run) and joins.
class HttpClient {
 public:
  struct Options {
    std::string user_agent = "fairlead";
    int max_connections_per_host = 32;
    int max_idle_connections = 64;
    std::size_t max_pending = 10'000;  // calls accepted and not finished; beyond: Error(unavailable)
    int tcp_user_timeout_ms = 30'000;  // unacknowledged data for this long: the connection is dead
  };
  HttpClient();
  explicit HttpClient(Options options);
  ~HttpClient();
  HttpClient(const HttpClient&) = delete;
  HttpClient& operator=(const HttpClient&) = delete;

  // Blocks the calling thread, which must not be a callback of this client. Throws Error.
  ClientResponse perform(ClientRequest request, const CancelToken& cancel = {});
  // `done` is called exactly once, on the lane's thread ("curl-calls"): it must not block; hand work to a pool of your
  // own.
  void start(ClientRequest request, std::function<void(ClientResult)> done, const CancelToken& cancel = {});
  // `sink` is kept until its on_end has returned. timeout_ms of the request does not apply to streams.
  StreamHandle stream(ClientRequest request, std::shared_ptr<LineSink> sink, StreamLimits limits = {});

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

// The URL without user, password, query and fragment: for messages and logs.
std::string url_for_text(std::string_view url);

}  // namespace fairlead::net
