// SPDX-License-Identifier: Apache-2.0
// The mirror against a fake API: what decides an expectation, and when.
#include "kube/mirror.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "kube/fake_client_test.h"

namespace fairlead::kube {
namespace {

using testing::HasSubstr;
using testing_support::answer;
using testing_support::discovery_answer;
using testing_support::FakeClient;
using text::format;

std::string deployment(std::string_view version, int generation, int observed, int available,
                       std::string_view revision = "1", std::string_view more = "") {
  return format(
      R"({{"apiVersion":"apps/v1","kind":"Deployment","metadata":{{"name":"web","namespace":"shop","uid":"d","resourceVersion":"{}",
      "generation":{},"annotations":{{"deployment.kubernetes.io/revision":"{}"}}}},"spec":{{"replicas":1}},
      "status":{{"observedGeneration":{},"replicas":1,"updatedReplicas":1,"readyReplicas":{},"availableReplicas":{}{}}}}})",
      version, generation, revision, observed, available, available, more);
}

std::string replica_set(std::string_view uid, std::string_view revision) {
  return format(
      R"({{"apiVersion":"apps/v1","kind":"ReplicaSet","metadata":{{"name":"{}","namespace":"shop","uid":"{}","resourceVersion":"1",
      "generation":1,"annotations":{{"deployment.kubernetes.io/revision":"{}"}},"ownerReferences":[{{"uid":"d","kind":"Deployment","controller":true}}]}},
      "spec":{{"replicas":1}},"status":{{"observedGeneration":1}}}})",
      uid, uid, revision);
}

std::string pod(std::string_view owner, std::string_view status, std::string_view version = "1") {
  return format(
      R"({{"apiVersion":"v1","kind":"Pod","metadata":{{"name":"{}-pod","namespace":"shop","uid":"{}-pod","resourceVersion":"{}",
      "ownerReferences":[{{"uid":"{}","kind":"ReplicaSet","controller":true}}]}},"status":{}}})",
      owner, owner, version, owner, status);
}

const char* const kPullFails =
    R"({"phase":"Pending","containerStatuses":[{"name":"app","image":"x:2","state":{"waiting":{"reason":"ErrImagePull","message":"no such tag"}}}]})";
const char* const kCrashes =
    R"({"phase":"Running","containerStatuses":[{"name":"app","image":"x:2","restartCount":2,"state":{"waiting":{"reason":"CrashLoopBackOff"}},"lastState":{"terminated":{"exitCode":3,"reason":"Error"}}}]})";
const char* const kUnschedulable =
    R"({"phase":"Pending","conditions":[{"type":"PodScheduled","status":"False","reason":"Unschedulable","message":"0/1 nodes"}]})";

class MirrorTest : public testing::Test {
 protected:
  KubeOutcome handle(const KubeRequest& request) {
    if (request.path == "/api" || request.path == "/apis") return answer(200, discovery_answer(request.path));
    if (request.path.find("/log?") != std::string::npos) return answer(200, "last words");
    if (request.path.find("/events?") != std::string::npos) return answer(200, events);
    if (request.path.find("/pods?") != std::string::npos && pods_forbidden)
      return answer(403, R"({"message":"pods is forbidden: User \"u\" cannot list"})");
    return answer(200, R"({"metadata":{"resourceVersion":"1"},"items":[]})");
  }

  void expect(Expectation expectation) {
    expectation.id = "e";
    ExpectationListener listener;
    listener.on_progress = [this](const std::string&, const std::vector<ObjectState>& changed) {
      for (const ObjectState& state : changed) progress.push_back(state.key.text() + ": " + state.message);
    };
    listener.on_verdict = [this](const std::string&, const Verdict& result) { verdicts.push_back(result); };
    mirror.register_expectation(std::move(expectation), std::move(listener));
    mirror.drain();
  }

  Expectation of_deployment(std::int64_t generation, std::string version, std::int64_t timeout_ms = 0) {
    Expectation expectation;
    expectation.objects.push_back({{"apps", "v1", "Deployment", "shop", "web"}, "d", generation, std::move(version)});
    expectation.timeout_ms = timeout_ms;
    return expectation;
  }

  void event(std::string_view type, const std::string& object) {
    const std::string kind = object.find("\"kind\":\"Deployment\",\"meta") != std::string::npos   ? "/deployments?"
                             : object.find("\"kind\":\"ReplicaSet\",\"meta") != std::string::npos ? "/replicasets?"
                                                                                                  : "/pods?";
    std::string line = text::replace_all(format(R"({{"type":"{}","object":{}}})", type, object), "\n", " ");
    client.stream_of(kind)->on_line(line);
    mirror.drain();
  }

  void pass(std::int64_t us) {
    clock.advance(us);
    // An event wakes the loop, which then looks at its timers.
    for (int i = 0; i < 3; ++i) mirror.drain();
  }

  std::string events =
      R"({"metadata":{},"items":[{"reason":"Failed","message":"Failed to pull image","lastTimestamp":"2026-01-01T00:00:00Z"}]})";
  bool pods_forbidden = false;
  ManualClock clock;
  FakeClient client{[this](const KubeRequest& request) { return handle(request); }};
  Discovery discovery{client, clock};
  std::vector<std::string> progress;
  std::vector<Verdict> verdicts;
  Mirror mirror{client, discovery, clock, MirrorOptions()};
};

