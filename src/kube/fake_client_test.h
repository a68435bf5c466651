// SPDX-License-Identifier: Apache-2.0
// A Kubernetes API for tests: answers come from a function of the test, streams are fed by it. Requests are recorded.
#pragma once

#include <algorithm>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "base/text.h"
#include "kube/client.h"

namespace fairlead::kube::testing_support {

inline KubeOutcome answer(int status, std::string body) {
  KubeOutcome outcome;
  outcome.response.status = status;
  outcome.response.body = std::move(body);
  return outcome;
}

class FakeClient : public KubeClient {
 public:
  using Handler = std::function<KubeOutcome(const KubeRequest&)>;
  explicit FakeClient(Handler handler) : handler_(std::move(handler)) {}

  void start(KubeRequest request, std::function<void(KubeOutcome)> done, const CancelToken&) override {
    {
      const std::lock_guard lock(mutex_);
      requests_.push_back(request);
    }
    done(handler_(request));
  }

  std::unique_ptr<KubeStream> stream(KubeRequest request, std::shared_ptr<KubeStreamSink> sink) override {
    KubeResponse head;
    head.status = 200;
    sink->on_open(head);
    const std::lock_guard lock(mutex_);
    requests_.push_back(request);
    streams_.emplace_back(request.path, sink);
    return std::make_unique<Stream>();
  }

  std::string server() const override { return "https://fake:6443"; }

  // The newest stream whose path contains the text.
  std::shared_ptr<KubeStreamSink> stream_of(std::string_view part) {
    const std::lock_guard lock(mutex_);
    for (auto it = streams_.rbegin(); it != streams_.rend(); ++it) {
      if (it->first.find(part) != std::string::npos) return it->second;
    }
    return nullptr;
  }

  // "PATCH /api/v1/..." of all requests whose line contains the text, in order.
  std::vector<std::string> lines(std::string_view part = "") {
    const std::lock_guard lock(mutex_);
    std::vector<std::string> result;
    for (const KubeRequest& request : requests_) {
      std::string line = request.method + " " + request.path;
      if (line.find(part) != std::string::npos) result.push_back(std::move(line));
    }
    return result;
  }

 private:
  class Stream : public KubeStream {
   public:
    void resume() override {}
  };
  Handler handler_;
  std::mutex mutex_;
  std::vector<KubeRequest> requests_;
  std::vector<std::pair<std::string, std::shared_ptr<KubeStreamSink>>> streams_;
};

// Discovery of a small cluster, in the aggregated form.
inline std::string discovery_answer(std::string_view path) {
  const auto entry = [](std::string_view plural, std::string_view kind, bool namespaced) {
    return text::format(
        R"({{"resource":"{}","responseKind":{{"kind":"{}"}},"scope":"{}","verbs":["get","list","watch","patch"]}})",
        plural, kind, namespaced ? "Namespaced" : "Cluster");
  };
  const auto group = [](std::string_view name, std::string_view version, const std::vector<std::string>& entries) {
    return text::format(
        R"({{"metadata":{{"name":"{}"}},"versions":[{{"version":"{}","resources":[{}],"freshness":"Current"}}]}})",
        name, version, text::join(entries, ","));
  };
  std::string items;
  if (path == "/api") {
    items = group("", "v1",
                  {entry("pods", "Pod", true), entry("configmaps", "ConfigMap", true), entry("secrets", "Secret", true),
                   entry("services", "Service", true), entry("namespaces", "Namespace", false)});
  } else {
    items =
        group("apps", "v1",
              {entry("deployments", "Deployment", true), entry("replicasets", "ReplicaSet", true),
               entry("statefulsets", "StatefulSet", true)}) +
        "," + group("batch", "v1", {entry("jobs", "Job", true)}) + "," +
        group("apiextensions.k8s.io", "v1", {entry("customresourcedefinitions", "CustomResourceDefinition", false)});
  }
  return R"({"kind":"APIGroupDiscoveryList","items":[)" + items + "]}";
}

}  // namespace fairlead::kube::testing_support
