// SPDX-License-Identifier: Apache-2.0
#include "net/curl_lane.h"

#include <sys/socket.h>

#include <algorithm>
#include <exception>
#include <utility>

#include "base/clock.h"
#include "base/log.h"
#include "base/text.h"
#include "base/thread.h"
#include "net/redirect.h"

namespace fairlead::net {
namespace {

constexpr std::size_t kSpareHandles = 64;
constexpr int kLongestPollMs = 60'000;
constexpr std::size_t kHeardOrigins = 256;
constexpr std::int64_t kDeadAfterUs = 30 * kSecond;          // without a byte, while an answer is overdue
constexpr std::int64_t kSilenceCheckUs = 20 * kMillisecond;  // at most this often

CURLM* make_multi(const HttpClient::Options& options, int connections_per_host) {
  static const CURLcode initialised = curl_global_init(CURL_GLOBAL_DEFAULT);
  CURLM* multi = initialised == CURLE_OK ? curl_multi_init() : nullptr;
  if (!multi) throw Error(Fault::bug, "libcurl cannot be initialised");
  curl_multi_setopt(multi, CURLMOPT_PIPELINING, static_cast<long>(CURLPIPE_MULTIPLEX));
  curl_multi_setopt(multi, CURLMOPT_MAX_HOST_CONNECTIONS, static_cast<long>(connections_per_host));
  curl_multi_setopt(multi, CURLMOPT_MAXCONNECTS, static_cast<long>(options.max_idle_connections));
  return multi;
}

// The connection that an ended transfer has used, where that is open and no other transfer is on it.
curl_socket_t socket_of(const Transfer& transfer) {
  curl_socket_t socket = CURL_SOCKET_BAD;
  if (transfer.easy) curl_easy_getinfo(transfer.easy.get(), CURLINFO_ACTIVESOCKET, &socket);
  return socket;
}

// Callbacks of others must not throw through curl or end the lane.
template <class F>
void guarded(const char* what, F&& f) {
  try {
    f();
  } catch (...) {
    log::error("a callback of the HTTP client threw",
               {{"callback", what}, {"error", error_of(std::current_exception()).text()}});
  }
}

}  // namespace

CurlLane::CurlLane(const std::string& name, HttpClient::Options options, int connections_per_host)
    : options_(std::move(options)), multi_(make_multi(options_, connections_per_host)) {
  thread_ = start_thread(name, [this] { run(); });
}

void CurlLane::stop() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  curl_multi_wakeup(multi_);
  if (thread_.joinable()) thread_.join();
}

CurlLane::~CurlLane() {
  spare_.clear();
  curl_multi_cleanup(multi_);
}

void CurlLane::add(std::shared_ptr<Transfer> transfer) {
  if (accepted_.fetch_add(1) >= options_.max_pending && !transfer->failure) {
    transfer->failure =
        Error(Fault::unavailable, text::format("{} requests are waiting already", options_.max_pending)).retry_after(1);
  }
  post({Command::Kind::add, std::move(transfer), {}});
}

void CurlLane::cancel(std::shared_ptr<Transfer> transfer, std::string reason) {
  post({Command::Kind::cancel, std::move(transfer), std::move(reason)});
}

void CurlLane::resume(std::shared_ptr<Transfer> transfer) { post({Command::Kind::resume, std::move(transfer), {}}); }

void CurlLane::post(Command command) {
  bool first = false;
  {
    const std::lock_guard lock(mutex_);
    first = inbox_.empty();
    inbox_.push_back(std::move(command));
  }
  if (first) curl_multi_wakeup(multi_);
}

void CurlLane::run() {
  std::vector<Command> commands;
  while (true) {
    bool stopping = false;
    {
      const std::lock_guard lock(mutex_);
      commands.swap(inbox_);
      stopping = stopping_;
    }
    for (Command& command : commands) obey(command);
    commands.clear();
    if (stopping) break;
    int running = 0;
    curl_multi_perform(multi_, &running);
    collect_finished();
    end_silent_streams();
    curl_multi_poll(multi_, nullptr, 0, poll_timeout_ms(), nullptr);
  }
  while (!running_.empty()) end(running_.begin()->second, Error(Fault::cancelled, "the HTTP client was closed"));
}

