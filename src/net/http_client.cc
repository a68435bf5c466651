// SPDX-License-Identifier: Apache-2.0
#include "net/http_client.h"

#include <algorithm>
#include <condition_variable>
#include <mutex>
#include <utility>

#include "net/curl_lane.h"

namespace fairlead::net {
namespace {

std::shared_ptr<Transfer> make_transfer(ClientRequest request) {
  auto transfer = std::make_shared<Transfer>();
  transfer->request = std::move(request);
  try {
    check_request(transfer->request);
  } catch (const Error& error) {
    transfer->failure = error;
  }
  return transfer;
}

}  // namespace

// The lane is held weakly: a handle or a cancel token may outlive the client.
struct StreamHandle::State {
  std::weak_ptr<CurlLane> lane;
  std::weak_ptr<Transfer> transfer;
};

struct HttpClient::Impl {
  explicit Impl(const Options& options)
      : calls(std::make_shared<CurlLane>("curl-calls", options, options.max_connections_per_host)),
        watches(std::make_shared<CurlLane>("curl-watch", options, 0)) {}
  ~Impl() {
    calls->stop();
    watches->stop();
  }
  std::shared_ptr<CurlLane> calls;
  std::shared_ptr<CurlLane> watches;
};

std::optional<std::int64_t> ClientResponse::date_unix_seconds() const { return parse_http_date(headers.get("Date")); }

HttpClient::HttpClient() : HttpClient(Options()) {}

HttpClient::HttpClient(Options options) : impl_(std::make_unique<Impl>(options)) {}

HttpClient::~HttpClient() = default;

void HttpClient::start(ClientRequest request, std::function<void(ClientResult)> done, const CancelToken& cancel) {
  std::shared_ptr<Transfer> transfer = make_transfer(std::move(request));
  transfer->done = std::move(done);
  transfer->cancel = cancel;
  if (cancel.cancelled()) transfer->failure = Error(Fault::cancelled, cancel.reason());
  // The lane may not see the transfer before its ticket is known; a cancel that comes first finds it through the inbox.
  transfer->cancel_ticket =
      cancel.on_cancel([lane = std::weak_ptr(impl_->calls), weak = std::weak_ptr(transfer), cancel] {
        const auto strong_lane = lane.lock();
        auto strong = weak.lock();
        if (strong_lane && strong) strong_lane->cancel(std::move(strong), cancel.reason());
      });
  impl_->calls->add(std::move(transfer));
}

ClientResponse HttpClient::perform(ClientRequest request, const CancelToken& cancel) {
  if (impl_->calls->on_own_thread())
    throw Error(Fault::bug, "HttpClient::perform was called from a callback of the client");
  struct Waiting {
    std::mutex mutex;
    std::condition_variable changed;
    std::optional<ClientResult> result;
  };
  const auto waiting = std::make_shared<Waiting>();
  start(
      std::move(request),
      [waiting](ClientResult result) {
        const std::lock_guard lock(waiting->mutex);
        waiting->result = std::move(result);
        waiting->changed.notify_one();
      },
      cancel);
  std::unique_lock lock(waiting->mutex);
  waiting->changed.wait(lock, [&] { return waiting->result.has_value(); });
  if (auto* error = std::get_if<Error>(&*waiting->result)) throw *std::move(error);
  return std::get<ClientResponse>(*std::move(waiting->result));
}

StreamHandle HttpClient::stream(ClientRequest request, std::shared_ptr<LineSink> sink, StreamLimits limits) {
  std::shared_ptr<Transfer> transfer = make_transfer(std::move(request));
  transfer->sink = std::move(sink);
  transfer->limits = limits;
  StreamHandle handle;
  handle.state_ = std::make_shared<StreamHandle::State>();
  handle.state_->lane = impl_->watches;
  handle.state_->transfer = transfer;
  impl_->watches->add(std::move(transfer));
  return handle;
}

void StreamHandle::resume() const {
  if (!state_) return;
  const auto lane = state_->lane.lock();
  auto transfer = state_->transfer.lock();
  if (lane && transfer) lane->resume(std::move(transfer));
}

void StreamHandle::cancel() const {
  if (!state_) return;
  const auto lane = state_->lane.lock();
  auto transfer = state_->transfer.lock();
  if (lane && transfer) lane->cancel(std::move(transfer), "the stream was cancelled");
}

std::string url_for_text(std::string_view url) {
  const std::size_t end = std::min(url.find_first_of("?#"), url.size());
  url = url.substr(0, end);
  const std::size_t scheme = url.find("://");
  if (scheme == std::string_view::npos) return std::string(url);
  const std::size_t authority = scheme + 3;
  const std::size_t path = std::min(url.find('/', authority), url.size());
  const std::size_t at = url.substr(0, path).rfind('@');
  if (at == std::string_view::npos || at < authority) return std::string(url);
  return std::string(url.substr(0, authority)) + std::string(url.substr(at + 1));
}

}  // namespace fairlead::net
