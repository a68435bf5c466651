// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>

#include "base/text.h"
#include "kube/fields.h"
#include "tests/kube/cluster.h"

namespace fairlead::kube::integration {
namespace {

using testing::HasSubstr;

std::vector<Applied> outcomes(const ApplyReport& report) {
  std::vector<Applied> result;
  for (const ObjectResult& object : report.objects) result.push_back(object.applied);
  return result;
}

std::size_t written(const ApplyReport& report) {
  return static_cast<std::size_t>(
      std::ranges::count_if(report.objects, [](const ObjectResult& object) { return object.written; }));
}

// Everything that makes ownership awkward: keys with defaults, quantities, empty maps, nulls, sets, atomic lists.
const char* const kMany = R"(
apiVersion: v1
kind: ConfigMap
metadata: {name: settings, creationTimestamp: null}
data: {a: "1", empty: ""}
---
apiVersion: v1
kind: Secret
metadata: {name: secret, finalizers: [example.com/keep]}
data: {p: cGFzcw==}
---
apiVersion: v1
kind: Service
metadata: {name: web}
spec:
  selector: {app: web}
  ports: [{port: 80, targetPort: 8080, name: http}, {port: 53, protocol: UDP, name: dns}]
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, labels: {app: web}}
spec:
  replicas: 0
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}, creationTimestamp: null}
    spec:
      containers:
      - name: web
        image: registry.example/web:1
        command: [a, b]
        env: [{name: A, value: "1"}, {name: B, valueFrom: {configMapKeyRef: {name: settings, key: a}}}]
        ports: [{containerPort: 8080}]
        resources: {limits: {cpu: "0.1", memory: 1024Mi}}
        securityContext: {}
        volumeMounts: [{name: tmp, mountPath: /tmp}]
      volumes: [{name: tmp, emptyDir: {}}]
status: {}
)";

TEST(ApplyIntegration, TheSameAgainWritesNothing) {
  Cluster& cluster = Cluster::instance();
  const std::string space = cluster.make_namespace();
  ApplyOptions options;
  options.labels = {{"fairlead.dev/app", "Projects-1"}};
  const ApplyReport first = cluster.apply_yaml(kMany, space, options);
  ASSERT_FALSE(first.error) << first.error->text();
  EXPECT_THAT(outcomes(first), testing::Each(Applied::created));
  const ApplyReport again = cluster.apply_yaml(kMany, space, options);
  ASSERT_FALSE(again.error) << again.error->text();
  EXPECT_THAT(outcomes(again), testing::Each(Applied::unchanged));
  EXPECT_EQ(written(again), 0u);
  for (std::size_t i = 0; i < first.objects.size(); ++i) {
    // Not the resourceVersion: the Deployment's controller has written a status meanwhile.
    EXPECT_EQ(first.objects[i].uid, again.objects[i].uid) << first.objects[i].key.text();
    EXPECT_EQ(first.objects[i].generation, again.objects[i].generation);
  }

  // Somebody changes a value of ours: that object, and only that, is written again.
  KubeRequest edit;
  edit.method = "PATCH";
  edit.path = "/api/v1/namespaces/" + space + "/configmaps/settings?fieldManager=kubectl-edit";
  edit.content_type = "application/json-patch+json";
  edit.body = R"([{"op":"replace","path":"/data/a","value":"2"}])";
  ASSERT_EQ(perform(cluster.client(), edit, CancelToken()).status, 200);
  const ApplyReport mended = cluster.apply_yaml(kMany, space, options);
  ASSERT_FALSE(mended.error) << mended.error->text();
  EXPECT_EQ(written(mended), 1u);
  EXPECT_EQ(mended.objects[0].applied, Applied::configured);
  ASSERT_EQ(mended.objects[0].taken_over.size(), 1u);
  EXPECT_EQ(mended.objects[0].taken_over[0].field, ".data.a");
  const auto live = get(cluster.client(), cluster.resource("", "v1", "ConfigMap"), space, "settings", CancelToken());
  EXPECT_EQ(text_at(live->value(), {"data", "a"}), "1");
}