TEST_F(MirrorTest, SucceedsOnlyOnAStateAtOrPastTheWrite) {
  expect(of_deployment(2, "20"));
  event("ADDED", deployment("10", 1, 1, 1));
  EXPECT_TRUE(verdicts.empty()) << "the state before the write";
  event("MODIFIED", deployment("20", 2, 1, 1));
  EXPECT_TRUE(verdicts.empty()) << "the controller has not seen it";
  event("MODIFIED", deployment("21", 2, 2, 0));
  EXPECT_TRUE(verdicts.empty());
  event("MODIFIED", deployment("22", 2, 2, 1));
  ASSERT_EQ(verdicts.size(), 1u);
  EXPECT_EQ(verdicts[0].outcome, Outcome::succeeded);
  ASSERT_EQ(verdicts[0].objects.size(), 1u);
  EXPECT_EQ(verdicts[0].objects[0].ready, 1);
  EXPECT_FALSE(progress.empty());
  EXPECT_EQ(mirror.status().expectations, 0u);
}

TEST_F(MirrorTest, AReplacedObjectDoesNotCount) {
  Expectation expectation = of_deployment(1, "5");
  expectation.objects[0].uid = "other";
  expect(std::move(expectation));
  event("ADDED", deployment("9", 1, 1, 1));
  EXPECT_TRUE(verdicts.empty());
}

TEST_F(MirrorTest, FailsFastWithCauseEventsAndOnlyForTheNewestRevision) {
  expect(of_deployment(2, "20"));
  event("ADDED", replica_set("old", "1"));
  event("ADDED", pod("old", kPullFails));
  event("ADDED", deployment("21", 2, 2, 0, "2"));
  pass(20 * kSecond);
  EXPECT_TRUE(verdicts.empty()) << "a pod of the older revision does not fail the new one";
  event("ADDED", replica_set("new", "2"));
  event("ADDED", pod("new", kPullFails));
  pass(9 * kSecond);
  EXPECT_TRUE(verdicts.empty()) << "within the grace of ten seconds";
  pass(2 * kSecond);
  ASSERT_EQ(verdicts.size(), 1u);
  const Verdict& verdict = verdicts[0];
  EXPECT_EQ(verdict.outcome, Outcome::failed);
  EXPECT_EQ(
      verdict.message,
      R"(Deployment shop/web: pod new-pod: container "app" cannot pull its image x:2 (ErrImagePull): no such tag)");
  ASSERT_TRUE(verdict.cause);
  EXPECT_EQ(verdict.cause->pod, "new-pod");
  EXPECT_EQ(verdict.cause->reason, "ErrImagePull");
  ASSERT_EQ(verdict.cause->events.size(), 1u);
  EXPECT_EQ(verdict.cause->log, "") << "no container ran";
}

TEST_F(MirrorTest, BrokenPodsOfTheOldRevisionDoNotStopTheNewOne) {
  expect(of_deployment(2, "20"));
  event("ADDED", replica_set("old", "1"));
  event("ADDED", pod("old", kCrashes));
  event("ADDED", replica_set("new", "2"));
  event("ADDED", deployment("21", 2, 2, 1, "2"));
  ASSERT_EQ(verdicts.size(), 1u);
  EXPECT_EQ(verdicts[0].outcome, Outcome::succeeded);
}

TEST_F(MirrorTest, ACrashLoopBringsTheLogOfThePreviousContainer) {
  expect(of_deployment(1, "20"));
  event("ADDED", deployment("21", 1, 1, 0));
  event("ADDED", replica_set("new", "1"));
  event("ADDED", pod("new", kCrashes));
  ASSERT_EQ(verdicts.size(), 1u);
  EXPECT_EQ(verdicts[0].cause->log, "last words");
  EXPECT_EQ(verdicts[0].cause->exit_code, 3);
  EXPECT_THAT(client.lines("/log?").at(0), HasSubstr("container=app&previous=true&tailLines=20"));
}

