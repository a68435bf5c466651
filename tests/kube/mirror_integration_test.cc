// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <condition_variable>
#include <future>
#include <mutex>
#include <optional>

#include "base/text.h"
#include "kube/mirror.h"
#include "net/testing/connect_proxy.h"
#include "tests/kube/cluster.h"

namespace fairlead::kube::integration {
namespace {

using testing::HasSubstr;

std::string web(const std::string& tag) {
  return "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: web}\nspec:\n  replicas: 2\n  selector: "
         "{matchLabels: {app: web}}\n"
         "  template:\n    metadata: {labels: {app: web}}\n    spec:\n      containers: [{name: app, image: "
         "'registry.example/web:" +
         tag + "'}]\n";
}

class MirrorIntegration : public testing::Test {
 protected:
  Verdict deploy(const std::string& yaml, FailFast fail_fast = {}) {
    ApplyOptions options;
    options.labels = {{"fairlead.dev/app", "Projects-1"}};
    options.known = [this](const ObjectKey& key) { return mirror.known(key, "fairlead/test/Projects-1"); };
    report = cluster.apply_yaml(yaml, space, options);
    if (report.error) throw Error(*report.error);
    Expectation expectation;
    expectation.id = "e";
    expectation.timeout_ms = 90'000;
    expectation.fail_fast = fail_fast;
    for (const ObjectResult& object : report.objects) {
      expectation.objects.push_back({object.key, object.uid, object.generation, object.resource_version});
    }
    std::mutex mutex;
    std::condition_variable changed;
    std::optional<Verdict> verdict;
    ExpectationListener listener;
    listener.on_verdict = [&](const std::string&, const Verdict& result) {
      const std::lock_guard lock(mutex);
      verdict = result;
      changed.notify_all();
    };
    mirror.register_expectation(std::move(expectation), std::move(listener));
    std::unique_lock lock(mutex);
    changed.wait(lock, [&] { return verdict.has_value(); });
    return *verdict;
  }

  static MirrorOptions options() {
    MirrorOptions result;
    result.label_selector = "fairlead.dev/app";
    return result;
  }