TEST(ApplyIntegration, DefinitionsAndTheirObjectsInOneGo) {
  Cluster& cluster = Cluster::instance();
  const std::string space = cluster.make_namespace();
  const std::string group = space + ".example.com";
  const std::string yaml = text::replace_all(R"(
apiVersion: GROUP/v1
kind: Widget
metadata: {name: first}
spec: {size: 3}
---
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: widgets.GROUP}
spec:
  group: GROUP
  scope: Namespaced
  names: {kind: Widget, plural: widgets, singular: widget}
  versions:
  - name: v1
    served: true
    storage: true
    schema: {openAPIV3Schema: {type: object, properties: {spec: {type: object, properties: {size: {type: integer}}}}}}
)",
                                             "GROUP", group);
  const ApplyReport report = cluster.apply_yaml(yaml, space);
  ASSERT_FALSE(report.error) << report.error->text();
  EXPECT_THAT(outcomes(report), testing::ElementsAre(Applied::created, Applied::created));
  EXPECT_TRUE(cluster.discovery().find(group, "v1", "Widget", CancelToken()));
  EXPECT_EQ(written(cluster.apply_yaml(yaml, space)), 0u);
}

TEST(ApplyIntegration, ConflictsNameManagerAndField) {
  Cluster& cluster = Cluster::instance();
  const std::string space = cluster.make_namespace();
  const std::string yaml = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: c}\ndata: {k: mine}\n";
  ApplyOptions theirs;
  theirs.field_manager = "fairlead/test/Projects-2";
  ASSERT_FALSE(
      cluster.apply_yaml("apiVersion: v1\nkind: ConfigMap\nmetadata: {name: c}\ndata: {k: theirs}\n", space, theirs)
          .error);
  ApplyOptions polite;
  polite.force = false;
  const ApplyReport refused = cluster.apply_yaml(yaml, space, polite);
  ASSERT_TRUE(refused.error);
  EXPECT_EQ(refused.error->fault(), Fault::conflict);
  EXPECT_THAT(refused.error->text(), HasSubstr("fairlead/test/Projects-2"));
  EXPECT_THAT(refused.error->text(), HasSubstr(".data.k"));
  const ApplyReport taken = cluster.apply_yaml(yaml, space);
  ASSERT_FALSE(taken.error) << taken.error->text();
  EXPECT_THAT(taken.objects[0].taken_over, testing::Contains(testing::Field(&TakenField::field, ".data.k")));
}

TEST(ApplyIntegration, FieldsOfClientSideApplyCanBeRemoved) {
  Cluster& cluster = Cluster::instance();
  const std::string space = cluster.make_namespace();
  KubeRequest request;
  request.method = "POST";
  request.path = "/api/v1/namespaces/" + space + "/configmaps?fieldManager=kubectl-client-side-apply";
  request.content_type = "application/json";
  request.body = R"({"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"old"},"data":{"keep":"1","drop":"2"}})";
  ASSERT_EQ(perform(cluster.client(), request, CancelToken()).status, 201);
  const std::string yaml = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: old}\ndata: {keep: other}\n";
  ApplyOptions polite;
  polite.force = false;
  const ApplyReport report = cluster.apply_yaml(yaml, space, polite);
  ASSERT_FALSE(report.error) << report.error->text();
  EXPECT_TRUE(report.objects[0].taken_over.empty());
  const auto live = get(cluster.client(), cluster.resource("", "v1", "ConfigMap"), space, "old", CancelToken());
  EXPECT_EQ(json::canonical_text(*find(live->value(), {"data"})), R"({"keep":"other"})");
  EXPECT_EQ(written(cluster.apply_yaml(yaml, space, polite)), 0u);
}

TEST(ApplyIntegration, RejectionsAreExplained) {
  Cluster& cluster = Cluster::instance();
  const std::string space = cluster.make_namespace();
  const auto error_of = [&](const std::string& yaml) {
    const ApplyReport report = cluster.apply_yaml(yaml, space);
    return report.error ? report.error->text() : "no error";
  };
  EXPECT_THAT(error_of("apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\ndtaa: {}\n"), HasSubstr("dtaa"));
  EXPECT_THAT(error_of("apiVersion: v1\nkind: Service\nmetadata: {name: a}\nspec: {ports: [{port: 99999}]}\n"),
              HasSubstr("spec.ports[0].port"));
  EXPECT_THAT(error_of("apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a, namespace: nowhere}\n"),
              HasSubstr("the namespace \"nowhere\" does not exist"));
  try {
    cluster.apply_yaml("apiVersion: apps/v1\nkind: Deploymnt\nmetadata: {name: a}\n", space);
    FAIL();
  } catch (const Error& error) {
    EXPECT_THAT(error.text(), HasSubstr("knows no kind Deploymnt"));
  }
}

