// SPDX-License-Identifier: Apache-2.0
// States of one watch, all on the loop's thread: listing (page by page) -> streaming -> (clean end) streaming again
// from the last resourceVersion | (410) listing | (error) waiting -> the same again. Answers of requests that were
// replaced meanwhile carry an old generation number and are ignored.
#include "kube/watch.h"

#include <algorithm>
#include <vector>

#include <boost/json.hpp>

#include "base/bytes.h"
#include "base/log.h"
#include "base/text.h"
#include "kube/fields.h"
#include "kube/query.h"

namespace fairlead::kube {

namespace {

constexpr std::int64_t kFirstPauseUs = 800 * kMillisecond;
constexpr std::int64_t kLongestPauseUs = 30 * kSecond;
constexpr std::int64_t kPauseResetUs = 2 * kMinute;
constexpr std::int64_t kRefusedPauseUs = 5 * kMinute;
// A watch that ends sooner without an event is a sign of trouble.
constexpr std::int64_t kVeryShortUs = kSecond;
constexpr int kShortestWatchSeconds = 300;
// A stream is held back while this much of it waits for the loop.
constexpr std::size_t kWaitingBytes = 8u << 20;
constexpr std::size_t kEventDepth = 200;

// A number in [0, 1) for jitter.
double random_fraction() {
  const std::string bytes = random_bytes(2);
  return (static_cast<unsigned char>(bytes[0]) * 256 + static_cast<unsigned char>(bytes[1])) / 65'536.0;
}

}  // namespace

struct Watch::State : std::enable_shared_from_this<Watch::State> {
  State(KubeClient& the_client, Loop& the_loop, WatchSpec the_spec, WatchSink& the_sink)
      : client(the_client), loop(the_loop), spec(std::move(the_spec)), sink(the_sink) {}

  // The client's thread hands lines over; the loop's thread takes all that came since.
  class Stream : public KubeStreamSink {
   public:
    Stream(std::weak_ptr<State> state, Loop::Poster loop, std::uint64_t generation)
        : state_(std::move(state)), loop_(std::move(loop)), generation_(generation) {}
    void on_open(const KubeResponse& head) override {
      if (head.status == 200) post([](State& state) { state.opened(); });
    }
    bool on_line(std::string_view line) override {
      bool first = false;
      bool more = true;
      {
        const std::lock_guard lock(mutex_);
        first = lines_.empty();
        bytes_ += line.size();
        lines_.emplace_back(line);
        more = bytes_ < kWaitingBytes;
        paused_ = !more;
      }
      if (first) post([](State& state) { state.take_lines(); });
      return more;
    }
    void on_end(KubeOutcome outcome) override {
      post([outcome = std::make_shared<KubeOutcome>(std::move(outcome))](State& state) {
        state.take_lines();
        state.ended(*outcome);
      });
    }
    // On the loop's thread; true when the stream waits to be resumed.
    bool take(std::vector<std::string>& lines) {
      const std::lock_guard lock(mutex_);
      lines.swap(lines_);
      bytes_ = 0;
      return std::exchange(paused_, false);
    }

   private:
    template <class Job>
    void post(Job job) {
      loop_.post([weak = state_, generation = generation_, job = std::move(job)] {
        if (const auto state = weak.lock(); state && state->generation == generation) job(*state);
      });
    }
    const std::weak_ptr<State> state_;
    const Loop::Poster loop_;
    const std::uint64_t generation_;
    std::mutex mutex_;
    std::vector<std::string> lines_;
    std::size_t bytes_ = 0;
    bool paused_ = false;
  };

  std::string base_path() const {
    std::string path = spec.resource.path(spec.namespace_name);
    if (!spec.label_selector.empty()) add_query(path, "labelSelector", spec.label_selector);
    return path;
  }

  std::string accept(std::string_view kind) const {
    if (!spec.metadata_only) return "application/json";
    return text::format("application/json;as={};g=meta.k8s.io;v=v1,application/json", kind);
  }

  // --- list

  void list() {
    if (closed) return;
    const std::uint64_t mine = ++generation;
    KubeRequest request;
    request.path = base_path();
    add_query(request.path, "limit", std::to_string(spec.page_size));
    if (!continue_token.empty()) add_query(request.path, "continue", continue_token);
    request.accept = accept("PartialObjectMetadataList");
    client.start(
        std::move(request),
        [weak = weak_from_this(), poster = loop.poster(), mine](KubeOutcome outcome) {
          poster.post([weak, mine, outcome = std::make_shared<KubeOutcome>(std::move(outcome))] {
            if (const auto state = weak.lock(); state && state->generation == mine && !state->closed)
              state->listed(*outcome);
          });
        },
        CancelToken());
  }

  void listed(const KubeOutcome& outcome) {
    if (outcome.error) return retry(*outcome.error, 0);
    if (outcome.response.status == 410) {
      // The page token has expired: from the beginning.
      continue_token.clear();
      return retry(error_of(outcome.response, "list", spec.resource.text()), 0);
    }
    if (outcome.response.status != 200) return refuse_or_retry(outcome.response);
    try {
      if (continue_token.empty()) sink.list_began();
      const ListHead head =
          read_list(outcome.response.body, spec.resource, [&](Object&& object) { sink.changed(std::move(object)); });
      continue_token = head.continue_token;
      if (!continue_token.empty()) return list();
      resource_version = head.resource_version;
    } catch (const Error& error) {
      continue_token.clear();
      return retry(error, 0);
    }
    refused = false;
    sink.list_ended();
    become_current();
    stream();
  }

  // --- stream