TEST_F(MirrorTest, TroubleThatPassesIsForgiven) {
  expect(of_deployment(1, "20"));
  event("ADDED", deployment("21", 1, 1, 0));
  event("ADDED", replica_set("new", "1"));
  event("ADDED", pod("new", kPullFails));
  pass(9 * kSecond);
  event("MODIFIED", pod("new", R"({"phase":"Pending"})", "2"));
  pass(60 * kSecond);
  EXPECT_TRUE(verdicts.empty());
}

TEST_F(MirrorTest, AScaleUpHoldsUnschedulableBack) {
  events = format(R"({{"metadata":{{}},"items":[{{"reason":"TriggeredScaleUp","lastTimestamp":"{}"}}]}})",
                  iso8601(clock.now() + 100 * kSecond));
  expect(of_deployment(1, "20"));
  event("ADDED", deployment("21", 1, 1, 0));
  event("ADDED", replica_set("new", "1"));
  event("ADDED", pod("new", kUnschedulable));
  pass(121 * kSecond);
  EXPECT_TRUE(verdicts.empty());
  pass(500 * kSecond);
  EXPECT_TRUE(verdicts.empty()) << "younger than ten minutes";
  pass(100 * kSecond);
  ASSERT_EQ(verdicts.size(), 1u);
  EXPECT_EQ(verdicts[0].cause->reason, "Unschedulable");
}

TEST_F(MirrorTest, ProgressDeadlineFailsAtOnce) {
  expect(of_deployment(1, "20"));
  event(
      "ADDED",
      deployment(
          "21", 1, 1, 0, "1",
          R"(,"conditions":[{"type":"Progressing","status":"False","reason":"ProgressDeadlineExceeded","message":"m"}])"));
  ASSERT_EQ(verdicts.size(), 1u);
  EXPECT_EQ(verdicts[0].cause->reason, "ProgressDeadlineExceeded");
}

