// SPDX-License-Identifier: Apache-2.0
#include "server/janitor.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>

#include "base/error.h"
#include "base/file.h"
#include "base/text.h"
#include "features/deployments/model.h"
#include "features/tasks/model.h"
#include "server/audit_archive.h"
#include "store/blobs.h"
#include "store/outbox.h"
#include "store/sqlite/sqlite_store.h"

namespace fairlead::server {
namespace {

using features::deployments::AppliedManifest;
using features::deployments::Deployment;
using features::tasks::Task;
using features::tasks::TaskObjects;

constexpr std::int64_t kDayUs = 24 * kHour;

std::unique_ptr<store::Store> open_store(const std::string& path, Clock& clock) {
  store::SqliteOptions options;
  options.path = path;
  return store::open_sqlite(std::move(options), clock);
}

engine::TaskLog::Options log_options(const std::string& folder) {
  engine::TaskLog::Options options;
  options.folder = folder;
  options.background = false;
  return options;
}

engine::Durable<std::string> nothing(engine::Run&, const std::string& input) { co_return input; }

class JanitorTest : public ::testing::Test {
 protected:
  JanitorTest() {
    documents.add<Task>({.table = "task", .id_prefix = "ServerTasks", .noun = "task", .sort = "Id", .history = true});
    documents.add<TaskObjects>(
        {.table = "task_objects", .id_prefix = "TaskObjects", .noun = "objects", .space_scoped = false, .sort = "Id"});
    documents.add<Deployment>(
        {.table = "deployment", .id_prefix = "Deployments", .noun = "deployment", .sort = "Created"});
    documents.add<AppliedManifest>({.table = "applied_manifest",
                                    .id_prefix = "AppliedManifests",
                                    .noun = "manifest",
                                    .space_scoped = false,
                                    .sort = "Id"});
    documents.prepare();
    engine.register_definition(engine::definition<std::string>("test", 1, nothing));
    engine.run();
  }
  ~JanitorTest() override {
    engine.stop();
    store->close();
    file::remove_tree(folder);
  }

  // An ended task (or one under way) with a log and objects.
  std::string task(const std::string& deployment = {}, const std::string& state = "Success") {
    Task made;
    made.space_id = "Spaces-1";
    made.name = deployment.empty() ? "Health" : "Deploy";
    made.state = state;
    made.deployment_id = deployment;
    if (state == "Success") made.completed_time = clock.now();
    store->write([&](store::Tx& tx) {
      documents.insert(tx, made);
      TaskObjects objects;
      objects.id = Id<TaskObjects>(made.id.str() + "-1");
      objects.task_id = made.id.str();
      documents.insert(tx, objects);
    });
    engine::LogEntry line;
    line.line = engine::LogLine{clock.now(), engine::Category::info, "hello", ""};
    log.append(made.id.str(), "w", 0, {line});
    return made.id.str();
  }
  // A deployment that applied the text; its id.
  std::string deployment(const std::string& manifest_text) {
    Deployment made;
    made.space_id = "Spaces-1";
    made.release_id = "Releases-1";
    made.environment_id = "Environments-1";
    made.project_id = "Projects-1";
    store->write([&](store::Tx& tx) { documents.insert(tx, made); });
    applied(made.id.str(), manifest_text);
    return made.id.str();
  }
  void applied(const std::string& deployment_id, const std::string& text) {
    AppliedManifest manifest;
    manifest.deployment_id = deployment_id;
    manifest.sealed_name = blobs.put_sealed(sealer, text);
    store->write([&](store::Tx& tx) { documents.insert(tx, manifest); });
  }
  void remove_deployment(const std::string& id) {
    store->write([&](store::Tx& tx) { documents.remove(tx, Id<Deployment>(id)); });
  }
  bool is_there(const std::string& id) {
    const bool document = store->read([&](const store::Tx& tx) { return documents.exists<Task>(tx, id); });
    const auto objects = store->read(
        [&](const store::Tx& tx) { return documents.count<TaskObjects>(tx, store::Query().where("TaskId", id)); });
    const bool has_log = file::exists(data.logs() + "/" + id);
    EXPECT_EQ(has_log, document) << id;
    EXPECT_EQ(objects, document ? 1 : 0) << id;
    return document;
  }
  bool is_kept(const std::string& text) { return blobs.contains_sealed(sealer.name_of(text)); }
  std::int64_t runs() {
    return store->read([](const store::Tx& tx) { return tx.integer("SELECT count(*) FROM run").value_or(-1); });
  }
  void audit(const std::string& message) {
    store::AuditEvent event;
    event.category = "Created";
    event.message = message;
    event.documents = {"Projects-1"};
    event.details.text = "{\n\"a\":1}";
    store->write([&](store::Tx& tx) { store::append_audit(tx, event); });
  }
  std::vector<std::string> archive() {
    std::vector<std::string> lines;
    std::vector<std::string> files;
    for (const auto& entry : std::filesystem::directory_iterator(data.audit_archive()))
      files.push_back(entry.path().string());
    std::sort(files.begin(), files.end());
    for (const std::string& path : files) {
      for (const std::string& line : text::split(file::read(path), '\n')) {
        if (!line.empty()) lines.push_back(std::filesystem::path(path).stem().string() + " " + line);
      }
    }
    return lines;
  }
  std::string verified() {
    return store->read([](const store::Tx& tx) { return store::verify_audit(tx).value_or("right"); });
  }

