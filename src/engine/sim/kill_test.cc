// SPDX-License-Identifier: Apache-2.0
// A real process with real threads and fsync, killed again and again while it works. The parent kills it after a number
// of events that a seed chooses, not after a time.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <condition_variable>
#include <map>
#include <mutex>
#include <thread>

#include "base/file.h"
#include "base/log.h"
#include "base/queue.h"
#include "base/text.h"
#include "engine/sim/story.h"
#include "store/sqlite/sqlite_store.h"

namespace fairlead::engine::sim {
namespace {

constexpr int kRuns = 25;
constexpr int kKills = 12;

Durable<std::string> one_target(Run& run, int number) {
  const Command apply{"Apply", {"{}"}};
  const auto result = co_await run.execute<std::string>("w1", "apply", apply, repeatable());
  co_await run.sleep("soak", kMillisecond);
  run.log().info("applied");
  co_return result + std::to_string(number);
}

Durable<std::string> work(Run& run, const std::string& input) {
  const std::string prepared = run.once("prepare", [&] { return input + "!"; });
  const std::vector<int> numbers{1, 2, 3};
  const auto targets =
      co_await run.all("target", numbers, 2, [](Run& branch, int number) { return one_target(branch, number); });
  const Command script{"RunScript", {"{}"}};
  const Settled<std::string> ran =
      co_await Run::settle(run.execute<std::string>("w1", "script", script, not_repeatable()));
  if (!ran.ok() && !is_outcome_unknown(*ran.error)) throw *ran.error;
  co_await run.lock("one at a time");
  run.log().info("ended");
  co_return prepared + text::join(targets, ",");
}

// What the killed process consists of: store, engine, and an executor whose memory dies with it.
class Process : public ActivitySink {
 public:
  Process(const std::string& folder, int events) : events_(events), incarnation_("pid " + std::to_string(::getpid())) {
    store_ = store::open_sqlite({folder + "/fairlead.db"}, system_clock());
    TaskLog::Options log_options;
    log_options.folder = folder + "/logs";
    log_ = std::make_unique<TaskLog>(*store_, system_clock(), log_options);
    log_->recover();
    Engine::Options options;
    options.log = log_.get();
    engine_ = std::make_unique<Engine>(*store_, system_clock(), options);
    Definition made = definition<std::string>("work", 1, &work);
    made.on_end = [this](store::Tx& tx, const RunEnd&) { tx.after_commit([this] { changed(); }); };
    engine_->register_definition(std::move(made));
    engine_->set_sink(*this);
    effects_ = file::Descriptor(::open((folder + "/effects").c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600));
    executor_ = std::thread([this] { perform_all(); });
  }
  ~Process() override {
    engine_->stop();
    queue_.close();
    executor_.join();
  }

  void run_to_the_end() {
    for (int i = 0; i < kRuns; ++i) {
      StartRun start;
      start.kind = "work";
      start.key = "work-" + std::to_string(i);
      start.task = "Tasks-" + std::to_string(i);
      start.input = {"\"in\""};
      store_->write([&](store::Tx& tx) { engine_->start(tx, start); });
      event();
    }
    engine_->executor_connected("w1", incarnation_, {"w1"});
    for (const Activity& activity : engine_->pending_for("w1", {"w1"})) {
      if (engine_->mark_sent(activity.key, "w1", incarnation_)) queue_.try_push(activity);
    }
    engine_->run();
    std::unique_lock lock(mutex_);
    ended_.wait(lock, [&] {
      return store_->read([](const store::Tx& tx) {
        return tx.integer("SELECT COUNT(*) FROM run WHERE state <> 'ended'");
      }) == 0;
    });
    lock.unlock();
    log_->flush();
  }

  std::optional<Assignment> assign(const Activity&) override { return Assignment{"w1", incarnation_}; }
  void offered(const Activity& activity) override { queue_.try_push(activity); }
  void cancelled(const Activity&) override {}

 private:
  void changed() {
    const std::lock_guard lock(mutex_);
    ended_.notify_all();
  }
  void event() {
    if (::write(events_, ".", 1) != 1) ::_exit(3);
  }
  void perform_all() {
    while (const std::optional<Activity> activity = queue_.pop()) {
      const std::string line = activity->command.kind + " " + activity->key + "\n";
      if (::write(effects_.get(), line.data(), line.size()) != static_cast<ssize_t>(line.size())) ::_exit(4);
      event();
      log_->append(activity->task, activity->key, 0,
                   {LogEntry{"", std::nullopt, LogLine{Time{}, Category::info, "done", ""}}});
      engine_->deliver(activity->key, ActivityResult::success({"\"ok\""}));
      event();
    }
  }

