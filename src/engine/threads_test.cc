// SPDX-License-Identifier: Apache-2.0
// The engine with its own threads, executors that report from theirs, and cancellations from elsewhere. Made for
// ThreadSanitizer.
#include <gtest/gtest.h>

#include <condition_variable>
#include <mutex>
#include <thread>

#include "base/file.h"
#include "base/log.h"
#include "base/queue.h"
#include "engine/sim/world.h"
#include "store/sqlite/sqlite_store.h"

namespace fairlead::engine {
namespace {

constexpr int kManyRuns = 60;

Durable<std::string> busy_branch(Run& run, int number) {
  const Command command{"Apply", {"{}"}};
  const auto result = co_await run.execute<std::string>("any", "apply", command, repeatable());
  run.log().info("applied");
  co_return result + std::to_string(number);
}

Durable<std::string> busy(Run& run, const std::string& input) {
  const std::vector<int> numbers{1, 2, 3, 4};
  const auto results =
      co_await run.all("branch", numbers, 3, [](Run& branch, int number) { return busy_branch(branch, number); });
  co_await run.lock("shared");
  co_await run.sleep("pause", kMillisecond);
  co_return input + results.back();
}

class BusySink : public ActivitySink {
 public:
  std::optional<Assignment> assign(const Activity&) override { return Assignment{"any", "1"}; }
  void offered(const Activity& activity) override { queue.try_push(activity); }
  void cancelled(const Activity& activity) override { queue.try_push(activity); }
  Queue<Activity> queue{100'000};
};

TEST(Threads, ManyRunsEndOnceEach) {
  log::configure(log::Format::text, log::Level::error);
  const std::string folder = sim::make_scratch_folder();
  std::mutex mutex;
  std::condition_variable changed;
  int ended = 0;
  BusySink sink;
  const std::unique_ptr<store::Store> store = store::open_sqlite({folder + "/fairlead.db"}, system_clock());
  TaskLog::Options log_options;
  log_options.folder = folder + "/logs";
  TaskLog task_log(*store, system_clock(), log_options);
  {
    Engine::Options options;
    options.workers = 4;
    options.task_cap = 5;
    options.log = &task_log;
    Engine engine(*store, system_clock(), options);
    Definition made = definition<std::string>("busy", 1, &busy);
    made.on_end = [&](store::Tx& tx, const RunEnd&) {
      tx.after_commit([&] {
        const std::lock_guard lock(mutex);
        ++ended;
        changed.notify_all();
      });
    };
    engine.register_definition(std::move(made));
    engine.set_sink(sink);
    engine.run();
    std::vector<std::thread> executors;
    for (int i = 0; i < 2; ++i) {
      executors.emplace_back([&] {
        while (const std::optional<Activity> activity = sink.queue.pop()) {
          engine.deliver(activity->key, ActivityResult::success({"\"ok\""}), {}, [](bool, std::exception_ptr) {});
        }
      });
    }
    std::vector<RunId> runs;
    for (int i = 0; i < kManyRuns; ++i) {
      runs.push_back(store->write([&](store::Tx& tx) { return engine.start(tx, sim::start_of("busy")); }));
      if (i % 7 == 6) store->write([&](store::Tx& tx) { engine.cancel(tx, runs[runs.size() - 3], "no longer"); });
    }
    std::unique_lock lock(mutex);
    changed.wait(lock, [&] { return ended == kManyRuns; });
    lock.unlock();
    engine.wait_until_idle();
    sink.queue.close();
    for (std::thread& executor : executors) executor.join();
    task_log.flush();
    store->read([&](const store::Tx& tx) {
      EXPECT_EQ(tx.integer("SELECT COUNT(*) FROM run WHERE outcome IN ('success', 'canceled')"), kManyRuns);
      EXPECT_EQ(tx.integer("SELECT COUNT(*) FROM wait"), 0);
      EXPECT_EQ(tx.integer("SELECT COUNT(*) FROM run_lock"), 0);
      EXPECT_EQ(tx.integer("SELECT COUNT(*) FROM run_task WHERE held_since > 0"), 0);
    });
  }
  store->close();
  file::remove_tree(folder);
}

}  // namespace
}  // namespace fairlead::engine