  ManualClock clock;
  const std::string folder = file::make_temporary_folder("janitor");
  DataDirectory data{folder + "/data"};
  const store::Sealer sealer{Secret(std::string(32, 'k'))};
  std::unique_ptr<store::Store> store = open_store(data.database(), clock);
  store::Documents documents{*store, sealer};
  store::Blobs blobs{data.blobs()};
  engine::TaskLog log{*store, clock, log_options(data.logs())};
  engine::Engine engine{*store, clock, {}};
  Janitor janitor{{*store, documents, engine, log, data}, {.audit_days = 90, .task_days = 30, .run_days = 7}};
};

TEST_F(JanitorTest, TasksGoWhenTheirTimeHasCome) {
  const std::string old = task();
  const std::string running = task("", "Executing");
  const std::string kept_deployment = deployment("a: 1");
  const std::string deployed = task(kept_deployment);
  clock.advance(29 * kDayUs);
  const std::string younger = task();
  janitor.clean();
  EXPECT_TRUE(is_there(old));
  clock.advance(2 * kDayUs);
  janitor.clean();
  EXPECT_FALSE(is_there(old));
  EXPECT_TRUE(is_there(younger));
  EXPECT_TRUE(is_there(running));
  EXPECT_TRUE(is_there(deployed));  // a deployment's, as long as that lives
  clock.advance(1'000 * kDayUs);
  janitor.clean();
  EXPECT_FALSE(is_there(younger));
  EXPECT_TRUE(is_there(running));
  EXPECT_TRUE(is_there(deployed));
  remove_deployment(kept_deployment);
  janitor.clean();
  EXPECT_FALSE(is_there(deployed));
}

TEST_F(JanitorTest, ManyTasksThatEndedAtTheSameTime) {
  std::vector<std::string> ids;
  const std::string kept = deployment("a: 1");
  for (int i = 0; i < 700; ++i) ids.push_back(task(i % 7 == 0 ? kept : ""));
  clock.advance(31 * kDayUs);
  janitor.clean();
  for (std::size_t i = 0; i < ids.size(); ++i) ASSERT_EQ(is_there(ids[i]), i % 7 == 0) << i;
}

TEST_F(JanitorTest, ManifestsGoWithTheLastDeploymentThatAppliedThem) {
  const std::string first = deployment("shared: 1");
  const std::string second = deployment("shared: 1");
  applied(first, "own: 1");
  const std::string first_task = task(first);
  const std::string second_task = task(second);
  remove_deployment(first);
  janitor.clean();
  janitor.clean();
  EXPECT_FALSE(is_there(first_task));
  EXPECT_FALSE(is_kept("own: 1"));
  EXPECT_TRUE(is_kept("shared: 1"));
  remove_deployment(second);
  janitor.clean();
  EXPECT_FALSE(is_there(second_task));
  EXPECT_FALSE(is_kept("shared: 1"));
  EXPECT_EQ(std::filesystem::is_empty(data.blobs() + "/expired"), false);
  janitor.clean();
  EXPECT_TRUE(std::filesystem::is_empty(data.blobs() + "/expired"));
}

// A run that stored the same text just before it went has committed its name just after.
TEST_F(JanitorTest, AManifestThatComesIntoUseAgainIsPutBack) {
  const std::string old = deployment("again: 1");
  task(old);
  remove_deployment(old);
  janitor.clean();
  EXPECT_FALSE(is_kept("again: 1"));
  AppliedManifest manifest;
  manifest.deployment_id = "Deployments-99";
  manifest.sealed_name = sealer.name_of("again: 1");
  store->write([&](store::Tx& tx) { documents.insert(tx, manifest); });
  janitor.clean();
  EXPECT_EQ(blobs.get_sealed(sealer, manifest.sealed_name), "again: 1");
}

TEST_F(JanitorTest, LogsWithoutATaskGo) {
  const std::string kept = task();
  file::make_folder(data.logs() + "/ServerTasks-999");
  file::make_folder(data.logs() + "/0123456789abcdef");  // of a run without a task
  janitor.clean();
  EXPECT_FALSE(file::exists(data.logs() + "/ServerTasks-999"));
  EXPECT_TRUE(file::exists(data.logs() + "/0123456789abcdef"));
  EXPECT_TRUE(is_there(kept));
}

TEST_F(JanitorTest, EndedRunsGo) {
  const auto start = [&](int count) {
    for (int i = 0; i < count; ++i) {
      engine::StartRun run;
      run.kind = "test";
      run.input.text = "\"x\"";
      store->write([&](store::Tx& tx) { engine.start(tx, run); });
    }
    engine.wait_until_idle();
  };
  start(120);  // more than a batch
  clock.advance(6 * kDayUs);
  start(3);
  janitor.clean();
  EXPECT_EQ(runs(), 123);
  clock.advance(2 * kDayUs);
  janitor.clean();
  EXPECT_EQ(runs(), 3);
}

TEST_F(JanitorTest, OldAuditEventsAreArchivedAndTheChainHolds) {
  for (int i = 0; i < 1'203; ++i) {  // several batches, several days
    audit(text::format("event {}", i));
    clock.advance(kHour / 10);
  }
  clock.advance(90 * kDayUs - 50 * kHour);
  janitor.clean();
  const std::vector<std::string> lines = archive();
  const auto left = store->read([](const store::Tx& tx) { return store::list_audit(tx, {}).total; });
  ASSERT_EQ(static_cast<std::int64_t>(lines.size()) + left, 1'203);
  EXPECT_NEAR(static_cast<double>(left), 500, 2);  // of the last 50 hours before the limit
  EXPECT_EQ(verified(), "right");
  EXPECT_TRUE(lines[0].starts_with(
      "2026-01-01 {\"Number\":1,\"Occurred\":\"2026-01-01T00:00:00.000Z\",\"Category\":\"Created\",\"Message\":\"event "
      "0\""))
      << lines[0];
  EXPECT_NE(
      lines[0].find("\"RelatedDocumentIds\":[\"Projects-1\"],\"Details\":{ \"a\":1},\"Differences\":null,\"Hash\":\""),
      std::string::npos)
      << lines[0];
  EXPECT_TRUE(lines[300].starts_with("2026-01-02 {\"Number\":301,")) << lines[300];
  // The newest stays, however old; nothing comes into the archive twice.
  clock.advance(1'000 * kDayUs);
  janitor.clean();
  EXPECT_EQ(archive().size(), 1'202U);
  janitor.clean();
  EXPECT_EQ(archive().size(), 1'202U);
  audit("new");
  EXPECT_EQ(verified(), "right");
}

TEST_F(JanitorTest, AClockThatJumpedBackLosesNoEvent) {
  audit("one");
  clock.jump_wall(-10 * kDayUs);
  audit("two");
  audit("three");
  clock.jump_wall(200 * kDayUs);
  audit("four");
  janitor.clean();
  const auto left = store->read([](const store::Tx& tx) { return store::list_audit(tx, {}).total; });
  const std::size_t archived = file::exists(data.audit_archive()) ? archive().size() : 0;
  EXPECT_EQ(static_cast<std::int64_t>(archived) + left, 4);
  EXPECT_EQ(archived, 3U);
  EXPECT_EQ(verified(), "right");
}

TEST_F(JanitorTest, OldOutboxEventsGo) {
  store->write([&](store::Tx& tx) { store::publish(tx, "task", "ServerTasks-1", "{}"); });
  clock.advance(8 * kDayUs);
  store->write([&](store::Tx& tx) { store::publish(tx, "task", "ServerTasks-2", "{}"); });
  janitor.clean();
  const auto events = store->read([](const store::Tx& tx) { return store::outbox_after(tx, 0, 100); });
  ASSERT_EQ(events.size(), 1U);
  EXPECT_EQ(events[0].key, "ServerTasks-2");
}

// One step that fails does not stop the others.
TEST_F(JanitorTest, AFullArchiveKeepsItsEvents) {
  audit("one");
  audit("two");
  const std::string old = task();
  clock.advance(100 * kDayUs);
  audit("three");
  file::write_durably(data.audit_archive(), "a file where the folder should be");
  janitor.clean();
  EXPECT_EQ(store->read([](const store::Tx& tx) { return store::list_audit(tx, {}).total; }), 3);
  EXPECT_FALSE(is_there(old));
}

}  // namespace
}  // namespace fairlead::server
