// SPDX-License-Identifier: Apache-2.0
// The Kubernetes API. KubeClient is the seam (three virtual calls, faked in tests by a table of answers); the typed
// calls below are built on it and are what the rest of Fairlead uses. HttpKubeClient speaks HTTPS through
// net/http_client.h. API reference: https://kubernetes.io/docs/reference/using-api/api-concepts/ All calls are
// thread-safe. Blocking calls throw Error; its text names verb, object and what to do, never a secret.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/cancel.h"
#include "base/error.h"
#include "kube/discovery.h"
#include "kube/object.h"

namespace fairlead::kube {

struct KubeRequest {
  std::string method = "GET";
  std::string path;  // with query
  std::string body;
  std::string content_type;  // "" without body
  std::string accept = "application/json";
  std::string if_none_match;
  std::int64_t timeout_ms = 60'000;  // 0: none (streams)
  std::size_t max_answer_bytes = 64u << 20;
};

struct KubeResponse {
  int status = 0;
  std::string body;
  std::string etag;
  std::string content_type;
  std::vector<std::string> warnings;  // texts of Warning: 299 headers
  int retry_after_seconds = 0;
  std::int64_t server_time_us = 0;  // the Date header, 0 where absent
};

// What a request came to: an answer of any status, or an error where there was none (unavailable, timeout, cancelled).
struct KubeOutcome {
  KubeResponse response;
  std::optional<Error> error;
};

// Receives a stream. Called one at a time from a thread of the client; must not block. Kept alive until on_end has
// returned.
class KubeStreamSink {
 public:
  virtual ~KubeStreamSink() = default;
  virtual void on_open(const KubeResponse& head) = 0;  // any status; a body that is not 200 comes with on_end
  // One line without its end. False: pause until resume() (the line has been taken).
  virtual bool on_line(std::string_view line) = 0;
  virtual void on_end(KubeOutcome outcome) = 0;  // last call; `error` unset for a clean end
};

// Cancels when destroyed; the sink may still get a call or two, the last being on_end.
class KubeStream {
 public:
  virtual ~KubeStream() = default;
  virtual void resume() = 0;
};

class KubeClient {
 public:
  virtual ~KubeClient() = default;
  // One attempt. `done` is called exactly once, from a thread of the client or before start() returns; it must not
  // block.
  virtual void start(KubeRequest request, std::function<void(KubeOutcome)> done, const CancelToken& cancel) = 0;
  virtual std::unique_ptr<KubeStream> stream(KubeRequest request, std::shared_ptr<KubeStreamSink> sink) = 0;
  // "https://10.0.0.1:6443": for error texts.
  virtual std::string server() const = 0;
};

// --- blocking calls with retries ------------------------------------------------------------------------------------

// 429, 502, 503, 504 and lost connections are tried again (Retry-After honoured) up to kAttempts; only for requests
// that may be sent twice. Everything else comes back at the first answer.
inline constexpr int kAttempts = 6;
// Whether an outcome is worth another attempt, and the pause before it (attempt counts from 1): Retry-After up to
// kLongestPauseMs, else exponential with full jitter.
inline constexpr std::int64_t kLongestPauseMs = 30'000;
bool worth_retrying(const KubeOutcome& outcome);
// Server-side apply answers 500 to an object that does not fit the schema (a text where a number belongs, an unknown
// field, two entries with one key): it is the object that is wrong, and asking again gives the same.
bool is_type_error(const KubeResponse& response);
std::int64_t pause_before_retry_ms(const KubeOutcome& outcome, int attempt);
// Throws only where there was no answer at all.
KubeResponse perform(KubeClient& client, const KubeRequest& request, const CancelToken& cancel, bool repeatable = true);

// nullopt for 404 of the object itself.
std::optional<Object> get(KubeClient& client, const Resource& resource, std::string_view namespace_name,
                          std::string_view name, const CancelToken& cancel, bool metadata_only = false);

struct ListQuery {
  std::string namespace_name;  // "": all
  std::string label_selector, field_selector;
  bool metadata_only = false;
  int page_size = 500;
};
// Calls `each` for every object; returns the list's resourceVersion. Starts anew once where a page token has expired.
std::string list(KubeClient& client, const Resource& resource, const ListQuery& query, const CancelToken& cancel,
                 const std::function<void(Object&&)>& each);

struct ApplyRequest {
  std::string field_manager;
  bool force = false;
  bool dry_run = false;
  bool strict = true;  // fieldValidation=Strict
};
struct ApplyAnswer {
  Object object;
  bool created = false;
  std::vector<std::string> warnings;
};
KubeRequest apply_request(const Resource& resource, const Object& object, const ApplyRequest& how);
ApplyAnswer apply(KubeClient& client, const Resource& resource, const Object& object, const ApplyRequest& how,
                  const CancelToken& cancel);

Object create(KubeClient& client, const Resource& resource, const Object& object, const CancelToken& cancel);
Object json_patch(KubeClient& client, const Resource& resource, std::string_view namespace_name, std::string_view name,
                  const json::Value& patch, const CancelToken& cancel);

enum class Propagation { background, foreground, orphan };
// True when a delete was accepted, false when there was nothing to delete. With `uid` only that very object goes; a
// replaced one is Error(conflict).
bool remove(KubeClient& client, const Resource& resource, std::string_view namespace_name, std::string_view name,
            std::string_view uid, Propagation propagation, const CancelToken& cancel);

struct LogQuery {
  std::string container;
  bool previous = false;
  int tail_lines = 20;
  std::size_t limit_bytes = 4096;
};
KubeRequest pod_log_request(std::string_view namespace_name, std::string_view pod, const LogQuery& query);
std::string pod_logs(KubeClient& client, std::string_view namespace_name, std::string_view pod, const LogQuery& query,
                     const CancelToken& cancel);

struct EventRecord {
  std::string type, reason, message;
  std::string time;  // RFC 3339, of the last occurrence
  std::int64_t count = 1;
};
KubeRequest events_request(std::string_view namespace_name, std::string_view uid);
std::vector<EventRecord> read_events(std::string_view body, int limit);
// Events about one object, newest first, at most `limit`.
std::vector<EventRecord> events_of(KubeClient& client, std::string_view namespace_name, std::string_view uid, int limit,
                                   const CancelToken& cancel);

// {gitVersion} of /version: the cheapest proof that the cluster answers to these credentials.
std::string server_version(KubeClient& client, const CancelToken& cancel);

// The items of a list answer, one at a time, with apiVersion and kind filled in (lists leave them out).
struct ListHead {
  std::string resource_version;
  std::string continue_token;
};
ListHead read_list(std::string_view body, const Resource& resource, const std::function<void(Object&&)>& each);

// The error of an answer that is not 2xx. `verb` is "get", "apply", ...; `what` is "Deployment default/web".
Error error_of(const KubeResponse& response, std::string_view verb, std::string_view what);

}  // namespace fairlead::kube
