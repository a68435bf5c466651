// SPDX-License-Identifier: Apache-2.0
#include "executor/host.h"

#include <poll.h>
#include <signal.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "base/bytes.h"
#include "base/file.h"
#include "base/log.h"
#include "base/signing.h"
#include "base/text.h"
#include "executor/executor.h"
#include "json/value.h"
#include "link/dialer.h"
#include "net/http_client.h"

namespace fairlead::executor {
namespace {

constexpr int kFirstRetryMs = 1'000;
constexpr int kLongestRetryMs = 30'000;
constexpr std::int64_t kLastDeliveryUs = 5 * kSecond;
constexpr int kRoundMs = 1'000;  // how late giving up may be

SigningKey kept_key(const std::string& path) {
  const std::optional<std::string> kept = file::read_if_exists(path, 1'024);
  if (!kept) {
    SigningKey fresh = make_signing_key();
    file::write_durably(path, hex(fresh.seed.reveal()) + "\n", 0600);
    return fresh;
  }
  const std::optional<std::string> seed = parse_hex(text::trim(*kept));
  if (!seed || seed->size() != kSeedBytes) {
    throw invalid(text::format("{} is damaged: it must hold 64 hexadecimal digits", path))
        .with_help("remove it and register again");
  }
  return signing_key_of(Secret(*seed));
}

// Signals as a descriptor, for this thread and all that it starts.
class Signals {
 public:
  Signals() {
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGHUP);
    ::pthread_sigmask(SIG_BLOCK, &set, nullptr);
    ::signal(SIGPIPE, SIG_IGN);
    fd_ = file::Descriptor(::signalfd(-1, &set, SFD_CLOEXEC));
  }
  // True when one has come within this time.
  bool wait(int timeout_ms) const {
    pollfd wait{fd_.get(), POLLIN, 0};
    return ::poll(&wait, 1, timeout_ms) > 0;
  }

 private:
  file::Descriptor fd_;
};

std::string register_url(const HostOptions& options) {
  std::string url = options.server_url;
  while (!url.empty() && url.back() == '/') url.pop_back();
  return url + std::string(link::kRegisterPath);
}

link::RegistrationAnswer ask(const HostOptions& options, const link::RegistrationRequest& body, net::HttpClient& http) {
  net::ClientRequest request;
  request.method = "POST";
  request.url = register_url(options);
  request.headers.set("Authorization", "Bearer " + std::string(options.token.reveal()));
  request.headers.set("Content-Type", "application/json");
  request.body = json::encode(body);
  request.proxy = options.proxy;
  request.tls.ca_file = options.ca_file;
  request.tls.skip_verify = options.insecure;
  request.max_body_bytes = link::kMaxRegistrationBytes;
  const net::ClientResponse response = http.perform(std::move(request));
  if (response.status == 200 || response.status == 201) return json::decode<link::RegistrationAnswer>(response.body);
  std::string reason = text::format("status {}", response.status);
  try {
    const json::Value problem = json::parse(response.body, "the answer");
    reason = json::string_or(problem, "ErrorMessage", reason);
  } catch (const Error&) {
    log::debug("the server's refusal is no JSON", {{"status", response.status}});
  }
  if (response.status == 503 || response.status == 429)
    throw Error(Fault::unavailable, "the server is busy: " + reason);
  if (response.status == 401 || response.status == 403) {
    throw Error(Fault::unauthenticated, "the server refuses the registration: " + reason)
        .with_help("get a new registration token; one is good for one registration within an hour");
  }
  throw invalid("the server refuses the registration: " + reason);
}

// nullopt: a signal came first.
std::optional<link::RegistrationAnswer> registration(const HostOptions& options, const SigningKey& key,
                                                     const Signals& signals) {
  const std::string path = options.data_folder + "/registration.json";
  if (const std::optional<std::string> kept = file::read_if_exists(path, link::kMaxRegistrationBytes)) {
    return json::decode<link::RegistrationAnswer>(*kept);
  }
  if (options.token.empty())
    throw invalid("this executor is not registered yet").with_help("give it a registration token with --token");
  link::RegistrationRequest body = options.registration;
  body.public_key = base64(key.public_key);
  body.version = kProgramVersion;
  body.host = host_name();
  net::HttpClient http;
  for (int delay_ms = kFirstRetryMs;; delay_ms = std::min(delay_ms * 2, kLongestRetryMs)) {
    try {
      const link::RegistrationAnswer answer = ask(options, body, http);
      if (parse_base64(answer.server_public_key).value_or("").size() != kPublicKeyBytes) {
        throw invalid("the server's answer to the registration has no key");
      }
      file::write_durably(path, json::encode(answer), 0600);
      log::info("registered", {{"server", options.server_url}, {"id", answer.executor}});
      return answer;
    } catch (const Error& error) {
      if (!error.retryable()) throw;
      log::warning("cannot register yet", {{"reason", error.message()}});
    }
    if (signals.wait(delay_ms)) return std::nullopt;
  }
}

link::DialerOptions dialer_options(const HostOptions& options, const SigningKey& key,
                                   const link::RegistrationAnswer& who, const Executor& executor) {
  link::DialerOptions out;
  out.server_url = options.server_url;
  out.unix_socket = options.unix_socket;
  out.proxy = options.proxy;
  out.ca_file = options.ca_file;
  out.insecure = options.insecure;
  out.executor = who.executor;
  out.epoch = executor.epoch();
  out.incarnation = executor.incarnation();
  out.kind = options.registration.kind;
  out.version = kProgramVersion;
  out.host = host_name();
  out.key = key;
  out.shared_secret = options.shared_secret;
  out.server_public_key = parse_base64(who.server_public_key).value_or("");
  if (!options.unix_socket.empty()) {  // on this machine nobody is spared by waiting
    out.first_delay_ms = 20;
    out.longest_delay_ms = 300;
  }
  return out;
}

bool given_up(const HostOptions& options, const Executor& executor, const link::Dialer& dialer, const Clock& clock) {
  if (options.give_up_after_us == 0 || executor.active() > 0) return false;
  const std::optional<std::int64_t> since_us = dialer.disconnected_since_us();
  return since_us && clock.steady_us() - *since_us >= options.give_up_after_us;
}

}  // namespace

std::string host_name() {
  char name[256] = {};
  return ::gethostname(name, sizeof name - 1) == 0 ? std::string(name) : std::string("unknown");
}

void run_host(const HostOptions& options) {
  const Signals signals;
  Clock& clock = system_clock();
  file::make_folder(options.data_folder);
  const SigningKey key = kept_key(options.data_folder + "/key");
  link::RegistrationAnswer who{.executor = options.executor};
  if (options.shared_secret.empty()) {
    const std::optional<link::RegistrationAnswer> answer = registration(options, key, signals);
    if (!answer) return;
    who = *answer;
  }
  ExecutorOptions executor_options;
  executor_options.data_folder = options.data_folder;
  executor_options.name = text::format("{} {}", options.registration.kind, options.registration.name);
  executor_options.version = kProgramVersion;
  executor_options.key = key;
  executor_options.own_cluster = options.own_cluster;
  executor_options.launcher = options.launcher;
  Executor executor(std::move(executor_options), clock);
  link::Dialer dialer(dialer_options(options, key, who, executor), executor, clock);
  executor.start(dialer);
  dialer.start();
  while (!signals.wait(options.give_up_after_us == 0 ? -1 : kRoundMs)) {
    if (given_up(options, executor, dialer, clock)) {
      log::info("no server for a long time: ending");
      break;
    }
  }
  executor.stop();
  if (dialer.connected()) executor.wait_delivered(kLastDeliveryUs);
  dialer.stop();
}

}  // namespace fairlead::executor
