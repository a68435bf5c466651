// SPDX-License-Identifier: Apache-2.0
#include "net/curl_transfer.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <algorithm>
#include <exception>

#include "base/clock.h"
#include "base/text.h"
#include "net/redirect.h"

namespace fairlead::net {
namespace {

constexpr std::size_t kMaxErrorBodyBytes = 64 << 10;
constexpr std::size_t kMaxTargetBytes = 64 << 10;

bool is_token(std::string_view text) {
  constexpr std::string_view kMarks = "!#$%&'*+-.^_`|~";
  return !text.empty() && std::all_of(text.begin(), text.end(), [&](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           kMarks.find(c) != std::string_view::npos;
  });
}

int set_socket_options(void* data, curl_socket_t socket, curlsocktype) {
  const auto& transfer = *static_cast<Transfer*>(data);
  const auto timeout = static_cast<unsigned>(transfer.tcp_user_timeout_ms);
  // A half-open connection would otherwise keep every stream on it silent for as long as the kernel retries. It fails
  // on Unix sockets, which need none.
  if (timeout > 0) setsockopt(socket, IPPROTO_TCP, TCP_USER_TIMEOUT, &timeout, sizeof timeout);
  return CURL_SOCKOPT_OK;
}

// Runs a piece of a curl callback; an exception (of a sink) becomes the transfer's failure instead of crossing C code.
template <class F>
std::size_t without_throwing(Transfer& transfer, F&& f) {
  try {
    return f();
  } catch (...) {
    transfer.failure = error_of(std::current_exception());
    return 0;
  }
}

std::size_t take_header(char* data, std::size_t size, std::size_t count, void* user) {
  auto& transfer = *static_cast<Transfer*>(user);
  const std::string_view raw(data, size * count);
  transfer.header_bytes += raw.size();
  transfer.last_byte_us = system_clock().steady_us();
  if (transfer.header_bytes > transfer.request.max_header_bytes) {
    transfer.failure =
        Error(Fault::unavailable, text::format("the answer of {} has a head of over {} bytes",
                                               url_for_text(transfer.request.url), transfer.request.max_header_bytes));
    return 0;
  }
  const std::string_view line = text::trim(raw);
  if (line.starts_with("HTTP/")) {  // also after 100 Continue
    transfer.response = {};
    transfer.response.http_version = line.starts_with("HTTP/2") ? 20 : 11;
    const std::size_t space = line.find(' ');
    const auto status = space == std::string_view::npos ? std::nullopt : text::parse_int(line.substr(space + 1, 3));
    transfer.response.status = status ? static_cast<int>(*status) : 0;
    return raw.size();
  }
  if (line.empty()) {
    const int status = transfer.response.status;
    const bool followed = transfer.request.follow_redirects && is_redirect(status, transfer.response.headers);
    if (!transfer.sink || status < 200 || followed) return raw.size();
    return without_throwing(transfer, [&] {
      report_head(transfer);
      return raw.size();
    });
  }
  const std::size_t colon = line.find(':');
  if (colon != std::string_view::npos) {
    transfer.response.headers.add(std::string(text::trim(line.substr(0, colon))),
                                  std::string(text::trim(line.substr(colon + 1))));
  }
  return raw.size();
}

std::size_t take_body(char* data, std::size_t size, std::size_t count, void* user) {
  auto& transfer = *static_cast<Transfer*>(user);
  const std::string_view bytes(data, size * count);
  transfer.last_byte_us = system_clock().steady_us();
  std::string& body = transfer.response.body;
  if (body.size() + bytes.size() > transfer.request.max_body_bytes) {
    transfer.failure =
        Error(Fault::unavailable, text::format("the answer of {} is over the limit of {} bytes",
                                               url_for_text(transfer.request.url), transfer.request.max_body_bytes));
    return 0;
  }
  body.append(bytes);
  return bytes.size();
}

std::size_t take_stream(char* data, std::size_t size, std::size_t count, void* user) {
  auto& transfer = *static_cast<Transfer*>(user);
  const std::string_view bytes(data, size * count);
  transfer.last_byte_us = system_clock().steady_us();
  if (!is_success(transfer.response.status)) {
    std::string& body = transfer.response.body;
    body.append(bytes.substr(0, kMaxErrorBodyBytes - std::min(body.size(), kMaxErrorBodyBytes)));
    return bytes.size();
  }
  if (transfer.paused) {
    transfer.curl_paused = true;
    return CURL_WRITEFUNC_PAUSE;
  }
  return without_throwing(transfer, [&] {
    transfer.pending.append(bytes);
    deliver_lines(transfer, false);
    return transfer.failure ? 0 : bytes.size();
  });
}

// Lets curl end a stream that the lane has given up.
int stop_when_failed(void* data, curl_off_t, curl_off_t, curl_off_t, curl_off_t) {
  return static_cast<const Transfer*>(data)->failure ? 1 : 0;
}

void set_body(Transfer& transfer, CURL* easy) {
  const ClientRequest& request = transfer.request;
  const bool carries =
      request.method == "POST" || request.method == "PUT" || request.method == "PATCH" || !request.body.empty();
  if (carries) {
    curl_easy_setopt(easy, CURLOPT_POST, 1L);
    curl_easy_setopt(easy, CURLOPT_POSTFIELDS, request.body.data());
    curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(request.body.size()));
  } else if (request.method == "HEAD") {
    curl_easy_setopt(easy, CURLOPT_NOBODY, 1L);
  }
  const bool plain =
      (request.method == "POST" && carries) || (!carries && (request.method == "GET" || request.method == "HEAD"));
  if (!plain) curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, request.method.c_str());
}

