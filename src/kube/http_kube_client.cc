// SPDX-License-Identifier: Apache-2.0
#include "kube/http_kube_client.h"

#include <algorithm>
#include <atomic>
#include <cstdlib>
#include <deque>
#include <mutex>

#include "base/bytes.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/text.h"
#include "json/value.h"
#include "kube/fields.h"
#include "kube/yaml.h"
#include "net/http_client.h"

namespace fairlead::kube {

namespace {

using text::format;

// Projected tokens are renewed by the kubelet long before they expire; a new one is picked up within this time.
constexpr std::int64_t kTokenFileAgeUs = 60 * kSecond;
constexpr std::size_t kTokenBytes = 64u << 10;
constexpr std::size_t kQueuedRequests = 20'000;
constexpr std::string_view kServiceAccount = "/var/run/secrets/kubernetes.io/serviceaccount/";

// Warning: 299 - "text" (RFC 9111 section 5.5, as Kubernetes uses it).
std::string warning_text(std::string_view value) {
  const std::size_t begin = value.find('"');
  const std::size_t end = value.rfind('"');
  if (begin == std::string_view::npos || end <= begin) return std::string(value);
  return text::replace_all(std::string(value.substr(begin + 1, end - begin - 1)), "\\\"", "\"");
}

KubeResponse to_kube(net::ClientResponse&& response) {
  KubeResponse result;
  result.status = response.status;
  result.body = std::move(response.body);
  result.etag = response.headers.get("ETag");
  result.content_type = response.headers.get("Content-Type");
  for (const std::string& value : response.headers.all("Warning")) result.warnings.push_back(warning_text(value));
  result.retry_after_seconds = static_cast<int>(
      std::clamp<std::int64_t>(text::parse_int(response.headers.get("Retry-After")).value_or(0), 0, 3600));
  if (const auto seconds = response.date_unix_seconds()) result.server_time_us = *seconds * kSecond;
  return result;
}

class SinkAdapter : public net::LineSink {
 public:
  explicit SinkAdapter(std::shared_ptr<KubeStreamSink> sink) : sink_(std::move(sink)) {}
  void on_head(const net::ClientResponse& head) override { sink_->on_open(to_kube(net::ClientResponse(head))); }
  bool on_line(std::string_view line) override { return sink_->on_line(line); }
  void on_end(net::ClientResult result) override {
    KubeOutcome outcome;
    if (auto* error = std::get_if<Error>(&result)) {
      outcome.error = std::move(*error);
    } else {
      outcome.response = to_kube(std::get<net::ClientResponse>(std::move(result)));
    }
    sink_->on_end(std::move(outcome));
  }

 private:
  const std::shared_ptr<KubeStreamSink> sink_;
};

class HttpStream : public KubeStream {
 public:
  explicit HttpStream(net::StreamHandle handle) : handle_(std::move(handle)) {}
  ~HttpStream() override { handle_.cancel(); }
  void resume() override { handle_.resume(); }

 private:
  net::StreamHandle handle_;
};

// The requests that wait for their turn. Shared with completions, which may outlive the client object.
struct Turnstile {
  struct Waiting {
    net::ClientRequest request;
    std::function<void(KubeOutcome)> done;
    CancelToken cancel;
  };
  std::mutex mutex;
  std::deque<Waiting> waiting;
  int open = 0;
  int limit = 0;
  bool closed = false;
  net::HttpClient* http = nullptr;
};

void send_through(const std::shared_ptr<Turnstile>& turnstile, Turnstile::Waiting job);

void send_next(const std::shared_ptr<Turnstile>& turnstile) {
  Turnstile::Waiting next;
  {
    const std::lock_guard lock(turnstile->mutex);
    if (turnstile->waiting.empty() || turnstile->closed) {
      --turnstile->open;
      return;
    }
    next = std::move(turnstile->waiting.front());
    turnstile->waiting.pop_front();
  }
  send_through(turnstile, std::move(next));
}

void send_through(const std::shared_ptr<Turnstile>& turnstile, Turnstile::Waiting job) {
  auto done = [turnstile, done = std::move(job.done)](net::ClientResult result) {
    KubeOutcome outcome;
    if (auto* error = std::get_if<Error>(&result)) {
      outcome.error = std::move(*error);
    } else {
      outcome.response = to_kube(std::get<net::ClientResponse>(std::move(result)));
    }
    send_next(turnstile);
    done(std::move(outcome));
  };
  turnstile->http->start(std::move(job.request), std::move(done), job.cancel);
}

class HttpKubeClient : public KubeClient {
 public:
  HttpKubeClient(ClusterConfig config, net::HttpClient& http)
      : config_(std::move(config)), http_(http), turnstile_(std::make_shared<Turnstile>()) {
    turnstile_->limit = std::max(config_.requests_in_flight, 1);
    turnstile_->http = &http;
    while (config_.server_url.ends_with('/')) config_.server_url.pop_back();
  }

