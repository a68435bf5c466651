// SPDX-License-Identifier: Apache-2.0
#include "engine/task_log.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/error.h"
#include "base/file.h"
#include "base/text.h"
#include "engine/sim/world.h"
#include "store/sqlite/sqlite_store.h"

namespace fairlead::engine {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

class TaskLogTest : public testing::Test {
 protected:
  TaskLogTest() { reopen(); }
  ~TaskLogTest() override {
    log_.reset();
    store_.reset();
    file::remove_tree(folder_);
  }
  void reopen() {
    log_.reset();
    store_.reset();
    store_ = store::open_sqlite({folder_ + "/fairlead.db"}, clock_);
    log_ = std::make_unique<TaskLog>(*store_, clock_, options_);
  }
  void reopen_with(TaskLog::Options options) {
    options_ = std::move(options);
    reopen();
  }
  std::string path() const { return options_.folder + "/Tasks-1/000.log"; }
  static LogEntry line(std::string text, std::string element = {}, Category category = Category::info) {
    return {std::move(element), std::nullopt, LogLine{Time{}, category, std::move(text), ""}};
  }
  static LogEntry element(std::string id, std::string parent, std::string name, ElementStatus status) {
    LogElement made;
    made.id = id;
    made.parent = std::move(parent);
    made.name = std::move(name);
    made.status = status;
    return {std::move(id), std::move(made), std::nullopt};
  }
  std::vector<std::string> texts() {
    std::vector<std::string> found;
    for (const LogEntry& entry : log_->tail("Tasks-1", 0).entries) {
      if (entry.line) found.push_back(entry.line->text);
    }
    return found;
  }

