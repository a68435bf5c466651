// SPDX-License-Identifier: Apache-2.0
#include "kube/client.h"

#include <algorithm>
#include <condition_variable>
#include <mutex>

#include "base/bytes.h"
#include "base/clock.h"
#include "base/text.h"
#include "json/value.h"
#include "kube/fields.h"
#include "kube/query.h"

namespace fairlead::kube {

namespace {

using text::format;
using text::percent_encode;

constexpr std::int64_t kFirstPauseMs = 250;
constexpr std::int64_t kLongestOwnPauseMs = 8'000;
// No new attempt after this long, whatever the count.
constexpr std::int64_t kRetryBudgetUs = 120 * kSecond;
constexpr std::size_t kAnswerDepth = 200;
constexpr std::string_view kMetadataOnly =
    "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1,application/json";

KubeOutcome attempt(KubeClient& client, const KubeRequest& request, const CancelToken& cancel) {
  struct Waiting {
    std::mutex mutex;
    std::condition_variable changed;
    std::optional<KubeOutcome> outcome;
  };
  const auto waiting = std::make_shared<Waiting>();
  client.start(
      request,
      [waiting](KubeOutcome outcome) {
        const std::lock_guard lock(waiting->mutex);
        waiting->outcome = std::move(outcome);
        waiting->changed.notify_one();
      },
      cancel);
  std::unique_lock lock(waiting->mutex);
  waiting->changed.wait(lock, [&] { return waiting->outcome.has_value(); });
  return *std::move(waiting->outcome);
}

Object parse_object(const std::string& body, std::string_view what) {
  json::ParseLimits limits;
  limits.max_bytes = 64u << 20;
  limits.max_depth = kAnswerDepth;
  try {
    return Object(json::parse(body, "the answer", limits));
  } catch (const Error& error) {
    throw Error(Fault::unavailable, format("the answer of the cluster for {} is no JSON: {}", what, error.message()))
        .with_help("Is this the address of a Kubernetes API server?");
  }
}

bool is_success(const KubeResponse& response) { return response.status >= 200 && response.status < 300; }

std::string name_text(const Resource& resource, std::string_view namespace_name, std::string_view name) {
  ObjectKey key;
  key.kind = resource.kind;
  key.namespace_name = resource.namespaced ? std::string(namespace_name) : "";
  key.name = name;
  return key.text();
}

std::string list_path(const Resource& resource, const ListQuery& query, const std::string& token) {
  std::string path = resource.path(query.namespace_name);
  if (!query.label_selector.empty()) add_query(path, "labelSelector", query.label_selector);
  if (!query.field_selector.empty()) add_query(path, "fieldSelector", query.field_selector);
  add_query(path, "limit", std::to_string(query.page_size));
  if (!token.empty()) add_query(path, "continue", token);
  return path;
}

// After a failed DELETE with a uid: the API server answers 409 when another object bears the name.
bool gone_or_throw(const KubeResponse& response, const std::string& what) {
  if (is_success(response)) return true;
  if (response.status == 404) return false;
  if (response.status == 409) {
    throw Error(Fault::conflict, format("cannot delete {}: another object of that name has replaced it", what));
  }
  throw error_of(response, "delete", what);
}

}  // namespace

bool worth_retrying(const KubeOutcome& outcome) {
  if (outcome.error) {
    // A certificate that is not trusted does not become so by asking again.
    return outcome.error->retryable() && outcome.error->message().find("certificate") == std::string::npos;
  }
  const KubeResponse& response = outcome.response;
  switch (response.status) {
    case 429:
    case 502:
    case 503:
    case 504: return true;
    case 409:
      return response.body.find("AlreadyExists") != std::string::npos ||  // a race of two creations
             response.body.find("Operation cannot be fulfilled on resourcequotas") != std::string::npos;
    case 500: return !is_type_error(response);
    default: return false;
  }
}

bool is_type_error(const KubeResponse& response) {
  if (response.status != 500) return false;
  // https://github.com/kubernetes-sigs/structured-merge-diff: what the merge says of the patch, and of the live object.
  constexpr std::string_view kTexts[] = {"failed to create typed patch object", "failed to create typed live object",
                                         "field not declared in schema"};
  return std::any_of(std::begin(kTexts), std::end(kTexts),
                     [&](std::string_view text) { return response.body.find(text) != std::string::npos; });
}

std::int64_t pause_before_retry_ms(const KubeOutcome& outcome, int attempt) {
  if (!outcome.error && outcome.response.retry_after_seconds > 0) {
    return std::min<std::int64_t>(outcome.response.retry_after_seconds * 1000LL, kLongestPauseMs);
  }
  const std::int64_t bound = std::min(kFirstPauseMs << std::min(attempt - 1, 10), kLongestOwnPauseMs);
  const std::string random = random_bytes(2);
  const int draw = static_cast<unsigned char>(random[0]) * 256 + static_cast<unsigned char>(random[1]);
  return 1 + bound * draw / 65'536;
}

KubeResponse perform(KubeClient& client, const KubeRequest& request, const CancelToken& cancel, bool repeatable) {
  const std::int64_t last_start = system_clock().steady_us() + kRetryBudgetUs;
  for (int count = 1;; ++count) {
    cancel.check();
    KubeOutcome outcome = attempt(client, request, cancel);
    const bool again =
        repeatable && count < kAttempts && worth_retrying(outcome) && system_clock().steady_us() < last_start;
    if (!again) {
      if (outcome.error) throw *std::move(outcome.error);
      return std::move(outcome.response);
    }
    if (cancel.wait_for_us(pause_before_retry_ms(outcome, count) * kMillisecond)) cancel.check();
  }
}

std::optional<Object> get(KubeClient& client, const Resource& resource, std::string_view namespace_name,
                          std::string_view name, const CancelToken& cancel, bool metadata_only) {
  KubeRequest request;
  request.path = resource.path(namespace_name, name);
  if (metadata_only) request.accept = kMetadataOnly;
  const KubeResponse response = perform(client, request, cancel);
  const std::string what = name_text(resource, namespace_name, name);
  if (response.status == 404) return std::nullopt;
  if (!is_success(response)) throw error_of(response, "get", what);
  Object object = parse_object(response.body, what);
  if (metadata_only && object.value().is_object()) {
    object.value().get_object()["apiVersion"] = resource.api_version();
    object.value().get_object()["kind"] = resource.kind;
  }
  return object;
}

std::string list(KubeClient& client, const Resource& resource, const ListQuery& query, const CancelToken& cancel,
                 const std::function<void(Object&&)>& each) {
  const std::string what = resource.text();
  std::string token;
  bool restarted = false;
  while (true) {
    KubeRequest request;
    request.path = list_path(resource, query, token);
    if (query.metadata_only)
      request.accept = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1,application/json";
    const KubeResponse response = perform(client, request, cancel);
    if (response.status == 410 && !token.empty() && !restarted) {
      token.clear();
      restarted = true;
      continue;
    }
    if (!is_success(response)) throw error_of(response, "list", what);
    const ListHead head = read_list(response.body, resource, each);
    if (head.continue_token.empty()) return head.resource_version;
    token = head.continue_token;
  }
}

KubeRequest apply_request(const Resource& resource, const Object& object, const ApplyRequest& how) {
  KubeRequest request;
  request.method = "PATCH";
  request.path = resource.path(object.namespace_name(), object.name());
  add_query(request.path, "fieldManager", how.field_manager);
  add_query(request.path, "force", how.force ? "true" : "false");
  if (how.strict) add_query(request.path, "fieldValidation", "Strict");
  if (how.dry_run) add_query(request.path, "dryRun", "All");
  request.content_type = "application/apply-patch+yaml";
  request.body = json::text_of(object.value());
  return request;
}

ApplyAnswer apply(KubeClient& client, const Resource& resource, const Object& object, const ApplyRequest& how,
                  const CancelToken& cancel) {
  const KubeResponse response = perform(client, apply_request(resource, object, how), cancel);
  const std::string what = object.key().text();
  if (!is_success(response)) throw error_of(response, "apply", what);
  ApplyAnswer answer;
  answer.object = parse_object(response.body, what);
  answer.created = response.status == 201;
  answer.warnings = response.warnings;
  return answer;
}

Object create(KubeClient& client, const Resource& resource, const Object& object, const CancelToken& cancel) {
  KubeRequest request;
  request.method = "POST";
  request.path = resource.path(object.namespace_name());
  request.content_type = "application/json";
  request.body = json::text_of(object.value());
  const KubeResponse response = perform(client, request, cancel, !object.name().empty());
  const std::string what = object.key().text();
  if (!is_success(response)) throw error_of(response, "create", what);
  return parse_object(response.body, what);
}

Object json_patch(KubeClient& client, const Resource& resource, std::string_view namespace_name, std::string_view name,
                  const json::Value& patch, const CancelToken& cancel) {
  KubeRequest request;
  request.method = "PATCH";
  request.path = resource.path(namespace_name, name);
  request.content_type = "application/json-patch+json";
  request.body = json::text_of(patch);
  const KubeResponse response = perform(client, request, cancel, false);
  const std::string what = name_text(resource, namespace_name, name);
  if (!is_success(response)) throw error_of(response, "patch", what);
  return parse_object(response.body, what);
}

bool remove(KubeClient& client, const Resource& resource, std::string_view namespace_name, std::string_view name,
            std::string_view uid, Propagation propagation, const CancelToken& cancel) {
  json::Object options;
  options["apiVersion"] = "v1";
  options["kind"] = "DeleteOptions";
  options["propagationPolicy"] = propagation == Propagation::background   ? "Background"
                                 : propagation == Propagation::foreground ? "Foreground"
                                                                          : "Orphan";
  if (!uid.empty()) {
    json::Object preconditions;
    preconditions["uid"] = uid;
    options["preconditions"] = std::move(preconditions);
  }
  KubeRequest request;
  request.method = "DELETE";
  request.path = resource.path(namespace_name, name);
  request.content_type = "application/json";
  request.body = json::text_of(options);
  return gone_or_throw(perform(client, request, cancel), name_text(resource, namespace_name, name));
}

std::string pod_logs(KubeClient& client, std::string_view namespace_name, std::string_view pod, const LogQuery& query,
                     const CancelToken& cancel) {
  const KubeResponse response = perform(client, pod_log_request(namespace_name, pod, query), cancel);
  if (!is_success(response)) throw error_of(response, "read the log of", format("Pod {}/{}", namespace_name, pod));
  return response.body;
}

KubeRequest pod_log_request(std::string_view namespace_name, std::string_view pod, const LogQuery& query) {
  KubeRequest request;
  request.path = format("/api/v1/namespaces/{}/pods/{}/log", percent_encode(namespace_name), percent_encode(pod));
  if (!query.container.empty()) add_query(request.path, "container", query.container);
  if (query.previous) add_query(request.path, "previous", "true");
  add_query(request.path, "tailLines", std::to_string(query.tail_lines));
  add_query(request.path, "limitBytes", std::to_string(query.limit_bytes));
  request.accept = "*/*";
  request.max_answer_bytes = query.limit_bytes + 4096;
  return request;
}

KubeRequest events_request(std::string_view namespace_name, std::string_view uid) {
  KubeRequest request;
  request.path =
      format("/api/v1/namespaces/{}/events", namespace_name.empty() ? "default" : percent_encode(namespace_name));
  add_query(request.path, "fieldSelector", format("involvedObject.uid={}", uid));
  add_query(request.path, "limit", "200");
  return request;
}

std::vector<EventRecord> read_events(std::string_view body, int limit) {
  std::vector<EventRecord> events;
  Resource resource;
  resource.version = "v1";
  resource.kind = "Event";
  read_list(body, resource, [&](Object&& object) {
    const json::Value& o = object.value();
    EventRecord event;
    event.type = text_at(o, {"type"});
    event.reason = text_at(o, {"reason"});
    event.message = text::shorten(text_at(o, {"message"}), 1000);
    event.count = std::max(int_at(o, {"count"}, 1), int_at(o, {"series", "count"}, 1));
    event.time = text_at(o, {"series", "lastObservedTime"}, text_at(o, {"lastTimestamp"}, text_at(o, {"eventTime"})));
    if (event.time.empty()) event.time = text_at(o, {"metadata", "creationTimestamp"});
    events.push_back(std::move(event));
  });
  std::ranges::sort(events, [](const EventRecord& a, const EventRecord& b) { return a.time > b.time; });
  if (events.size() > static_cast<std::size_t>(limit)) events.resize(static_cast<std::size_t>(limit));
  return events;
}

std::vector<EventRecord> events_of(KubeClient& client, std::string_view namespace_name, std::string_view uid, int limit,
                                   const CancelToken& cancel) {
  const KubeResponse response = perform(client, events_request(namespace_name, uid), cancel);
  if (!is_success(response)) throw error_of(response, "list", "events");
  return read_events(response.body, limit);
}

std::string server_version(KubeClient& client, const CancelToken& cancel) {
  KubeRequest request;
  request.path = "/version";
  const KubeResponse response = perform(client, request, cancel);
  if (!is_success(response)) throw error_of(response, "ask for", "the version of " + client.server());
  const Object object = parse_object(response.body, "/version");
  const std::string_view version = text_at(object.value(), {"gitVersion"});
  if (version.empty()) {
    throw Error(Fault::unavailable, format("{} does not answer like a Kubernetes API server", client.server()))
        .with_help("Check the cluster's URL.");
  }
  return std::string(version);
}

}  // namespace fairlead::kube