  ~HttpKubeClient() override {
    std::deque<Turnstile::Waiting> dropped;
    {
      const std::lock_guard lock(turnstile_->mutex);
      turnstile_->closed = true;
      dropped.swap(turnstile_->waiting);
    }
    for (Turnstile::Waiting& job : dropped) {
      KubeOutcome outcome;
      outcome.error = Error(Fault::cancelled, "the client of the cluster is being closed");
      job.done(std::move(outcome));
    }
  }

  void start(KubeRequest request, std::function<void(KubeOutcome)> done, const CancelToken& cancel) override {
    net::ClientRequest outgoing;
    try {
      outgoing = translate(std::move(request));
    } catch (const Error& error) {
      KubeOutcome outcome;
      outcome.error = error;
      return done(std::move(outcome));
    }
    Turnstile::Waiting job;
    job.request = std::move(outgoing);
    job.done = [this_token = token_, done = std::move(done)](KubeOutcome outcome) {
      // The next request reads the token file again: it may have been renewed.
      if (!outcome.error && outcome.response.status == 401) this_token->read_at_us.store(0);
      done(std::move(outcome));
    };
    job.cancel = cancel;
    bool full = false;
    {
      const std::lock_guard lock(turnstile_->mutex);
      if (turnstile_->open >= turnstile_->limit) {
        full = turnstile_->waiting.size() >= kQueuedRequests;
        if (!full) {
          turnstile_->waiting.push_back(std::move(job));
          return;
        }
      } else {
        ++turnstile_->open;
      }
    }
    if (!full) return send_through(turnstile_, std::move(job));
    KubeOutcome outcome;
    outcome.error = Error(Fault::unavailable, format("more than {} requests wait for {}", kQueuedRequests, server()));
    job.done(std::move(outcome));
  }

  std::unique_ptr<KubeStream> stream(KubeRequest request, std::shared_ptr<KubeStreamSink> sink) override {
    request.timeout_ms = 0;
    net::StreamLimits limits;
    limits.silence_timeout_ms = config_.watch_silence_ms;
    return std::make_unique<HttpStream>(
        http_.stream(translate(std::move(request)), std::make_shared<SinkAdapter>(std::move(sink)), limits));
  }

  std::string server() const override { return net::url_for_text(config_.server_url); }

 private:
  struct TokenCache {
    std::mutex mutex;
    std::string token;
    std::atomic<std::int64_t> read_at_us{0};
  };

  net::ClientRequest translate(KubeRequest request) {
    net::ClientRequest out;
    out.method = std::move(request.method);
    out.url = config_.server_url + request.path;
    out.body = std::move(request.body);
    out.headers.add("Accept", std::move(request.accept));
    if (!request.content_type.empty()) out.headers.add("Content-Type", std::move(request.content_type));
    if (!request.if_none_match.empty()) out.headers.add("If-None-Match", std::move(request.if_none_match));
    const std::string authorization = this->authorization();
    if (!authorization.empty()) out.headers.add("Authorization", authorization);
    out.timeout_ms = request.timeout_ms;
    out.connect_timeout_ms = config_.connect_timeout_ms;
    out.max_body_bytes = request.max_answer_bytes;
    out.tls.ca_pem = config_.ca_pem;
    out.tls.certificate_pem = config_.client_certificate_pem;
    out.tls.key_pem = config_.client_key_pem.reveal();
    out.tls.skip_verify = config_.skip_tls_verification;
    out.tls.server_name = config_.tls_server_name;
    out.proxy = config_.proxy_url;
    return out;
  }

  std::string authorization() {
    if (!config_.token_file.empty()) return "Bearer " + token_from_file();
    if (!config_.token.empty()) return "Bearer " + std::string(config_.token.reveal());
    if (!config_.username.empty())
      return "Basic " + base64(config_.username + ":" + std::string(config_.password.reveal()));
    return {};
  }

  std::string token_from_file() {
    const std::int64_t now = system_clock().steady_us();
    const std::lock_guard lock(token_->mutex);
    const std::int64_t read_at = token_->read_at_us.load();
    if (read_at == 0 || now - read_at > kTokenFileAgeUs) {
      token_->token = text::trim(file::read(config_.token_file, kTokenBytes));
      token_->read_at_us.store(now);
    }
    return token_->token;
  }