// Passes everything on and counts the writes.
class CountingClient : public KubeClient {
 public:
  explicit CountingClient(KubeClient& inner) : inner_(inner) {}
  void start(KubeRequest request, std::function<void(KubeOutcome)> done, const CancelToken& cancel) override {
    if (request.method == "PATCH") ++writes;
    inner_.start(std::move(request), std::move(done), cancel);
  }
  std::unique_ptr<KubeStream> stream(KubeRequest request, std::shared_ptr<KubeStreamSink> sink) override {
    return inner_.stream(std::move(request), std::move(sink));
  }
  std::string server() const override { return inner_.server(); }
  std::atomic<int> writes = 0;

 private:
  KubeClient& inner_;
};

// The API server answers some of these with 500, which is else worth another try.
TEST(ApplyIntegration, WrongTypesFailAtTheFirstAnswer) {
  Cluster& cluster = Cluster::instance();
  const std::string space = cluster.make_namespace();
  const auto deployment = [](std::string_view spec) {
    return text::format("apiVersion: apps/v1\nkind: Deployment\nmetadata: {{name: web}}\nspec: {}\n", spec);
  };
  const std::string rest =
      "selector: {matchLabels: {a: b}}, template: {metadata: {labels: {a: b}}, spec: {containers: ";
  for (const auto& [yaml, expected] : {
           std::pair{deployment("{replicas: three, " + rest + "[{name: c, image: i}]}}}"), "replicas"},
           std::pair{deployment("{replicas: 1, " + rest + "{name: c, image: i}}}}"), "containers"},
           std::pair{deployment("{replicas: 1, " + rest + "[{name: c, image: i, env: [{name: A, value: 1}]}]}}}"),
                     "env"},
           std::pair{deployment("{replicas: 1, " + rest + "[{name: c, image: i, env: [{name: A}, {name: A}]}]}}}"),
                     "A"},
           std::pair{std::string("apiVersion: v1\nkind: ConfigMap\nmetadata: {name: web}\ndata: {a: {b: c}}\n"),
                     "data"},
           std::pair{std::string("apiVersion: v1\nkind: ConfigMap\nmetadata: {name: web}\ndata: [1]\n"), "data"},
       }) {
    CountingClient client(cluster.client());
    ApplyOptions options;
    options.field_manager = "fairlead/t/Projects-1";
    try {
      const PrepareResult prepared =
          prepare(parse_documents(yaml, "web.yaml"), cluster.discovery(), space, CancelToken());
      const ApplyReport report = apply_all(client, cluster.discovery(), system_clock(), prepared.objects, options);
      ASSERT_TRUE(report.error) << yaml;
      EXPECT_EQ(report.error->fault(), Fault::invalid) << report.error->text();
      EXPECT_THAT(report.error->text(), HasSubstr(expected)) << yaml;
      EXPECT_EQ(client.writes, 1) << report.error->text();
    } catch (const Error& error) {  // refused before the first write
      EXPECT_EQ(error.fault(), Fault::invalid) << error.text();
    }
  }
}

TEST(ClientIntegration, CredentialsAndAddressesThatAreWrong) {
  Cluster& cluster = Cluster::instance();
  ClusterConfig config = cluster.config();
  config.token = Secret("wrong");
  const auto wrong_token = make_http_kube_client(config, cluster.http());
  KubeRequest pods;
  pods.path = "/api/v1/namespaces/default/pods";
  const KubeResponse response = perform(*wrong_token, pods, CancelToken());
  EXPECT_EQ(response.status, 401);
  EXPECT_THAT(error_of(response, "list", "pods").text(), HasSubstr("expired or wrong"));

  config = cluster.config();
  config.ca_pem.clear();
  const auto wrong_ca = make_http_kube_client(config, cluster.http());
  try {
    server_version(*wrong_ca, CancelToken());
    FAIL();
  } catch (const Error& error) {
    EXPECT_THAT(error.text(), HasSubstr("not trusted"));
  }
  EXPECT_THAT(server_version(cluster.client(), CancelToken()), HasSubstr("v1.34"));
}

TEST(ClientIntegration, DeleteKeepsWhatHasBeenReplaced) {
  Cluster& cluster = Cluster::instance();
  const std::string space = cluster.make_namespace();
  const Resource maps = cluster.resource("", "v1", "ConfigMap");
  const ApplyReport report = cluster.apply_yaml("apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\n", space);
  EXPECT_THROW(remove(cluster.client(), maps, space, "a", "other-uid", Propagation::background, CancelToken()), Error);
  EXPECT_TRUE(
      remove(cluster.client(), maps, space, "a", report.objects.at(0).uid, Propagation::background, CancelToken()));
  EXPECT_FALSE(
      remove(cluster.client(), maps, space, "a", report.objects[0].uid, Propagation::background, CancelToken()));
}

}  // namespace
}  // namespace fairlead::kube::integration
