// SPDX-License-Identifier: Apache-2.0
#include "kube/apply.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "kube/constants.h"
#include "kube/fake_client_test.h"
#include "kube/yaml.h"

namespace fairlead::kube {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing_support::answer;
using testing_support::discovery_answer;
using testing_support::FakeClient;

const char* const kTwoObjects =
    "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: web}\nspec: {replicas: 2}\n---\n"
    "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: settings}\ndata: {a: '1'}\n";

// What the server stores of an applied body.
std::string stored(const KubeRequest& request, std::string_view version) {
  json::Value value = json::parse(request.body, "body");
  json::Object& metadata = value.get_object()["metadata"].get_object();
  metadata["uid"] = "uid-" + std::string(json::view(metadata["name"].get_string()));
  metadata["resourceVersion"] = version;
  metadata["generation"] = 1;
  return json::text_of(value);
}

struct Fixture {
  explicit Fixture(FakeClient::Handler handler)
      : client([handler = std::move(handler)](const KubeRequest& request) {
          if (request.path == "/api" || request.path == "/apis") return answer(200, discovery_answer(request.path));
          return handler(request);
        }),
        discovery(client, system_clock()) {
    options.field_manager = "fairlead/i/Projects-1";
    options.hash_key = Secret("key");
  }
  ApplyReport run(std::string_view yaml) {
    const PrepareResult prepared = prepare(parse_documents(yaml, "web.yaml"), discovery, "shop", CancelToken());
    return apply_all(client, discovery, system_clock(), prepared.objects, options);
  }
  FakeClient client;
  Discovery discovery;
  ApplyOptions options;
};

TEST(Apply, ConfigurationBeforeWorkloadsAndWhatCameOfEach) {
  Fixture fixture([](const KubeRequest& request) {
    return request.method == "GET" ? answer(404, "{}") : answer(201, stored(request, "7"));
  });
  const ApplyReport report = fixture.run(kTwoObjects);
  ASSERT_FALSE(report.error) << report.error->text();
  ASSERT_EQ(report.objects.size(), 2u);
  EXPECT_EQ(report.objects[0].key.text(), "Deployment shop/web");
  EXPECT_EQ(report.objects[0].applied, Applied::created);
  EXPECT_EQ(report.objects[0].uid, "uid-web");
  EXPECT_EQ(report.objects[0].resource_version, "7");
  const auto writes = fixture.client.lines("PATCH");
  ASSERT_EQ(writes.size(), 2u);
  EXPECT_EQ(writes[0],
            "PATCH "
            "/api/v1/namespaces/shop/configmaps/"
            "settings?fieldManager=fairlead%2Fi%2FProjects-1&force=false&fieldValidation=Strict");
  EXPECT_THAT(writes[1], HasSubstr("/deployments/web?"));
}

TEST(Apply, UnchangedObjectsAreNotWritten) {
  std::string hash;
  Fixture fixture([&](const KubeRequest& request) {
    if (request.method == "PATCH") {
      hash = json::parse(request.body, "b").at_pointer("/metadata/annotations/fairlead.dev~1applied-hash").get_string();
      return answer(201, stored(request, "7"));
    }
    if (hash.empty()) return answer(404, "{}");
    return answer(
        200,
        text::format(
            R"({{"metadata":{{"name":"settings","uid":"u","resourceVersion":"7","annotations":{{"fairlead.dev/applied-hash":"{}"}},
        "managedFields":[{{"manager":"fairlead/i/Projects-1","operation":"Apply","apiVersion":"v1",
        "fieldsV1":{{"f:metadata":{{"f:annotations":{{"f:fairlead.dev/applied-hash":{{}}}}}},"f:data":{{"f:a":{{}}}}}}}}]}}}})",
            hash));
  });
  const char* const yaml = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: settings}\ndata: {a: '1'}\n";
  EXPECT_EQ(fixture.run(yaml).objects.at(0).applied, Applied::created);
  const ApplyReport again = fixture.run(yaml);
  EXPECT_EQ(again.objects.at(0).applied, Applied::unchanged);
  EXPECT_FALSE(again.objects.at(0).written);
  EXPECT_EQ(again.objects.at(0).uid, "u");
  EXPECT_EQ(fixture.client.lines("PATCH").size(), 1u);
  fixture.run("apiVersion: v1\nkind: ConfigMap\nmetadata: {name: settings}\ndata: {a: '2'}\n");
  EXPECT_EQ(fixture.client.lines("PATCH").size(), 2u);
}