  const int events_;
  const std::string incarnation_;
  std::unique_ptr<store::Store> store_;
  std::unique_ptr<TaskLog> log_;
  std::unique_ptr<Engine> engine_;
  file::Descriptor effects_;
  Queue<Activity> queue_{10'000};
  std::thread executor_;
  std::mutex mutex_;
  std::condition_variable ended_;
};

// Runs the process until it has ended or `events` things have happened, then kills it. True: it ended by itself.
bool run_process(const std::string& folder, int events) {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) throw Error(Fault::unavailable, "no pipe");
  const pid_t child = ::fork();
  if (child == 0) {
    ::close(ends[0]);
    try {
      Process process(folder, ends[1]);
      process.run_to_the_end();
    } catch (const Error& error) {
      log::error("the child failed", {{"error", error.text()}});
      ::_exit(2);
    }
    ::_exit(0);
  }
  ::close(ends[1]);
  char event = 0;
  while (events-- > 0 && ::read(ends[0], &event, 1) == 1) continue;
  ::kill(child, SIGKILL);
  ::close(ends[0]);
  int status = 0;
  ::waitpid(child, &status, 0);
  EXPECT_TRUE(WIFSIGNALED(status) || WEXITSTATUS(status) == 0) << "exit code " << WEXITSTATUS(status);
  return WIFEXITED(status);
}

TEST(Kill, ProcessesKilledAtAnyMomentLoseAndRepeatNothing) {
  log::configure(log::Format::text, log::Level::error);
  const std::string folder = file::make_temporary_folder("fairlead-kill");
  Random random(42);
  for (int i = 0; i < kKills; ++i) run_process(folder, 5 + random.below(60));
  ASSERT_TRUE(run_process(folder, 1'000'000));

  const std::unique_ptr<store::Store> store = store::open_sqlite({folder + "/fairlead.db"}, system_clock());
  EXPECT_TRUE(store->check_integrity().empty());
  store->read([&](const store::Tx& tx) {
    EXPECT_EQ(tx.integer("SELECT COUNT(*) FROM run WHERE outcome = 'success'"), kRuns);
    EXPECT_EQ(tx.integer("SELECT COUNT(DISTINCT result) FROM run"), 1);
    EXPECT_EQ(tx.text("SELECT result FROM run"), "\"in!ok1,ok2,ok3\"");
    EXPECT_EQ(tx.integer("SELECT COUNT(*) FROM wait"), 0);
    EXPECT_EQ(tx.integer("SELECT COUNT(*) FROM activity"), 0);
    EXPECT_EQ(tx.integer("SELECT COUNT(*) FROM run_lock"), 0);
    EXPECT_EQ(tx.integer("SELECT COUNT(*) FROM journal"), kRuns * 9);
    EXPECT_EQ(tx.integer("SELECT COUNT(*) FROM task_log_pending"), 0);
  });
  std::map<std::string, int> scripts;
  for (const std::string& line : text::split(file::read(folder + "/effects"), '\n')) {
    if (line.starts_with("RunScript")) ++scripts[line];
  }
  EXPECT_FALSE(scripts.empty());
  for (const auto& [line, times] : scripts) EXPECT_EQ(times, 1) << line;
  TaskLog::Options log_options;
  log_options.folder = folder + "/logs";
  TaskLog task_log(*store, system_clock(), log_options);
  for (int i = 0; i < kRuns; ++i) {
    int applied = 0;
    int ended = 0;
    for (const LogEntry& entry : task_log.tail("Tasks-" + std::to_string(i), 0, 1u << 20).entries) {
      applied += entry.line && entry.line->text == "applied";
      ended += entry.line && entry.line->text == "ended";
    }
    EXPECT_EQ(applied, 3) << "of task " << i;
    EXPECT_EQ(ended, 1) << "of task " << i;
  }
  store->close();
  file::remove_tree(folder);
}

}  // namespace
}  // namespace fairlead::engine::sim