  ClusterConfig config_;
  net::HttpClient& http_;
  const std::shared_ptr<Turnstile> turnstile_;
  const std::shared_ptr<TokenCache> token_ = std::make_shared<TokenCache>();
};

void check_config(const ClusterConfig& config) {
  const auto url = net::parse_url(config.server_url);
  if (!url || (url->scheme != "https" && url->scheme != "http")) {
    throw invalid("the cluster's URL cannot be used")
        .at("server", net::url_for_text(config.server_url))
        .with_help("Write it as https://host:port.");
  }
  if (url->has_user)
    throw invalid("the cluster's URL must not hold a user or password")
        .with_help("Use an account for the credentials.");
  if (config.client_certificate_pem.empty() != config.client_key_pem.empty()) {
    throw invalid("a client certificate needs both certificate and private key")
        .with_help("Store the certificate together with its private key.");
  }
  const bool has_secret =
      !config.token.empty() || !config.token_file.empty() || !config.username.empty() || !config.client_key_pem.empty();
  if (url->scheme == "http" && has_secret && !net::is_loopback(url->host)) {
    throw invalid("credentials are never sent over plain http").with_help("Write the cluster's URL with https.");
  }
  for (const char c : config.token.reveal()) {
    if (c <= ' ' || c == 0x7f)
      throw invalid("the token holds white space or control characters")
          .with_help("Copy the token again, in one line.");
  }
}

// --- kubeconfig

constexpr std::size_t kKubeconfigFileBytes = 1u << 20;

const json::Value& named_entry(const json::Value& config, std::string_view list, std::string_view name,
                               std::string_view member, std::string_view source) {
  for (const json::Value& entry : array_at(config, {list})) {
    if (text_at(entry, {"name"}) != name) continue;
    if (const json::Value* found = find(entry, {member})) return *found;
  }
  throw invalid(format("{} has no {} named \"{}\"", source, member, name));
}

// The inline base64 data or the content of the file named.
std::string data_or_file(const json::Value& entry, std::string_view name, const std::string& directory,
                         std::string_view source) {
  const std::string_view data = text_at(entry, {std::string(name) + "-data"});
  if (!data.empty()) {
    auto bytes = parse_base64(data);
    if (!bytes) throw invalid(format("{}: {}-data is not base64", source, name));
    return *std::move(bytes);
  }
  const std::string_view path = text_at(entry, {name});
  if (path.empty()) return {};
  return file::read(path.starts_with('/') ? std::string(path) : directory + "/" + std::string(path),
                    kKubeconfigFileBytes);
}

}  // namespace

std::unique_ptr<KubeClient> make_http_kube_client(ClusterConfig config, net::HttpClient& http) {
  check_config(config);
  return std::make_unique<HttpKubeClient>(std::move(config), http);
}

ClusterConfig parse_kubeconfig(std::string_view text, std::string_view source_name, const std::string& directory,
                               std::string_view context) {
  const json::Value config = parse_yaml(text, source_name);
  const std::string_view wanted = context.empty() ? text_at(config, {"current-context"}) : context;
  if (wanted.empty()) {
    throw invalid(format("{} names no current-context", source_name))
        .with_help("Give the context to use, or set one with `kubectl config use-context`.");
  }
  const json::Value& chosen = named_entry(config, "contexts", wanted, "context", source_name);
  const json::Value& cluster = named_entry(config, "clusters", text_at(chosen, {"cluster"}), "cluster", source_name);
  ClusterConfig result;
  result.server_url = text_at(cluster, {"server"});
  result.ca_pem = data_or_file(cluster, "certificate-authority", directory, source_name);
  result.skip_tls_verification = bool_at(cluster, {"insecure-skip-tls-verify"});
  result.tls_server_name = text_at(cluster, {"tls-server-name"});
  result.proxy_url = text_at(cluster, {"proxy-url"});
  if (text_at(chosen, {"user"}).empty()) return result;
  const json::Value& user = named_entry(config, "users", text_at(chosen, {"user"}), "user", source_name);
  if (find(user, {"exec"}) != nullptr || find(user, {"auth-provider"}) != nullptr) {
    throw invalid(format("{}: the user \"{}\" gets its credentials from a plugin, which is not supported", source_name,
                         text_at(chosen, {"user"})))
        .with_help("Use a token of a service account or a client certificate.");
  }
  result.token = Secret(std::string(text_at(user, {"token"})));
  if (result.token.empty()) {
    result.token_file = text_at(user, {"tokenFile"});
    if (!result.token_file.empty() && !result.token_file.starts_with('/'))
      result.token_file = directory + "/" + result.token_file;
  }
  result.username = text_at(user, {"username"});
  result.password = Secret(std::string(text_at(user, {"password"})));
  result.client_certificate_pem = data_or_file(user, "client-certificate", directory, source_name);
  result.client_key_pem = Secret(data_or_file(user, "client-key", directory, source_name));
  return result;
}

ClusterConfig in_cluster_config() {
  const char* host = std::getenv("KUBERNETES_SERVICE_HOST");
  const char* port = std::getenv("KUBERNETES_SERVICE_PORT");
  if (host == nullptr || port == nullptr) {
    throw invalid("this is no pod of a cluster: KUBERNETES_SERVICE_HOST is not set")
        .with_help("Give a kubeconfig with --kubeconfig.");
  }
  ClusterConfig config;
  const std::string name = std::string_view(host).find(':') == std::string_view::npos ? host : format("[{}]", host);
  config.server_url = format("https://{}:{}", name, port);
  config.ca_pem = file::read(std::string(kServiceAccount) + "ca.crt", kKubeconfigFileBytes);
  config.token_file = std::string(kServiceAccount) + "token";
  return config;
}

}  // namespace fairlead::kube