  std::string folder_ = sim::make_scratch_folder();
  ManualClock clock_;
  TaskLog::Options options_ = [this] {
    TaskLog::Options options;
    options.folder = folder_ + "/logs";
    return options;
  }();
  std::unique_ptr<store::Store> store_;
  std::unique_ptr<TaskLog> log_;
};

TEST_F(TaskLogTest, DuplicatesAreDroppedAndGapsRefused) {
  EXPECT_EQ(log_->append("Tasks-1", "w1", 0, {line("a"), line("b")}), 2);
  EXPECT_EQ(log_->append("Tasks-1", "w1", 1, {line("b"), line("c")}), 3);
  EXPECT_EQ(log_->append("Tasks-1", "w1", 7, {line("x")}), 3) << "a gap: send from 3";
  EXPECT_EQ(log_->append("Tasks-1", "w2", 0, {line("other")}), 1);
  reopen();
  EXPECT_EQ(log_->next_offset("Tasks-1", "w1"), 3);
  EXPECT_EQ(log_->append("Tasks-1", "w1", 0, {line("a"), line("b"), line("c"), line("d")}), 4);
  EXPECT_THAT(texts(), ElementsAre("a", "b", "c", "other", "d"));
}

TEST_F(TaskLogTest, ATornRecordIsCutOff) {
  log_->append("Tasks-1", "w1", 0, {line("a"), line("b")});
  const std::string whole = file::read(path());
  for (std::size_t cut = 1; cut + 1 < whole.size(); cut += 7) {
    log_.reset();
    file::write_durably(path(), whole.substr(0, cut));
    reopen();
    const std::int64_t next = log_->next_offset("Tasks-1", "w1");
    std::vector<LogEntry> rest;
    for (std::int64_t i = next; i < 2; ++i) rest.push_back(line(i == 0 ? "a" : "b"));
    EXPECT_EQ(log_->append("Tasks-1", "w1", next, rest), 2);
    ASSERT_THAT(texts(), ElementsAre("a", "b")) << cut;
  }
}

TEST_F(TaskLogTest, LinesOfATransactionAppearAfterItsCommitOnly) {
  store_->write([&](store::Tx& tx) { log_->write(tx, "Tasks-1", {line("first"), line("second")}); });
  EXPECT_THROW(store_->write([&](store::Tx& tx) {
    log_->write(tx, "Tasks-1", {line("never")});
    throw invalid("no");
  }),
               Error);
  log_->flush();
  EXPECT_THAT(texts(), ElementsAre("first", "second"));
  EXPECT_EQ(store_->read([](const store::Tx& tx) { return tx.integer("SELECT COUNT(*) FROM task_log_pending"); }), 0);
}

TEST_F(TaskLogTest, WhatWasCommittedBeforeACrashIsFlushedOnceAfterwards) {
  options_.background = false;
  reopen();
  store_->write([&](store::Tx& tx) { log_->write(tx, "Tasks-1", {line("first"), line("second")}); });
  reopen();
  EXPECT_THAT(texts(), ElementsAre());
  log_->recover();
  EXPECT_THAT(texts(), ElementsAre("first", "second"));
  // As if the crash had come between the file and the database.
  store_->write([&](store::Tx& tx) { log_->write(tx, "Tasks-1", {line("third")}); });
  const auto row = store_->read([](const store::Tx& tx) { return tx.text("SELECT entries FROM task_log_pending"); });
  const auto number =
      store_->read([](const store::Tx& tx) { return tx.integer("SELECT number FROM task_log_pending"); });
  log_->flush();
  store_->write([&](store::Tx& tx) {
    tx.run("INSERT INTO task_log_pending (number, task, entries) VALUES (?, 'Tasks-1', ?)", number, row);
  });
  reopen();
  log_->recover();
  EXPECT_THAT(texts(), ElementsAre("first", "second", "third"));
}

TEST_F(TaskLogTest, TheTreeShowsWhatIsCommittedBeforeItReachesTheFile) {
  options_.background = false;
  reopen();
  log_->append("Tasks-1", "w1", 0, {line("of the worker")});
  store_->write([&](store::Tx& tx) { log_->write(tx, "Tasks-1", {line("first")}); });
  log_->flush();
  store_->write([&](store::Tx& tx) { log_->write(tx, "Tasks-1", {line("second"), line("third")}); });
  store_->write([&](store::Tx& tx) { log_->write(tx, "Tasks-2", {line("of another task")}); });
  const auto lines = [&] {
    std::vector<std::string> found;
    for (const LogLine& shown : log_->tree("Tasks-1").lines) found.push_back(shown.text);
    return found;
  };
  EXPECT_THAT(texts(), ElementsAre("of the worker", "first"));
  EXPECT_THAT(lines(), ElementsAre("of the worker", "first", "second", "third"));
  log_->flush();
  EXPECT_THAT(lines(), ElementsAre("of the worker", "first", "second", "third")) << "nothing twice";
}

TEST_F(TaskLogTest, TheTreeMergesChangesOfElements) {
  log_->append("Tasks-1", "w1", 0,
               {element("step", "", "Deploy web", ElementStatus::running),
                element("step/t1", "step", "cluster-1", ElementStatus::running), line("applied", "step/t1")});
  clock_.advance(5 * kSecond);
  LogEntry progress = element("step/t1", "", "", ElementStatus::success);
  progress.element->progress_percent = 100;
  log_->append("Tasks-1", "w1", 3, {progress, line("loose", "unknown"), line("of the task", "", Category::warning)});
  const LogNode root = log_->tree("Tasks-1");
  ASSERT_EQ(root.children.size(), 2u);
  const LogNode& step = root.children[0];
  EXPECT_EQ(step.element.name, "Deploy web");
  EXPECT_EQ(step.element.status, ElementStatus::running);
  ASSERT_EQ(step.children.size(), 1u);
  const LogElement& target = step.children[0].element;
  EXPECT_EQ(target.name, "cluster-1");
  EXPECT_EQ(target.status, ElementStatus::success);
  EXPECT_EQ(target.ended - target.started, 5 * kSecond);
  EXPECT_EQ(target.progress_percent, 100);
  EXPECT_EQ(step.children[0].lines.at(0).text, "applied");
  EXPECT_EQ(root.lines.at(0).category, Category::warning);
  EXPECT_EQ(root.children[1].lines.at(0).text, "loose");
  EXPECT_EQ(log_->raw_text("Tasks-1"),
            "00:00:05   Warning  |   of the task\n"
            "                    |   == Running: Deploy web ==\n"
            "                    |     == Success: cluster-1 ==\n"
            "00:00:00   Info     |       applied\n"
            "                    |   == Pending: unknown ==\n"
            "00:00:05   Info     |     loose\n");
}

TEST_F(TaskLogTest, OnlyTheLastLinesWhereAskedFor) {
  log_->append("Tasks-1", "w1", 0, {line("a"), line("b"), line("c"), line("d"), line("e")});
  const LogNode root = log_->tree("Tasks-1", 2);
  ASSERT_EQ(root.lines.size(), 2u);
  EXPECT_EQ(root.lines[0].text, "d");
  EXPECT_EQ(root.lines[1].text, "e");
  EXPECT_TRUE(log_->tree("Tasks-1", 0).lines.empty());
}

TEST_F(TaskLogTest, AFullLogSaysHowManyLinesWereDropped) {
  TaskLog::Options options = options_;
  options.max_task_bytes = 1000;
  reopen_with(options);
  std::int64_t next = 0;
  for (int i = 0; i < 100; ++i) next = log_->append("Tasks-1", "w1", next, {line("line " + std::to_string(i))});
  EXPECT_EQ(next, 100) << "dropped lines are acknowledged";
  log_->append("Tasks-1", "w1", next++, {element("end", "", "End", ElementStatus::success)});
  const auto kept = static_cast<std::int64_t>(texts().size());
  EXPECT_LT(kept, 20);
  reopen();
  const LogEntry end = element("end", "", "", ElementStatus::success);  // a change is kept, and the count with it
  EXPECT_EQ(log_->append("Tasks-1", "w1", next, {line("more"), end}), next + 2);
  const LogNode root = log_->tree("Tasks-1");
  EXPECT_EQ(root.lines.back().category, Category::gap);
  EXPECT_EQ(root.lines.back().text, std::to_string(101 - kept) + " lines dropped: the log of the task is full");
  EXPECT_EQ(root.children.at(0).element.status, ElementStatus::success);
  EXPECT_LT(file::read(path()).size(), 2500u);
}

TEST_F(TaskLogTest, SecretsAreMaskedInEveryText) {
  log_->mask("Tasks-1",
             {Secret("hunter2"), Secret("hunter2-long"), Secret("x"), Secret("-----BEGIN-----\nabcdefghij\nshort\n")});
  LogEntry entry = line("password hunter2-long and hunter2");
  entry.line->detail = "key abcdefghij, short x";
  log_->append("Tasks-1", "w1", 0, {entry, element("e", "", "with hunter2", ElementStatus::running)});
  const LogNode root = log_->tree("Tasks-1");
  EXPECT_EQ(root.lines[0].text, "password ******** and ********");
  EXPECT_EQ(root.lines[0].detail, "key ********, short x");
  EXPECT_EQ(root.children[0].element.name, "with ********");
  EXPECT_THAT(file::read(path()), testing::Not(HasSubstr("hunter2")));
}

TEST_F(TaskLogTest, TailGoesOnWhereItStopped) {
  for (int i = 0; i < 20; ++i) log_->append("Tasks-1", "w1", i, {line(std::string(50, static_cast<char>('a' + i)))});
  std::string all;
  TaskLog::Tail tail;
  int parts = 0;
  do {
    tail = log_->tail("Tasks-1", tail.position, 300);
    for (const LogEntry& entry : tail.entries) all += entry.line->text[0];
    ++parts;
  } while (!tail.at_end);
  EXPECT_EQ(all, "abcdefghijklmnopqrst");
  EXPECT_GT(parts, 3);
  EXPECT_TRUE(log_->tail("Tasks-1", 1'000'000).entries.empty());
  EXPECT_EQ(log_->tail("Tasks-1", 5, 1'000'000).entries.size(), 19u) << "a position inside a record: from the next one";
  EXPECT_TRUE(log_->tail("Tasks-none", 0).entries.empty());
}

TEST_F(TaskLogTest, ListenersHearWhatIsDurable) {
  struct Listener : LogSink {
    void appended(const std::string& task, std::int64_t at, const std::vector<LogEntry>& entries) override {
      heard.push_back(task + ":" + std::to_string(entries.size()));
      position = at;
    }
    std::vector<std::string> heard;
    std::int64_t position = 0;
  } one, all;
  log_->listen("Tasks-1", one);
  log_->listen("", all);
  log_->append("Tasks-1", "w1", 0, {line("a"), line("b")});
  log_->append("Tasks-2", "w1", 0, {line("a")});
  EXPECT_THAT(one.heard, ElementsAre("Tasks-1:2"));
  EXPECT_THAT(all.heard, ElementsAre("Tasks-1:2", "Tasks-2:1"));
  log_->unlisten(one);
  log_->append("Tasks-1", "w1", 2, {line("c")});
  EXPECT_EQ(one.heard.size(), 1u);
  EXPECT_EQ(log_->tail("Tasks-1", one.position).entries.at(0).line->text, "c");
  log_->unlisten(all);
}

TEST_F(TaskLogTest, BadInputIsRefused) {
  EXPECT_THROW(log_->append("../x", "w1", 0, {line("a")}), Error);
  EXPECT_THROW(log_->append("", "w1", 0, {line("a")}), Error);
  EXPECT_THROW(log_->append("Tasks-1", "server", 0, {line("a")}), Error);
  EXPECT_THROW(log_->append("Tasks-1", "w1", -1, {line("a")}), Error);
  log_->append("Tasks-1", "w1", 0, {line(std::string(1 << 20, 'x'))});
  EXPECT_LE(texts().at(0).size(), 65'536u + 3);
}

}  // namespace
}  // namespace fairlead::engine