TEST_F(MirrorTest, TimeOutListsWhatIsNotReady) {
  expect(of_deployment(1, "20", 5'000));
  event("ADDED", deployment("21", 1, 1, 0));
  pass(6 * kSecond);
  ASSERT_EQ(verdicts.size(), 1u);
  EXPECT_EQ(verdicts[0].outcome, Outcome::timed_out);
  EXPECT_THAT(verdicts[0].message, HasSubstr("Deployment shop/web: 0 of 1 replicas are available"));
}

TEST_F(MirrorTest, ADeletedObjectIsNamedAsMissing) {
  expect(of_deployment(1, "20", 5'000));
  event("ADDED", deployment("21", 1, 1, 0));
  event("DELETED", deployment("22", 1, 1, 0));
  pass(6 * kSecond);
  ASSERT_EQ(verdicts.size(), 1u);
  EXPECT_THAT(verdicts[0].message, HasSubstr("not found"));
}

TEST_F(MirrorTest, AnExpiredWatchListsAgainAndDropsWhatIsGone) {
  expect(of_deployment(1, "20"));
  event("ADDED", deployment("19", 1, 1, 1));
  EXPECT_EQ(mirror.status().records, 1u);
  client.stream_of("/deployments?")
      ->on_line(R"({"type":"ERROR","object":{"kind":"Status","code":410,"reason":"Expired"}})");
  mirror.drain();
  EXPECT_EQ(mirror.status().records, 0u);
  EXPECT_EQ(client.lines("/deployments?limit").size(), 2u);
}

TEST_F(MirrorTest, WithoutPodsTheOwnerDecidesAndANoteSaysSo) {
  pods_forbidden = true;
  expect(of_deployment(1, "20"));
  event("ADDED", deployment("21", 1, 1, 1));
  ASSERT_EQ(verdicts.size(), 1u);
  EXPECT_EQ(verdicts[0].outcome, Outcome::succeeded);
  ASSERT_EQ(verdicts[0].notes.size(), 1u);
  EXPECT_THAT(verdicts[0].notes[0], HasSubstr("pods cannot be observed"));
}

TEST_F(MirrorTest, RemovedExpectationsAreSilent) {
  expect(of_deployment(1, "20"));
  mirror.remove_expectation("e");
  event("ADDED", deployment("21", 1, 1, 1));
  EXPECT_TRUE(verdicts.empty());
}

TEST_F(MirrorTest, KnowsOurLastApply) {
  const ObjectKey key{"apps", "v1", "Deployment", "shop", "web"};
  EXPECT_FALSE(mirror.known(key, "fairlead/i/P")) << "not watched yet";
  expect(of_deployment(1, "20"));
  EXPECT_EQ(mirror.known(key, "fairlead/i/P")->uid, "") << "known to be absent";
  const std::string applied =
      R"({"apiVersion":"apps/v1","kind":"Deployment","metadata":{"name":"web","namespace":"shop","uid":"d","resourceVersion":"3","generation":1,
      "annotations":{"fairlead.dev/applied-hash":"h"},"managedFields":[{"manager":"fairlead/i/P","operation":"Apply","apiVersion":"apps/v1","fieldsV1":{"f:spec":{}}}]}})";
  event("ADDED", applied);
  const auto live = mirror.known(key, "fairlead/i/P");
  EXPECT_EQ(live->applied_hash, "h");
  EXPECT_EQ(live->entry_fields, R"({"f:spec":{}})");
  EXPECT_EQ(mirror.known(key, "fairlead/i/Q")->entry_fields, "");
}

TEST_F(MirrorTest, AnOutageIsStaleAndExtendsTheDeadlineOnce) {
  expect(of_deployment(1, "20", 10'000));
  event("ADDED", deployment("21", 1, 1, 0));
  KubeOutcome lost;
  lost.error = Error(Fault::unavailable, "cannot reach https://fake:6443");
  client.stream_of("/deployments?")->on_end(std::move(lost));
  mirror.drain();
  EXPECT_TRUE(mirror.status().stale);
  EXPECT_THAT(mirror.status().stale_reason, HasSubstr("cannot reach"));
  pass(8 * kSecond);  // the retry succeeds, and the eight seconds are given back
  EXPECT_FALSE(mirror.status().stale);
  pass(5 * kSecond);
  EXPECT_TRUE(verdicts.empty());
  pass(6 * kSecond);
  ASSERT_EQ(verdicts.size(), 1u);
  EXPECT_EQ(verdicts[0].outcome, Outcome::timed_out);
}

TEST_F(MirrorTest, WatchesOfWhatIsNoLongerExpectedAreClosed) {
  expect(of_deployment(1, "1"));
  event("ADDED", deployment("5", 1, 1, 0));
  event("ADDED", replica_set("rs", "1"));
  event("ADDED", pod("rs", R"({"phase":"Running"})"));
  EXPECT_EQ(mirror.status().watches, 3u);
  for (int i = 0; i < 8; ++i) pass(5 * kMinute);  // as long as somebody waits
  EXPECT_EQ(mirror.status().watches, 3u);
  EXPECT_EQ(mirror.status().records, 3u);
  event("MODIFIED", deployment("6", 1, 1, 1));
  ASSERT_EQ(verdicts.size(), 1u);
  pass(8 * kMinute);
  EXPECT_EQ(mirror.status().watches, 3u) << "the grace";
  EXPECT_NE(mirror.known({"apps", "v1", "Deployment", "shop", "web"}, "fairlead/x"), std::nullopt);
  pass(3 * kMinute);
  pass(3 * kMinute);
  EXPECT_EQ(mirror.status().watches, 0u);
  EXPECT_EQ(mirror.status().records, 0u);
  EXPECT_EQ(mirror.known({"apps", "v1", "Deployment", "shop", "web"}, "fairlead/x"), std::nullopt);
  // And they begin anew when they are needed again.
  expect(of_deployment(1, "6"));
  EXPECT_EQ(mirror.status().watches, 3u);
  event("ADDED", deployment("6", 1, 1, 1));
  EXPECT_EQ(verdicts.size(), 2u);
}

TEST_F(MirrorTest, OneNamespaceGoesWhileAnotherIsWaitedFor) {
  expect(of_deployment(1, "1"));
  Expectation other = of_deployment(1, "1");
  other.id = "other";
  other.objects[0].key.namespace_name = "elsewhere";
  other.objects[0].uid = "d2";
  mirror.register_expectation(other, {});
  mirror.drain();
  EXPECT_EQ(mirror.status().watches, 5u);  // deployments of the cluster; pods and ReplicaSets of two namespaces
  mirror.remove_expectation("other");
  for (int i = 0; i < 4; ++i) pass(5 * kMinute);
  EXPECT_EQ(mirror.status().watches, 3u);
  event("ADDED", deployment("5", 1, 1, 1));
  EXPECT_EQ(verdicts.size(), 1u);
}

}  // namespace
}  // namespace fairlead::kube