void append(std::unique_ptr<curl_slist, Transfer::Free>& list, const std::string& line) {
  curl_slist* longer = curl_slist_append(list.get(), line.c_str());
  if (!longer) throw Error(Fault::unavailable, "out of memory while preparing a request");
  static_cast<void>(list.release());
  list.reset(longer);
}

void set_headers(Transfer& transfer, CURL* easy, const HttpClient::Options& options) {
  for (const auto& [name, value] : transfer.request.headers) {
    // curl's syntax: "Name;" sends an empty value, "Name:" would suppress the field.
    append(transfer.header_list, value.empty() ? name + ";" : name + ": " + value);
  }
  append(transfer.header_list, "Expect:");
  if (!transfer.request.headers.has("Content-Type")) append(transfer.header_list, "Content-Type:");
  curl_easy_setopt(easy, CURLOPT_USERAGENT, options.user_agent.c_str());
}

void set_blob(CURL* easy, CURLoption option, const std::string& text) {
  curl_blob blob = {.data = const_cast<char*>(text.data()), .len = text.size(), .flags = CURL_BLOB_COPY};
  curl_easy_setopt(easy, option, &blob);
}

void set_tls(Transfer& transfer, CURL* easy, const Url& url) {
  const TlsOptions& tls = transfer.request.tls;
  curl_easy_setopt(easy, CURLOPT_SSLVERSION, static_cast<long>(CURL_SSLVERSION_TLSv1_2));
  if (!tls.ca_pem.empty()) {
    set_blob(easy, CURLOPT_CAINFO_BLOB, tls.ca_pem);
  } else if (!tls.ca_file.empty()) {
    curl_easy_setopt(easy, CURLOPT_CAINFO, tls.ca_file.c_str());
  }
  // The system's folder of certificates must not widen a given CA.
  if (!tls.ca_pem.empty() || !tls.ca_file.empty()) curl_easy_setopt(easy, CURLOPT_CAPATH, nullptr);
  if (!tls.certificate_pem.empty()) {
    set_blob(easy, CURLOPT_SSLCERT_BLOB, tls.certificate_pem);
    set_blob(easy, CURLOPT_SSLKEY_BLOB, tls.key_pem);
    curl_easy_setopt(easy, CURLOPT_SSLCERTTYPE, "PEM");
    curl_easy_setopt(easy, CURLOPT_SSLKEYTYPE, "PEM");
  }
  if (tls.skip_verify) {
    curl_easy_setopt(easy, CURLOPT_SSL_VERIFYPEER, 0L);
    curl_easy_setopt(easy, CURLOPT_SSL_VERIFYHOST, 0L);
  } else {
    curl_easy_setopt(easy, CURLOPT_SSL_CTX_FUNCTION, &watch_certificate_check);
    curl_easy_setopt(easy, CURLOPT_SSL_CTX_DATA, &transfer);
  }
  if (tls.server_name.empty() || url.scheme != "https") return;
  // curl takes the name to check from the URL, so the URL carries it and the connection is sent to the real host.
  const auto bracketed = [](const std::string& host) {
    return host.find(':') == std::string::npos ? host : "[" + host + "]";
  };
  const std::string host = bracketed(url.host);
  append(transfer.connect_to, text::format("{}:{}:{}:{}", tls.server_name, url.port, host, url.port));
  curl_easy_setopt(easy, CURLOPT_CONNECT_TO, transfer.connect_to.get());
  curl_easy_setopt(easy, CURLOPT_URL,
                   text::format("https://{}:{}{}", bracketed(tls.server_name), url.port, url.target).c_str());
  if (!transfer.request.headers.has("Host")) {
    append(transfer.header_list, url.port == 443 ? "Host: " + host : text::format("Host: {}:{}", host, url.port));
  }
}