void CurlLane::obey(Command& command) {
  const std::shared_ptr<Transfer>& transfer = command.transfer;
  switch (command.kind) {
    case Command::Kind::add: begin(transfer); return;
    case Command::Kind::cancel:
      if (transfer->finished) return;
      if (running_.contains(transfer.get())) {
        end(transfer, Error(Fault::cancelled, command.reason));
      } else {
        cancelled_early_.emplace(transfer.get(), command.reason);
      }
      return;
    case Command::Kind::resume:
      if (!transfer->finished) go_on(*transfer);
      return;
  }
}

void CurlLane::begin(const std::shared_ptr<Transfer>& transfer) {
  running_.emplace(transfer.get(), transfer);
  if (const auto early = cancelled_early_.find(transfer.get()); early != cancelled_early_.end()) {
    transfer->failure = Error(Fault::cancelled, early->second);
    cancelled_early_.erase(early);
  }
  if (!transfer->failure) {
    try {
      if (spare_.empty()) {
        transfer->easy.reset(curl_easy_init());
      } else {
        transfer->easy = std::move(spare_.back());
        spare_.pop_back();
      }
      if (!transfer->easy) throw Error(Fault::unavailable, "out of memory while preparing a request");
      transfer->started_us = system_clock().steady_us();
      transfer->left_ms = transfer->request.timeout_ms;
      configure(*transfer, options_);
      transfer->last_byte_us = transfer->started_us;
      if (transfer->limits.silence_timeout_ms > 0 && transfer->sink) {
        transfer->watched_for_silence = true;
        ++watched_for_silence_;
        next_silence_check_us_ = 0;
      }
      if (curl_multi_add_handle(multi_, transfer->easy.get()) == CURLM_OK) return;
      transfer->failure = Error(Fault::bug, "libcurl refused a request");
    } catch (...) {
      transfer->failure = error_of(std::current_exception());
    }
  }
  end(transfer, *transfer->failure);
}

void CurlLane::go_on(Transfer& transfer) {
  if (!transfer.paused) return;
  transfer.paused = false;
  // Delivering may end the transfer, so it is kept alive here.
  const std::shared_ptr<Transfer> kept = running_.at(&transfer);
  guarded("on_line", [&] { deliver_lines(transfer, transfer.held_result.has_value()); });
  if (transfer.failure && !transfer.held_result) {
    end(kept, *transfer.failure);
    return;
  }
  if (transfer.paused) return;
  transfer.last_byte_us = system_clock().steady_us();
  if (transfer.held_result) {
    end(kept, *std::move(transfer.held_result));
  } else if (transfer.curl_paused) {
    transfer.curl_paused = false;
    curl_easy_pause(transfer.easy.get(), CURLPAUSE_CONT);
  }
}

void CurlLane::collect_finished() {
  int left = 0;
  while (CURLMsg* message = curl_multi_info_read(multi_, &left)) {
    if (message->msg != CURLMSG_DONE) continue;
    Transfer* transfer = nullptr;
    curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &transfer);
    finish(*transfer, message->data.result);
  }
}

void CurlLane::finish(Transfer& transfer, CURLcode code) {
  const std::shared_ptr<Transfer> kept = running_.at(&transfer);
  if (code == CURLE_OPERATION_TIMEDOUT || code == CURLE_ABORTED_BY_CALLBACK) shut_if_dead(transfer);
  if (code == CURLE_OK) note_heard(transfer.origin);
  if (code != CURLE_OK || transfer.failure) {
    end(kept, transfer_error(transfer, code));
    return;
  }
  if (transfer.request.follow_redirects && is_redirect(transfer.response.status, transfer.response.headers)) {
    follow(kept);
    return;
  }
  if (!transfer.sink) {
    end(kept, std::move(transfer.response));
    return;
  }
  guarded("on_line", [&] { deliver_lines(transfer, true); });
  if (transfer.failure) {
    end(kept, *transfer.failure);
  } else if (transfer.paused && !transfer.pending.empty()) {
    transfer.held_result = std::move(transfer.response);
    curl_multi_remove_handle(multi_, transfer.easy.get());
  } else {
    end(kept, std::move(transfer.response));
  }
}

// curl could do this itself, but would take every header that is not Authorization or Cookie, the client certificate
// and the body along to wherever the answer points.
void CurlLane::follow(const std::shared_ptr<Transfer>& transfer) {
  curl_multi_remove_handle(multi_, transfer->easy.get());
  curl_easy_reset(transfer->easy.get());
  try {
    redirect(*transfer);
    configure(*transfer, options_);
    transfer->last_byte_us = system_clock().steady_us();
    if (curl_multi_add_handle(multi_, transfer->easy.get()) == CURLM_OK) return;
    transfer->failure = Error(Fault::bug, "libcurl refused a request");
  } catch (...) {
    transfer->failure = error_of(std::current_exception());
  }
  end(transfer, *transfer->failure);
}