  void stream() {
    if (closed) return;
    const std::uint64_t mine = ++generation;
    KubeRequest request;
    request.path = base_path();
    add_query(request.path, "watch", "true");
    add_query(request.path, "resourceVersion", resource_version);
    add_query(request.path, "allowWatchBookmarks", "true");
    add_query(request.path, "timeoutSeconds",
              std::to_string(kShortestWatchSeconds + static_cast<int>(random_fraction() * kShortestWatchSeconds)));
    request.accept = accept("PartialObjectMetadata");
    started_us = loop.clock().steady_us();
    events = 0;
    incoming = std::make_shared<Stream>(weak_from_this(), loop.poster(), mine);
    handle = client.stream(std::move(request), incoming);
  }

  void opened() { become_current(); }

  void take_lines() {
    if (!incoming) return;
    const std::uint64_t mine = generation;
    std::vector<std::string> lines;
    const bool paused = incoming->take(lines);
    for (const std::string& line : lines) {
      take_line(line);
      if (generation != mine || closed) return;  // a 410 began a new list
    }
    if (paused && handle) handle->resume();
  }

  void take_line(const std::string& line) {
    boost::json::parse_options options;
    options.max_depth = kEventDepth;
    boost::system::error_code error;
    json::Value event = boost::json::parse(line, error, {}, options);
    json::Value* body = error || !event.is_object() ? nullptr : event.get_object().if_contains("object");
    if (body == nullptr || !body->is_object()) {
      return retry(
          Error(Fault::unavailable, text::format("a watch of {} sent a line that is no event", spec.resource.text())),
          0);
    }
    const std::string type(text_at(event, {"type"}));
    if (type == "ERROR") return take_error(*body);
    ++events;
    const std::string_view version = text_at(*body, {"metadata", "resourceVersion"});
    if (!version.empty()) resource_version = version;
    if (type == "BOOKMARK") return;
    if (spec.metadata_only) {
      body->get_object()["apiVersion"] = spec.resource.api_version();
      body->get_object()["kind"] = spec.resource.kind;
    }
    if (type == "DELETED") {
      sink.removed(Object(std::move(*body)));
    } else {
      sink.changed(Object(std::move(*body)));
    }
  }

  void take_error(const json::Value& status) {
    if (int_at(status, {"code"}) == 410) return list_anew();
    retry(Error(Fault::unavailable,
                text::format("the watch of {} ended: {}", spec.resource.text(), text_at(status, {"message"}))),
          0);
  }

  void list_anew() {
    stop_stream();
    resource_version.clear();
    continue_token.clear();
    list();
  }

  void ended(const KubeOutcome& outcome) {
    stop_stream();
    const bool very_short = loop.clock().steady_us() - started_us < kVeryShortUs && events == 0;
    if (outcome.error) {
      if (outcome.error->fault() == Fault::cancelled) return;
      // A silent or cut connection after a healthy while: at once again.
      return retry(*outcome.error, 0);
    }
    if (outcome.response.status == 410) return list_anew();
    if (outcome.response.status != 200) return refuse_or_retry(outcome.response);
    if (!very_short) return stream();
    retry(Error(Fault::unavailable, text::format("watches of {} end at once", spec.resource.text())), 0);
  }

  void stop_stream() {
    ++generation;
    handle.reset();
    incoming.reset();
  }

  // --- trouble

  void refuse_or_retry(const KubeResponse& response) {
    const Error error = error_of(response, "watch", spec.resource.text());
    if (response.status == 403 || response.status == 404 || response.status == 405) {
      if (!refused)
        log::warning("a kind cannot be watched", {{"kind", spec.resource.text()}, {"reason", error.message()}});
      refused = true;
      return retry(error, kRefusedPauseUs);
    }
    retry(error, response.retry_after_seconds * kSecond);
  }

  void retry(const Error& error, std::int64_t at_least_us) {
    stop_stream();
    is_stale = true;
    sink.stale(error);
    const std::int64_t now = loop.clock().steady_us();
    if (now - last_trouble_us > kPauseResetUs) pause_us = kFirstPauseUs;
    last_trouble_us = now;
    const std::int64_t jittered =
        pause_us + static_cast<std::int64_t>(static_cast<double>(pause_us) * random_fraction());
    pause_us = std::min(pause_us * 2, kLongestPauseUs);
    timer = loop.at(now + std::max(at_least_us, jittered), [weak = weak_from_this()] {
      const auto state = weak.lock();
      if (!state || state->closed) return;
      if (state->resource_version.empty()) {
        state->list();
      } else {
        state->stream();
      }
    });
  }

  void become_current() {
    if (!is_stale) return;
    is_stale = false;
    sink.current();
  }

  void close() {
    closed = true;
    loop.forget(timer);
    stop_stream();
  }

  KubeClient& client;
  Loop& loop;
  const WatchSpec spec;
  WatchSink& sink;
  std::uint64_t generation = 0;
  std::string resource_version;
  std::string continue_token;
  std::shared_ptr<Stream> incoming;
  std::unique_ptr<KubeStream> handle;
  std::int64_t started_us = 0;
  std::int64_t pause_us = kFirstPauseUs;
  std::int64_t last_trouble_us = 0;
  std::size_t events = 0;
  Loop::TimerId timer = 0;
  bool is_stale = true;  // until the first list
  bool refused = false;
  bool closed = false;
};

Watch::Watch(KubeClient& client, Loop& loop, WatchSpec spec, WatchSink& sink)
    : state_(std::make_shared<State>(client, loop, std::move(spec), sink)) {
  state_->list();
}

Watch::~Watch() { state_->close(); }

const WatchSpec& Watch::spec() const { return state_->spec; }

bool Watch::refused() const { return state_->refused; }

}  // namespace fairlead::kube