void set_limits_and_network(Transfer& transfer, CURL* easy, const HttpClient::Options& options) {
  const ClientRequest& request = transfer.request;
  transfer.tcp_user_timeout_ms = options.tcp_user_timeout_ms;
  curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(easy, CURLOPT_TCP_KEEPALIVE, 1L);
  curl_easy_setopt(easy, CURLOPT_TCP_KEEPIDLE, 30L);
  curl_easy_setopt(easy, CURLOPT_TCP_KEEPINTVL, 10L);
  curl_easy_setopt(easy, CURLOPT_SOCKOPTFUNCTION, &set_socket_options);
  curl_easy_setopt(easy, CURLOPT_SOCKOPTDATA, &transfer);
  curl_easy_setopt(easy, CURLOPT_HTTP_VERSION,
                   static_cast<long>(request.http2 ? CURL_HTTP_VERSION_2TLS : CURL_HTTP_VERSION_1_1));
  curl_easy_setopt(easy, CURLOPT_PIPEWAIT, request.http2 ? 1L : 0L);
  curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, static_cast<long>(request.connect_timeout_ms));
  if (!transfer.sink) curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, static_cast<long>(transfer.left_ms));
  curl_easy_setopt(easy, CURLOPT_PROXY, request.proxy.c_str());
  curl_easy_setopt(easy, CURLOPT_NOPROXY, "");
  curl_easy_setopt(easy, CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);
  if (!request.unix_socket.empty()) curl_easy_setopt(easy, CURLOPT_UNIX_SOCKET_PATH, request.unix_socket.c_str());
  curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
}

}  // namespace

bool is_success(int status) { return status >= 200 && status < 300; }

void check_request(const ClientRequest& request) {
  if (!is_token(request.method)) throw invalid("the request's method is not an HTTP method");
  if (request.url.size() > kMaxTargetBytes) throw invalid("the URL is too long");
  const auto url = parse_url(request.url);
  if (!url || (url->scheme != "http" && url->scheme != "https")) {
    throw invalid(
        text::format("\"{}\" is not a valid http or https URL", text::shorten(url_for_text(request.url), 200)));
  }
  if (url->has_user) throw invalid(text::format("the URL {} must not contain a user name", url_for_text(request.url)));
  for (const auto& [name, value] : request.headers) {
    const bool clean =
        std::none_of(value.begin(), value.end(), [](char c) { return c == '\r' || c == '\n' || c == '\0'; });
    if (!is_token(name)) throw invalid("a header of the request has an invalid name");
    if (!clean) throw invalid(text::format("the header {} of the request has a line break in its value", name));
  }
  if (request.tls.certificate_pem.empty() != request.tls.key_pem.empty()) {
    throw invalid("a client certificate and its private key must be given together");
  }
}

