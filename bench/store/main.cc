// SPDX-License-Identifier: Apache-2.0
// bench_store [FOLDER]: what the disk under FOLDER can do and what the store makes of it.
//
//   fsync            4 KiB appended and synced: the floor of any commit
//   writes, 1 thread each waits for its own commit
//   writes, N        as many callers share commits: the factor says how many
//   reads            one row by key, on snapshots, by as many threads
#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <thread>
#include <vector>

#include "base/bytes.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/file.h"
#include "base/metrics.h"
#include "base/text.h"
#include "store/outbox.h"
#include "store/sqlite/sqlite_store.h"

namespace fairlead::store {

namespace {

constexpr std::int64_t kDurationUs = 3 * kSecond;

void print(std::string_view name, const std::string& text) {
  std::printf("%-18s %s\n", std::string(name).c_str(), text.c_str());
}

std::int64_t percentile(std::vector<std::int64_t>& values, double share) {
  std::sort(values.begin(), values.end());
  return values.at(static_cast<std::size_t>(share * static_cast<double>(values.size() - 1)));
}

void measure_fsync(const std::string& folder) {
  const Clock& clock = system_clock();
  const file::Descriptor fd(::open((folder + "/fsync").c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
  const std::string page = random_bytes(4096);
  std::vector<std::int64_t> times;
  for (const std::int64_t start = clock.steady_us(); clock.steady_us() - start < kDurationUs;) {
    const std::int64_t before = clock.steady_us();
    if (::write(fd.get(), page.data(), page.size()) < 0 || ::fsync(fd.get()) != 0) {
      throw Error(Fault::unavailable, text::format("cannot write in {}", folder));
    }
    times.push_back(clock.steady_us() - before);
  }
  print("fsync", text::format("{} per second, p50 {} us, p99 {} us", times.size() * kSecond / kDurationUs,
                              percentile(times, 0.5), percentile(times, 0.99)));
}

// Calls `f(thread, n)` from `threads` threads for the duration; how long each call took.
template <class F>
std::vector<std::int64_t> run_for_a_while(int threads, F f) {
  const Clock& clock = system_clock();
  std::vector<std::vector<std::int64_t>> times(static_cast<std::size_t>(threads));
  std::vector<std::thread> running;
  const std::int64_t end = clock.steady_us() + kDurationUs;
  for (int t = 0; t < threads; ++t) {
    running.emplace_back([&, t] {
      for (std::int64_t n = 0; clock.steady_us() < end; ++n) {
        const std::int64_t before = clock.steady_us();
        f(t, n);
        times[static_cast<std::size_t>(t)].push_back(clock.steady_us() - before);
      }
    });
  }
  for (std::thread& thread : running) thread.join();
  std::vector<std::int64_t> all;
  for (const auto& part : times) all.insert(all.end(), part.begin(), part.end());
  return all;
}

void measure_writes(Store& store, int threads) {
  const metrics::Counter& commits = metrics::counter("fairlead_store_commits_total", "");
  const std::int64_t before = commits.value();
  const std::string payload(500, 'p');
  std::vector<std::int64_t> times = run_for_a_while(
      threads, [&](int, std::int64_t) { store.write([&](Tx& tx) { publish(tx, "bench", "key", payload); }); });
  const auto count = static_cast<double>(times.size());
  print(text::format("writes, {}", text::counted(threads, "thread")),
        text::format("{} per second, {:.1f} per commit, p50 {} us, p99 {} us",
                     static_cast<std::int64_t>(count * kSecond / kDurationUs),
                     count / static_cast<double>(commits.value() - before), percentile(times, 0.5),
                     percentile(times, 0.99)));
}

void measure_reads(Store& store, int threads) {
  const std::int64_t rows = store.read([](const Tx& tx) { return outbox_end(tx); });
  std::vector<std::int64_t> times = run_for_a_while(threads, [&](int t, std::int64_t n) {
    store.read(
        [&](const Tx& tx) { return tx.text("SELECT payload FROM outbox WHERE id=?", (n * 7919 + t) % rows + 1); });
  });
  print(text::format("reads, {}", text::counted(threads, "thread")),
        text::format("{} per second, p99 {} us", times.size() * kSecond / kDurationUs, percentile(times, 0.99)));
}

void run(const std::string& folder) {
  measure_fsync(folder);
  const std::unique_ptr<Store> store = open_sqlite({.path = folder + "/bench.db"}, system_clock());
  for (const int threads : {1, 8, 32, 128}) measure_writes(*store, threads);
  measure_reads(*store, 4);
}

}  // namespace

}  // namespace fairlead::store

int main(int count, char** arguments) {
  const std::string parent = count > 1 ? arguments[1] : ".";
  const std::string folder = parent + "/bench-store-" + fairlead::random_id();
  try {
    fairlead::file::make_folder(folder);
    fairlead::store::run(folder);
    fairlead::file::remove_tree(folder);
    return 0;
  } catch (const fairlead::Error& error) {
    std::fprintf(stderr, "%s\n", error.text().c_str());
    fairlead::file::remove_tree(folder);
    return 1;
  }
}