void CurlLane::end(std::shared_ptr<Transfer> transfer, ClientResult result) {
  transfer->finished = true;
  running_.erase(transfer.get());
  accepted_.fetch_sub(1);
  if (transfer->watched_for_silence) --watched_for_silence_;
  if (transfer->easy) {
    curl_multi_remove_handle(multi_, transfer->easy.get());
    curl_easy_reset(transfer->easy.get());
    if (spare_.size() < kSpareHandles) spare_.push_back(std::move(transfer->easy));
    transfer->easy.reset();
  }
  transfer->cancel.forget(transfer->cancel_ticket);
  if (transfer->sink) {
    guarded("on_end", [&] { transfer->sink->on_end(std::move(result)); });
    transfer->sink.reset();
  } else {
    guarded("done", [&] { transfer->done(std::move(result)); });
    transfer->done = nullptr;
  }
}

void CurlLane::note_heard(const std::string& origin) {
  const std::int64_t now = system_clock().steady_us();
  heard_[origin] = now;
  if (heard_.size() > kHeardOrigins)
    std::erase_if(heard_, [&](const auto& entry) { return entry.second < now - kDeadAfterUs; });
}

// Requests that time out are no trouble for an HTTP/2 connection, so curl would send the next ones over it again, and
// again, while whoever is in the middle (a router, a proxy) has long forgotten it. That something came is noted by
// origin: curl does not tell the connection of a transfer that ends while others are on it.
void CurlLane::shut_if_dead(const Transfer& transfer) {
  const curl_socket_t socket = socket_of(transfer);
  if (socket == CURL_SOCKET_BAD) return;
  const std::int64_t patience_us =
      std::min(transfer.sink ? transfer.limits.silence_timeout_ms * kMillisecond : kDeadAfterUs, kDeadAfterUs);
  const std::int64_t since_us = std::max(transfer.started_us, system_clock().steady_us() - patience_us);
  if (const auto heard = heard_.find(transfer.origin); heard != heard_.end() && heard->second >= since_us) return;
  for (const auto& [pointer, other] : running_) {
    const bool heard = other->last_byte_us > other->started_us && other->last_byte_us >= since_us;
    if (pointer != &transfer && heard && other->origin == transfer.origin) return;
  }
  ::shutdown(socket, SHUT_RDWR);  // curl sees the end and closes it
}

void CurlLane::end_silent_streams() {
  if (watched_for_silence_ == 0) return;
  const std::int64_t now = system_clock().steady_us();
  if (now < next_silence_check_us_) return;
  std::int64_t next = now + kLongestPollMs * kMillisecond;
  std::vector<std::shared_ptr<Transfer>> silent;
  for (const auto& [pointer, transfer] : running_) {
    if (!transfer->sink || transfer->limits.silence_timeout_ms <= 0 || transfer->paused) continue;
    const std::int64_t due = transfer->last_byte_us + transfer->limits.silence_timeout_ms * kMillisecond;
    if (due <= now) silent.push_back(transfer);
    next = std::min(next, due);
  }
  next_silence_check_us_ = std::max(next, now + kSilenceCheckUs);
  if (silent.empty()) return;
  for (const auto& transfer : silent) {
    transfer->failure =
        Error(Fault::timeout, text::format("{} sent nothing for {} ms", url_for_text(transfer->request.url),
                                           transfer->limits.silence_timeout_ms));
  }
  // curl tells the connection of a transfer only once it has ended it, which it does where stop_when_failed() says so.
  int running = 0;
  curl_multi_perform(multi_, &running);
  collect_finished();
  for (const auto& transfer : silent) {
    if (!transfer->finished) end(transfer, *transfer->failure);
  }
}

int CurlLane::poll_timeout_ms() const {
  if (watched_for_silence_ == 0) return kLongestPollMs;
  const std::int64_t left_us = next_silence_check_us_ - system_clock().steady_us();
  return static_cast<int>(std::clamp<std::int64_t>(left_us / kMillisecond + 1, 1, kLongestPollMs));
}

}  // namespace fairlead::net
