// SPDX-License-Identifier: Apache-2.0
// What applying objects costs at least: a client that does nothing else, on the product's own HTTP client.
//
//   bench_kube_floor KUBECONFIG NAMESPACE OBJECTS
//
// OBJECTS has a line for each object: its path, a tab, its JSON. They are sent as server-side applies, kInFlight at a
// time in the order of the file, while one watch of the namespace's Deployments runs. The clock runs from the first
// request until every object has been answered and the controller has observed the newest generation of every
// Deployment (status.observedGeneration). Reading the file and the first request of the connection (/version) come
// before it. One JSON line says how long it took and what CPU time this process used in between.
#include <sys/resource.h>

#include <condition_variable>
#include <cstdio>
#include <deque>
#include <filesystem>
#include <map>
#include <mutex>
#include <thread>

#include "base/clock.h"
#include "base/error.h"
#include "base/file.h"
#include "base/text.h"
#include "json/value.h"
#include "kube/http_kube_client.h"
#include "net/http_client.h"

namespace fairlead {

namespace {

constexpr int kInFlight = 16;
constexpr std::int64_t kLongestUs = 10 * kMinute;
constexpr std::size_t kMaxFileBytes = 256u << 20;

struct Item {
  std::string path, body;
  bool is_deployment = false;
};

double cpu_seconds() {
  rusage used = {};
  ::getrusage(RUSAGE_SELF, &used);
  return static_cast<double>(used.ru_utime.tv_sec + used.ru_stime.tv_sec) +
         static_cast<double>(used.ru_utime.tv_usec + used.ru_stime.tv_usec) / 1e6;
}

std::vector<Item> read_items(const std::string& path) {
  std::vector<Item> items;
  for (std::string& line : text::split(file::read(path, kMaxFileBytes), '\n')) {
    const std::size_t tab = line.find('\t');
    if (tab == std::string::npos) continue;
    Item& item = items.emplace_back();
    item.path = line.substr(0, tab) + "?fieldManager=floor&force=true";
    item.body = line.substr(tab + 1);
    item.is_deployment = item.path.find("/deployments/") != std::string::npos;
  }
  return items;
}

// What has been seen: the generation that each Deployment was given, and the one that its controller has observed.
class Board {
 public:
  void expect(const std::string& name, std::int64_t generation) {
    const std::lock_guard lock(mutex_);
    wanted_[name] = generation;
    look(name);
  }
  void seen(const std::string& name, std::int64_t observed) {
    const std::lock_guard lock(mutex_);
    observed_[name] = std::max(observed_[name], observed);
    look(name);
  }
  void answered(bool deployment) {
    const std::lock_guard lock(mutex_);
    --open_;
    ++answered_;
    deployments_ += deployment ? 1 : 0;
    changed_.notify_all();
  }
  void fail(std::string text) {
    const std::lock_guard lock(mutex_);
    if (failure_.empty()) failure_ = std::move(text);
    changed_.notify_all();
  }
  // Waits for a free place among those in flight.
  void begin() {
    std::unique_lock lock(mutex_);
    wait(lock, [&] { return open_ < kInFlight; });
    ++open_;
  }
  void wait_all(std::size_t items) {
    std::unique_lock lock(mutex_);
    wait(lock, [&] { return answered_ == items && done_ == deployments_; });
  }

 private:
  template <class Ready>
  void wait(std::unique_lock<std::mutex>& lock, Ready ready) {
    const bool in_time =
        changed_.wait_for(lock, std::chrono::microseconds(kLongestUs), [&] { return !failure_.empty() || ready(); });
    if (!failure_.empty()) throw Error(Fault::unavailable, failure_);
    if (!in_time) throw Error(Fault::timeout, "the cluster was too slow");
  }
  void look(const std::string& name) {
    const auto wanted = wanted_.find(name);
    if (wanted == wanted_.end() || observed_[name] < wanted->second) return;
    wanted_.erase(wanted);
    ++done_;
    changed_.notify_all();
  }

  std::mutex mutex_;
  std::condition_variable changed_;
  std::map<std::string, std::int64_t> wanted_, observed_;
  std::size_t answered_ = 0, deployments_ = 0, done_ = 0;
  int open_ = 0;
  std::string failure_;
};

struct Sink : kube::KubeStreamSink {
  explicit Sink(Board& its_board) : board(its_board) {}
  void on_open(const kube::KubeResponse&) override {}
  bool on_line(std::string_view line) override {
    const json::Value event = json::parse(line, "a watch event");
    const json::Value* name = json::find_path(event, {"object", "metadata", "name"});
    const json::Value* status = json::find_path(event, {"object", "status"});
    if (name == nullptr || status == nullptr || !name->is_string()) return true;
    board.seen(std::string(json::view(name->get_string())), json::int_or(*status, "observedGeneration"));
    return true;
  }
  void on_end(kube::KubeOutcome outcome) override {
    board.fail(outcome.error ? outcome.error->text() : "the watch ended");
  }
  Board& board;
};

void answer(Board& board, const Item& item, const kube::KubeOutcome& outcome) {
  if (outcome.error || outcome.response.status / 100 != 2) {
    board.fail(item.path + ": " + (outcome.error ? outcome.error->text() : outcome.response.body));
    return;
  }
  if (item.is_deployment) {
    const json::Value object = json::parse(outcome.response.body, "the answer");
    const json::Value* metadata = json::find(object, "metadata");
    if (metadata != nullptr) board.expect(json::string_or(*metadata, "name"), json::int_or(*metadata, "generation"));
  }
  board.answered(item.is_deployment);
}

void run(const std::string& kubeconfig, const std::string& space, const std::string& objects) {
  const std::vector<Item> items = read_items(objects);
  net::HttpClient http;
  const std::string folder = std::filesystem::path(kubeconfig).parent_path().string();
  const auto client =
      kube::make_http_kube_client(kube::parse_kubeconfig(file::read(kubeconfig), kubeconfig, folder), http);
  kube::server_version(*client, {});
  const auto board = std::make_unique<Board>();
  const Clock& clock = system_clock();

  const double cpu_before = cpu_seconds();
  const std::int64_t start = clock.steady_us();
  kube::KubeRequest watch;
  watch.path = "/apis/apps/v1/namespaces/" + space + "/deployments?watch=true";
  watch.timeout_ms = 0;
  const auto stream = client->stream(watch, std::make_shared<Sink>(*board));
  for (const Item& item : items) {
    board->begin();
    kube::KubeRequest request;
    request.method = "PATCH";
    request.path = item.path;
    request.body = item.body;
    request.content_type = "application/apply-patch+yaml";
    client->start(std::move(request), [&board, &item](kube::KubeOutcome outcome) { answer(*board, item, outcome); },
                  {});
  }
  board->wait_all(items.size());
  const double seconds = static_cast<double>(clock.steady_us() - start) / 1e6;
  std::printf("{\"objects\":%zu,\"seconds\":%.3f,\"cpu_seconds\":%.3f}\n", items.size(), seconds,
              cpu_seconds() - cpu_before);
  std::fflush(stdout);
  // What is under way need not be waited for.
  std::_Exit(0);
}

}  // namespace

}  // namespace fairlead

int main(int count, char** arguments) {
  try {
    if (count != 4) throw fairlead::invalid("usage: bench_kube_floor KUBECONFIG NAMESPACE OBJECTS");
    fairlead::run(arguments[1], arguments[2], arguments[3]);
    return 0;
  } catch (const fairlead::Error& error) {
    std::fprintf(stderr, "%s\n", error.text().c_str());
    std::_Exit(1);
  }
}