void redirect(Transfer& transfer) {
  if (++transfer.redirects > kMaxRedirects) {
    throw Error(Fault::unavailable, text::format("{} redirects in circles (over {} times)",
                                                 url_for_text(transfer.request.url), kMaxRedirects));
  }
  ClientRequest next =
      redirected(transfer.request, transfer.response.status, transfer.response.headers.get("Location"));
  check_request(next);
  if (next.timeout_ms > 0) {
    const std::int64_t spent_ms = (system_clock().steady_us() - transfer.started_us) / kMillisecond;
    transfer.left_ms = std::max<std::int64_t>(next.timeout_ms - spent_ms, 1);
  }
  transfer.request = std::move(next);
  transfer.header_list.reset();
  transfer.connect_to.reset();
  transfer.error_text[0] = '\0';
  transfer.finding = std::make_shared<TlsFinding>();
  transfer.response = {};
  transfer.header_bytes = 0;
}

void configure(Transfer& transfer, const HttpClient::Options& options) {
  CURL* easy = transfer.easy.get();
  const auto url = parse_url(transfer.request.url);
  transfer.origin = text::format("{}://{}:{}", url->scheme, url->host, url->port);
  curl_easy_setopt(easy, CURLOPT_PRIVATE, &transfer);
  curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, transfer.error_text);
  curl_easy_setopt(easy, CURLOPT_URL, transfer.request.url.c_str());
  set_limits_and_network(transfer, easy, options);
  set_body(transfer, easy);
  set_headers(transfer, easy, options);
  set_tls(transfer, easy, *url);
  curl_easy_setopt(easy, CURLOPT_HTTPHEADER, transfer.header_list.get());
  curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, &take_header);
  curl_easy_setopt(easy, CURLOPT_HEADERDATA, &transfer);
  curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, transfer.sink ? &take_stream : &take_body);
  curl_easy_setopt(easy, CURLOPT_WRITEDATA, &transfer);
  if (!transfer.sink) return;
  curl_easy_setopt(easy, CURLOPT_NOPROGRESS, 0L);
  curl_easy_setopt(easy, CURLOPT_XFERINFOFUNCTION, &stop_when_failed);
  curl_easy_setopt(easy, CURLOPT_XFERINFODATA, &transfer);
}

void report_head(Transfer& transfer) {
  if (transfer.head_reported) return;
  transfer.head_reported = true;
  transfer.sink->on_head(transfer.response);
}

void deliver_lines(Transfer& transfer, bool at_end) {
  std::string& pending = transfer.pending;
  std::size_t& at = transfer.pending_at;
  while (!transfer.paused && at < pending.size()) {
    std::size_t end = pending.find('\n', at);
    if (end == std::string::npos) {
      if (pending.size() - at > transfer.limits.max_line_bytes) {
        transfer.failure =
            Error(Fault::unavailable, text::format("{} sent a line of over {} bytes",
                                                   url_for_text(transfer.request.url), transfer.limits.max_line_bytes));
      }
      if (!at_end || transfer.failure) break;
      end = pending.size();
    }
    std::string_view line(pending.data() + at, end - at);
    if (line.ends_with('\r')) line.remove_suffix(1);
    at = std::min(end + 1, pending.size());
    if (!line.empty() && !transfer.sink->on_line(line)) transfer.paused = true;
  }
  if (at == pending.size()) {
    pending.clear();
    at = 0;
  } else if (at > pending.size() / 2) {
    pending.erase(0, at);
    at = 0;
  }
}

}  // namespace fairlead::net