TEST(Apply, WhatTheMirrorKnowsSavesTheReads) {
  Fixture fixture([](const KubeRequest& request) { return answer(201, stored(request, "7")); });
  fixture.options.known = [](const ObjectKey& key) {
    LiveMetadata absent;
    absent.key = key;
    return absent;
  };
  EXPECT_FALSE(fixture.run(kTwoObjects).error);
  EXPECT_THAT(fixture.client.lines("GET"), ElementsAre("GET /api", "GET /apis"));
}

const char* const kConflict =
    R"({"kind":"Status","reason":"Conflict","message":"Apply failed","details":{"causes":[
      {"reason":"FieldManagerConflict","field":".spec.replicas","message":"conflict with \"hpa\" with subresource \"scale\" using apps/v1"},
      {"reason":"FieldManagerConflict","field":".spec.paused","message":"conflict with \"octopus\" using apps/v1"}]}})";

TEST(Apply, ConflictsAreTakenOverAndNamed) {
  Fixture fixture([](const KubeRequest& request) {
    if (request.method == "GET") return answer(404, "{}");
    const bool force = request.path.find("force=true") != std::string::npos;
    const bool deployment = request.path.find("deployments") != std::string::npos;
    return deployment && !force ? answer(409, kConflict) : answer(200, stored(request, "7"));
  });
  const ApplyReport report = fixture.run(kTwoObjects);
  ASSERT_FALSE(report.error) << report.error->text();
  ASSERT_EQ(report.objects[0].taken_over.size(), 1u) << "a former manager of ours is absorbed, not named";
  EXPECT_EQ(report.objects[0].taken_over[0].field, ".spec.replicas");
  EXPECT_EQ(report.objects[0].taken_over[0].manager, "hpa (subresource scale)");
}

TEST(Apply, WithoutForceAConflictFailsAndLaterStagesDoNotBegin) {
  Fixture fixture([](const KubeRequest& request) {
    if (request.method == "GET") return answer(404, "{}");
    return request.path.find("configmaps") != std::string::npos ? answer(409, kConflict)
                                                                : answer(200, stored(request, "7"));
  });
  fixture.options.force = false;
  const ApplyReport report = fixture.run(kTwoObjects);
  ASSERT_TRUE(report.error);
  EXPECT_EQ(report.error->fault(), Fault::conflict);
  EXPECT_THAT(report.error->text(), HasSubstr("managed by hpa (subresource scale)"));
  EXPECT_THAT(report.error->text(), Not(HasSubstr("managed by octopus")));
  EXPECT_TRUE(report.objects.empty());
  EXPECT_EQ(fixture.client.lines("PATCH").size(), 1u);
}

TEST(Apply, OverloadIsTriedAgainAndRejectionIsNot) {
  int overloads = 2;
  Fixture fixture([&](const KubeRequest& request) {
    if (request.method == "GET") return answer(404, "{}");
    if (request.path.find("configmaps") != std::string::npos) {
      return overloads-- > 0 ? answer(503, "{}") : answer(201, stored(request, "7"));
    }
    return answer(
        422,
        R"({"kind":"Status","reason":"Invalid","message":"Deployment web is invalid","details":{"causes":[{"field":"spec.selector","message":"field is immutable"}]}})");
  });
  const ApplyReport report = fixture.run(kTwoObjects);
  ASSERT_TRUE(report.error);
  EXPECT_THAT(report.error->text(), HasSubstr("spec.selector"));
  EXPECT_THAT(report.error->text(), HasSubstr("1 of 2 objects have been applied"));
  EXPECT_EQ(report.objects.size(), 1u);
  EXPECT_EQ(fixture.client.lines("configmaps").size(), 4u);  // one read, three attempts
  EXPECT_EQ(fixture.client.lines("PATCH /apis/apps").size(), 1u);
}