  Cluster& cluster = Cluster::instance();
  std::string space = cluster.make_namespace();
  ApplyReport report;
  Mirror mirror{cluster.client(), cluster.discovery(), system_clock(), options()};
};

TEST_F(MirrorIntegration, AGoodABadAndAMendedRelease) {
  const Verdict good = deploy(web("1.0.0"));
  EXPECT_EQ(good.outcome, Outcome::succeeded) << good.message;

  const std::int64_t begin = system_clock().steady_us();
  FailFast quick;
  quick.image_pull_ms = 1'000;
  const Verdict bad = deploy(web("1.1.0-imagepullbackoff"), quick);
  EXPECT_EQ(bad.outcome, Outcome::failed);
  EXPECT_LT(system_clock().steady_us() - begin, 60 * kSecond) << "long before the deadline of the rollout";
  EXPECT_THAT(bad.message, HasSubstr("registry.example/web:1.1.0-imagepullbackoff"));
  ASSERT_TRUE(bad.cause);
  EXPECT_EQ(bad.cause->container, "app");
  EXPECT_FALSE(bad.cause->events.empty());

  const Verdict mended = deploy(web("1.1.1"));
  EXPECT_EQ(mended.outcome, Outcome::succeeded) << mended.message;

  const Verdict again = deploy(web("1.1.1"));
  EXPECT_EQ(again.outcome, Outcome::succeeded) << again.message;
  EXPECT_FALSE(report.objects.at(0).written) << "the mirror knows that it is in force";
}

TEST_F(MirrorIntegration, ACrashLoopIsExplainedByItsLog) {
  const Verdict verdict = deploy(web("2-crashloop"));
  EXPECT_EQ(verdict.outcome, Outcome::failed);
  ASSERT_TRUE(verdict.cause) << verdict.message;
  EXPECT_EQ(verdict.cause->container, "app");
  EXPECT_GE(verdict.cause->restarts, 2);
  EXPECT_FALSE(verdict.cause->log.empty());
  EXPECT_FALSE(verdict.cause->pod.empty());
}

TEST_F(MirrorIntegration, EveryKindOfWorkload) {
  const Verdict verdict = deploy(R"(
apiVersion: apps/v1
kind: StatefulSet
metadata: {name: db}
spec:
  replicas: 1
  serviceName: db
  selector: {matchLabels: {app: db}}
  template: {metadata: {labels: {app: db}}, spec: {containers: [{name: app, image: "registry.example/db:1"}]}}
---
apiVersion: apps/v1
kind: DaemonSet
metadata: {name: agent}
spec:
  selector: {matchLabels: {app: agent}}
  template: {metadata: {labels: {app: agent}}, spec: {containers: [{name: app, image: "registry.example/agent:1"}]}}
---
apiVersion: batch/v1
kind: Job
metadata: {name: once}
spec: {template: {spec: {restartPolicy: Never, containers: [{name: app, image: "registry.example/job:1"}]}}}
---
apiVersion: v1
kind: Service
metadata: {name: db}
spec: {selector: {app: db}, ports: [{port: 80}]}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: c}
)");
  EXPECT_EQ(verdict.outcome, Outcome::succeeded) << verdict.message;
}

TEST_F(MirrorIntegration, ADaemonSetOfTheNewTemplateFailsFast) {
  FailFast quick;
  quick.image_pull_ms = 500;
  const Verdict verdict = deploy(R"(
apiVersion: apps/v1
kind: DaemonSet
metadata: {name: agent}
spec:
  selector: {matchLabels: {app: agent}}
  template: {metadata: {labels: {app: agent}}, spec: {containers: [{name: app, image: "registry.example/agent:1-invalidimagename"}]}}
)",
                                 quick);
  EXPECT_EQ(verdict.outcome, Outcome::failed) << verdict.message;
  ASSERT_TRUE(verdict.cause);
  EXPECT_EQ(verdict.cause->reason, "InvalidImageName");
}

// A line over which nothing comes any more, though nobody has closed it: the watches go on over another one from where
// they were.
TEST_F(MirrorIntegration, WatchesThatGoSilentAreSentAgain) {
  net::testing::ConnectProxy line;
  ClusterConfig config = cluster.config();
  config.proxy_url = text::format("http://127.0.0.1:{}", line.port());
  config.watch_silence_ms = 2'000;
  net::HttpClient http;
  const std::unique_ptr<KubeClient> client = make_http_kube_client(config, http);
  Discovery discovery(*client, system_clock());
  Mirror distant(*client, discovery, system_clock(), options());

  ApplyOptions apply_options;
  apply_options.labels = {{"fairlead.dev/app", "Projects-1"}};
  report = cluster.apply_yaml(web("1.0.0-slow-4s"), space, apply_options);
  ASSERT_FALSE(report.error) << report.error->text();
  Expectation expectation;
  expectation.id = "e";
  expectation.timeout_ms = 90'000;
  for (const ObjectResult& object : report.objects)
    expectation.objects.push_back({object.key, object.uid, object.generation, object.resource_version});
  std::promise<Verdict> verdict;
  ExpectationListener listener;
  listener.on_verdict = [&](const std::string&, const Verdict& result) { verdict.set_value(result); };
  distant.register_expectation(std::move(expectation), std::move(listener));
  ASSERT_TRUE(cluster.wait_for(
      [&] { return distant.status().watches == 3 && !distant.status().stale && distant.status().records > 0; }));
  line.freeze();
  const Verdict result = verdict.get_future().get();
  EXPECT_EQ(result.outcome, Outcome::succeeded) << result.message;
  EXPECT_GT(line.heads().size(), 1u);
}

}  // namespace
}  // namespace fairlead::kube::integration
