// SPDX-License-Identifier: Apache-2.0
// bench_engine [FOLDER]: runs on the disk under FOLDER, with an executor in the same process that does nothing.
//
//   fsync          4 KiB appended and synced: the floor of a commit
//   wakes          1,000 runs of 20 activities each at once: committed wakes per second and per core-second of this
//   process step to step   one run of 300 activities: from an executor's report to its next command (result and wake
//   are two commits) waiting        1,000 runs that wait: resident memory of the process before and with them
#include <fcntl.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <condition_variable>
#include <cstdio>
#include <mutex>
#include <thread>

#include "base/bytes.h"
#include "base/error.h"
#include "base/file.h"
#include "base/log.h"
#include "base/metrics.h"
#include "base/queue.h"
#include "base/text.h"
#include "engine/engine.h"
#include "store/sqlite/sqlite_store.h"

namespace fairlead::engine {

namespace {

constexpr int kRuns = 1000;
constexpr int kSteps = 20;
constexpr int kLongSteps = 300;
constexpr int kFsyncs = 500;

std::int64_t percentile(std::vector<std::int64_t>& values, double share) {
  std::sort(values.begin(), values.end());
  return values.at(static_cast<std::size_t>(share * static_cast<double>(values.size() - 1)));
}

std::string times_text(std::vector<std::int64_t> times) {
  return text::format("p50 {} us, p99 {} us", percentile(times, 0.5), percentile(times, 0.99));
}

double cpu_seconds() {
  rusage usage{};
  ::getrusage(RUSAGE_SELF, &usage);
  const auto seconds = [](const timeval& time) {
    return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6;
  };
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

std::int64_t resident_kib() {
  const std::string status = file::read("/proc/self/status");
  const std::size_t at = status.find("VmRSS:");
  return text::parse_int(text::trim(status.substr(at + 6, status.find("kB", at) - at - 6))).value_or(0);
}

Durable<> steps(Run& run, const std::int64_t& count) {
  const Command command{"Nothing", {"{}"}};
  for (std::int64_t i = 0; i < count; ++i) {
    co_await run.execute("w1", "step:" + std::to_string(i), command, repeatable());
  }
}

Durable<> wait_forever(Run& run, const std::int64_t&) {
  const Command command{"Verify", {"{}"}};
  co_await run.until("nobody", "healthy", command, 24 * kHour);
}

class NoOpExecutor : public ActivitySink {
 public:
  explicit NoOpExecutor(const Clock& clock) : clock_(clock) {}
  ~NoOpExecutor() override { stop(); }
  void start(Engine& engine) {
    thread_ = std::thread([this, &engine] {
      while (const std::optional<Activity> activity = queue_.pop()) {
        if (reported_us_ != 0) gaps_.push_back(clock_.steady_us() - reported_us_);
        reported_us_ = clock_.steady_us();
        engine.deliver(activity->key, ActivityResult::success({"{}"}), {}, [](bool, std::exception_ptr) {});
      }
    });
  }
  void stop() {
    queue_.close();
    if (thread_.joinable()) thread_.join();
  }
  const std::vector<std::int64_t>& gaps() const { return gaps_; }

  std::optional<Assignment> assign(const Activity& activity) override {
    return activity.selector == "w1" ? std::optional(Assignment{"w1", "1"}) : std::nullopt;
  }
  void offered(const Activity& activity) override {
    if (activity.selector == "w1") queue_.try_push(activity);
  }
  void cancelled(const Activity&) override {}

 private:
  const Clock& clock_;
  Queue<Activity> queue_{100'000};
  std::int64_t reported_us_ = 0;
  std::vector<std::int64_t> gaps_;
  std::thread thread_;
};

// Store, engine and executor on a folder of their own.
class Bench {
 public:
  explicit Bench(const std::string& folder) : executor_(system_clock()) {
    store_ = store::open_sqlite({folder + "/engine.db"}, system_clock());
    Engine::Options options;
    options.task_cap = 1'000'000;
    engine_ = std::make_unique<Engine>(*store_, system_clock(), options);
    Definition made = definition<std::int64_t>("steps", 1, &steps);
    made.on_end = [this](store::Tx& tx, const RunEnd&) { tx.after_commit([this] { ended(); }); };
    engine_->register_definition(std::move(made));
    engine_->register_definition(definition<std::int64_t>("wait", 1, &wait_forever));
    engine_->set_sink(executor_);
    executor_.start(*engine_);
    engine_->run();
  }
  ~Bench() {
    engine_->stop();
    executor_.stop();
  }

  // Starts runs in one transaction; they begin with its commit.
  void start(const std::string& kind, int runs, int count) {
    store_->write([&](store::Tx& tx) {
      StartRun start;
      start.kind = kind;
      start.input = {std::to_string(count)};
      for (int i = 0; i < runs; ++i) engine_->start(tx, start);
    });
  }
  void wait_for_ends(int runs) {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return ended_ >= runs; });
  }
  Engine& engine() { return *engine_; }
  const NoOpExecutor& executor() const { return executor_; }

 private:
  void ended() {
    const std::lock_guard lock(mutex_);
    ++ended_;
    changed_.notify_all();
  }
  NoOpExecutor executor_;
  std::mutex mutex_;
  std::condition_variable changed_;
  int ended_ = 0;
  std::unique_ptr<store::Store> store_;
  std::unique_ptr<Engine> engine_;
};

std::vector<std::int64_t> measure_fsync(const std::string& folder) {
  const Clock& clock = system_clock();
  const file::Descriptor fd(::open((folder + "/fsync").c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
  const std::string page = random_bytes(4096);
  std::vector<std::int64_t> times;
  for (int i = 0; i < kFsyncs; ++i) {
    const std::int64_t before = clock.steady_us();
    if (::write(fd.get(), page.data(), page.size()) < 0 || ::fsync(fd.get()) != 0) {
      throw Error(Fault::unavailable, text::format("cannot write in {}", folder));
    }
    times.push_back(clock.steady_us() - before);
  }
  return times;
}

std::string part(const std::string& folder, const char* name) {
  file::make_folder(folder + "/" + name);
  return folder + "/" + name;
}

void measure_wakes(const std::string& folder) {
  Bench bench(part(folder, "wakes"));
  metrics::Counter& wakes = metrics::counter("fairlead_engine_wakes_total", "");
  const std::int64_t wakes_before = wakes.value();
  const double cpu_before = cpu_seconds();
  const std::int64_t before = system_clock().steady_us();
  bench.start("steps", kRuns, kSteps);
  bench.wait_for_ends(kRuns);
  const double seconds = static_cast<double>(system_clock().steady_us() - before) / 1e6;
  const auto count = static_cast<double>(wakes.value() - wakes_before);
  std::printf(
      "wakes         %.0f in %.2f s: %.0f per second, %.0f per core-second (with the results' commits and the "
      "executor)\n",
      count, seconds, count / seconds, count / (cpu_seconds() - cpu_before));
}

void measure_steps(const std::string& folder) {
  Bench bench(part(folder, "steps"));
  bench.start("steps", 1, kLongSteps);
  bench.wait_for_ends(1);
  std::printf("step to step  %s\n", times_text(bench.executor().gaps()).c_str());
}

void measure_waiting(const std::string& folder) {
  Bench bench(part(folder, "waiting"));
  const std::int64_t before = resident_kib();
  bench.start("wait", kRuns, 0);
  bench.engine().wait_until_idle();
  std::printf("waiting       %d runs: %lld KiB resident before, %lld KiB with them\n", kRuns,
              static_cast<long long>(before), static_cast<long long>(resident_kib()));
}

}  // namespace

void run_bench(const std::string& folder) {
  log::configure(log::Format::text, log::Level::warning);
  std::printf("fsync         %s\n", times_text(measure_fsync(folder)).c_str());
  measure_wakes(folder);
  measure_steps(folder);
  measure_waiting(folder);
}

}  // namespace fairlead::engine

int main(int argc, char** argv) {
  if (argc > 1) ::setenv("TMPDIR", argv[1], 1);
  try {
    const std::string folder = fairlead::file::make_temporary_folder("fairlead-bench-engine");
    fairlead::engine::run_bench(folder);
    fairlead::file::remove_tree(folder);
  } catch (const fairlead::Error& error) {
    std::fprintf(stderr, "%s\n", error.text().c_str());
    return 1;
  }
  return 0;
}