// Only what is the object's own fault ends at the first answer; any other 500 may pass.
TEST(Apply, TypeErrorsAreNotTriedAgainOther500sAre) {
  const char* const yaml = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: settings}\ndata: {a: '1'}\n";
  const std::string reason =
      "failed to create typed patch object (shop/settings; /v1, Kind=ConfigMap): .data.a: expected string, got 1";
  Fixture wrong([&](const KubeRequest& request) {
    if (request.method == "GET") return answer(404, "{}");
    return answer(500, text::format(R"({{"kind":"Status","code":500,"message":"{}"}})", reason));
  });
  const ApplyReport refused = wrong.run(yaml);
  ASSERT_TRUE(refused.error);
  EXPECT_EQ(refused.error->fault(), Fault::invalid);
  EXPECT_THAT(refused.error->message(), HasSubstr(".data.a: expected string, got 1"));
  EXPECT_EQ(wrong.client.lines("PATCH").size(), 1u);
  int count = 0;
  Fixture passing([&](const KubeRequest& request) {
    if (request.method == "GET") return answer(404, "{}");
    if (++count < 3) return answer(500, R"({"kind":"Status","code":500,"message":"etcdserver: leader changed"})");
    return answer(201, stored(request, "7"));
  });
  EXPECT_FALSE(passing.run(yaml).error);
  EXPECT_EQ(count, 3);
}

TEST(Apply, CancelStopsBetweenObjects) {
  CancelSource source;
  Fixture fixture([&](const KubeRequest& request) {
    if (request.method == "PATCH") source.cancel("superseded");
    return request.method == "GET" ? answer(404, "{}") : answer(201, stored(request, "7"));
  });
  fixture.options.cancel = source.token();
  const ApplyReport report = fixture.run(kTwoObjects);
  ASSERT_TRUE(report.error);
  EXPECT_EQ(report.error->fault(), Fault::cancelled);
  EXPECT_EQ(report.objects.size(), 1u);
}

TEST(Discovery, UnknownKindsRefreshOnceAndNameAlternatives) {
  ManualClock clock;
  FakeClient client([](const KubeRequest& request) { return answer(200, discovery_answer(request.path)); });
  Discovery discovery(client, clock);
  EXPECT_EQ(discovery.resolve("apps", "v1", "Deployment", CancelToken()).path("n", "x"),
            "/apis/apps/v1/namespaces/n/deployments/x");
  clock.advance(kMinute);
  try {
    discovery.resolve("apps", "v1beta1", "Deployment", CancelToken());
    FAIL();
  } catch (const Error& error) {
    EXPECT_THAT(error.text(), HasSubstr("The cluster serves apps/v1 Deployment"));
  }
  EXPECT_EQ(client.lines().size(), 4u);
}

TEST(Discovery, ServersWithoutAggregationAreAskedGroupByGroup) {
  FakeClient client([](const KubeRequest& request) {
    if (request.path == "/api") return answer(200, R"({"kind":"APIVersions","versions":["v1"]})");
    if (request.path == "/apis") {
      return answer(
          200,
          R"({"kind":"APIGroupList","groups":[{"name":"apps","preferredVersion":{"version":"v1"},"versions":[{"version":"v1"}]},
          {"name":"broken","preferredVersion":{"version":"v1"},"versions":[{"version":"v1"}]}]})");
    }
    if (request.path == "/api/v1")
      return answer(
          200,
          R"({"resources":[{"name":"pods","kind":"Pod","namespaced":true,"verbs":["list","watch","patch"]},{"name":"pods/log","kind":"Pod"}]})");
    if (request.path == "/apis/apps/v1")
      return answer(200, R"({"resources":[{"name":"deployments","kind":"Deployment","namespaced":true,"verbs":[]}]})");
    return answer(404, "");
  });
  Discovery discovery(client, system_clock());
  EXPECT_TRUE(discovery.find("", "v1", "Pod", CancelToken())->listable);
  EXPECT_FALSE(discovery.find("apps", "v1", "Deployment", CancelToken())->patchable);
  EXPECT_EQ(discovery.all(CancelToken()).size(), 2u);
}

TEST(StatusError, SaysWhatToDo) {
  struct Case {
    int status;
    const char* body;
    Fault fault;
    const char* text;
  };
  const Case cases[] = {
      {401, R"({"message":"Unauthorized"})", Fault::unauthenticated, "expired or wrong"},
      {403, R"({"message":"deployments.apps \"web\" is forbidden: User \"u\" cannot patch resource"})",
       Fault::forbidden, "User \"u\" cannot patch"},
      {403, R"({"message":"exceeded quota: q"})", Fault::forbidden, "ResourceQuota"},
      {404, R"({"message":"namespaces \"x\" not found","details":{"kind":"namespaces","name":"x"}})", Fault::not_found,
       "the namespace \"x\" does not exist"},
      {409, R"({"message":"the object has been modified"})", Fault::conflict, "has been modified"},
      {413, "too large", Fault::invalid, "1.5 MiB"},
      {422, R"({"message":"invalid","details":{"causes":[{"field":"spec.x","message":"Required"}]}})", Fault::invalid,
       "spec.x"},
      {422, R"({"message":"spec.selector: Invalid value: field is immutable"})", Fault::invalid, "cannot be changed"},
      {400, R"({"message":"strict decoding error: unknown field \"spec.foo\""})", Fault::invalid, "spec.foo"},
      {500, R"({"message":"failed to create typed patch object: .spec.foo: field not declared in schema"})",
       Fault::invalid, ".spec.foo"},
      {500, "<html>", Fault::unavailable, "answers 500"},
      {503, "", Fault::unavailable, "overloaded"},
  };
  for (const Case& c : cases) {
    KubeResponse response;
    response.status = c.status;
    response.body = c.body;
    const Error error = error_of(response, "apply", "Deployment default/web");
    EXPECT_EQ(error.fault(), c.fault) << c.body;
    EXPECT_THAT(error.text(), HasSubstr(c.text)) << c.body;
    EXPECT_THAT(error.text(), HasSubstr("Deployment default/web")) << c.body;
  }
}

TEST(Client, ListsPageByPageAndStartsAnewOnceWhenATokenExpires) {
  int expired = 1;
  FakeClient client([&](const KubeRequest& request) {
    const bool second = request.path.find("continue=t1") != std::string::npos;
    if (second && expired-- > 0) return answer(410, "{}");
    if (second) return answer(200, R"({"metadata":{"resourceVersion":"9"},"items":[{"metadata":{"name":"b"}}]})");
    return answer(200, R"({"metadata":{"resourceVersion":"9","continue":"t1"},"items":[{"metadata":{"name":"a"}}]})");
  });
  Resource pods;
  pods.version = "v1";
  pods.kind = "Pod";
  pods.plural = "pods";
  std::vector<std::string> names;
  const std::string version =
      list(client, pods, ListQuery(), CancelToken(), [&](Object&& object) { names.push_back(object.key().text()); });
  EXPECT_EQ(version, "9");
  EXPECT_THAT(names, ElementsAre("Pod a", "Pod a", "Pod b"));
}

}  // namespace
}  // namespace fairlead::kube
