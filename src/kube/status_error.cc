// SPDX-License-Identifier: Apache-2.0
// Kubernetes `Status` objects (https://kubernetes.io/docs/reference/kubernetes-api/common-definitions/status/) as
// Error.
#include <boost/json.hpp>

#include "base/text.h"
#include "kube/client.h"
#include "kube/fields.h"

namespace fairlead::kube {

namespace {

using text::format;

constexpr std::size_t kMessageLimit = 2000;
constexpr std::size_t kCausesLimit = 50;

struct Status {
  json::Value value;
  std::string message;
  std::string_view reason;
};

Status parse_status(const KubeResponse& response) {
  Status status;
  boost::system::error_code error;
  status.value = boost::json::parse(response.body, error);
  if (error || !status.value.is_object()) {
    status.value = nullptr;
    status.message = text::shorten(text::trim(response.body), 300);
    return status;
  }
  status.message = text::shorten(text_at(status.value, {"message"}), kMessageLimit);
  status.reason = text_at(status.value, {"reason"});
  return status;
}

// conflict with "kubectl" with subresource "scale" using apps/v1 -> kubectl (subresource scale)
std::string manager_of(std::string_view message) {
  const std::size_t begin = message.find('"');
  const std::size_t end = begin == std::string_view::npos ? begin : message.find('"', begin + 1);
  if (end == std::string_view::npos) return std::string(message);
  std::string manager(message.substr(begin + 1, end - begin - 1));
  const std::string_view rest = message.substr(end + 1);
  constexpr std::string_view kMark = " with subresource \"";
  if (rest.starts_with(kMark)) {
    const std::size_t close = rest.find('"', kMark.size());
    manager += format(" (subresource {})", rest.substr(kMark.size(), close - kMark.size()));
  }
  return manager;
}

Error with_causes(Error error, const Status& status) {
  std::size_t count = 0;
  for (const json::Value& cause : array_at(status.value, {"details", "causes"})) {
    if (++count > kCausesLimit) break;
    error.at(std::string(text_at(cause, {"field"})), std::string(text_at(cause, {"message"})));
  }
  return error;
}

Error conflict_error(const Status& status, std::string_view verb, std::string_view what) {
  Error error(Fault::conflict, "");
  std::size_t fields = 0;
  std::string first_manager;
  for (const json::Value& cause : array_at(status.value, {"details", "causes"})) {
    if (text_at(cause, {"reason"}) != "FieldManagerConflict") continue;
    const std::string manager = manager_of(text_at(cause, {"message"}));
    if (fields++ == 0) first_manager = manager;
    if (fields <= kCausesLimit) error.at(std::string(text_at(cause, {"field"})), format("managed by {}", manager));
  }
  if (fields == 0) return Error(Fault::conflict, format("cannot {} {}: {}", verb, what, status.message));
  Error result(Fault::conflict, format("cannot {} {}: {} managed by {}{}", verb, what,
                                       fields == 1 ? "a field is" : format("{} fields are", fields), first_manager,
                                       fields == 1 ? "" : " or others"));
  for (const ErrorDetail& detail : error.details()) result.at(detail.where, detail.text);
  return std::move(result).with_help(
      "Let the step take conflicting fields over (force conflicts), or remove these fields from the manifest.");
}

bool says_immutable(std::string_view message) {
  return text::contains_ignoring_case(message, "field is immutable") ||
         text::contains_ignoring_case(message, "is immutable") ||
         text::contains_ignoring_case(message, "immutable field") ||
         text::contains_ignoring_case(message, "updates to statefulset spec");
}

Error invalid_error(const Status& status, std::string_view verb, std::string_view what) {
  Error error = with_causes(
      Error(Fault::invalid, format("the cluster refuses to {} {}: {}", verb, what, status.message)), status);
  if (says_immutable(status.message)) {
    return std::move(error).with_help(
        "This field cannot be changed on an existing object: delete the object first or give it another name.");
  }
  return error;
}

Error forbidden_error(const Status& status, std::string_view verb, std::string_view what) {
  Error error(Fault::forbidden, format("not allowed to {} {}: {}", verb, what, status.message));
  if (status.message.find("exceeded quota") != std::string::npos) {
    return std::move(error).with_help("Raise the namespace's ResourceQuota or free some of it.");
  }
  if (status.message.find("being terminated") != std::string::npos) {
    return std::move(error).with_help("The namespace is being deleted: wait until it is gone, then deploy again.");
  }
  if (status.message.find(" cannot ") == std::string::npos)
    return error;  // an admission policy, its text says what to do
  return std::move(error).with_help("Grant the account this verb with a Role or ClusterRole and a binding.");
}

Error not_found_error(const Status& status, std::string_view verb, std::string_view what) {
  if (text_at(status.value, {"details", "kind"}) == "namespaces") {
    const std::string_view name = text_at(status.value, {"details", "name"});
    return Error(Fault::not_found, format("cannot {} {}: the namespace \"{}\" does not exist", verb, what, name))
        .with_help("Create the namespace, add it to the manifests, or correct its name.");
  }
  return Error(Fault::not_found, format("cannot {} {}: {}", verb, what,
                                        status.message.empty() ? "the server has no such resource" : status.message));
}

}  // namespace

Error error_of(const KubeResponse& response, std::string_view verb, std::string_view what) {
  const Status status = parse_status(response);
  switch (response.status) {
    case 400: return invalid_error(status, verb, what);
    case 401:
      return Error(Fault::unauthenticated,
                   format("cannot {} {}: the cluster does not accept the credentials", verb, what))
          .with_help("The token is expired or wrong, or belongs to another cluster: renew the account's credentials.");
    case 403: return forbidden_error(status, verb, what);
    case 404: return not_found_error(status, verb, what);
    case 405: return invalid(format("the cluster does not allow to {} {}", verb, what));
    case 409: return conflict_error(status, verb, what);
    case 413:
      return invalid(format("cannot {} {}: it is larger than the cluster accepts (about 1.5 MiB)", verb, what))
          .with_help("Split the object or move its bulk elsewhere.");
    case 422: return invalid_error(status, verb, what);
    case 429:
    case 503:
    case 504:
      return Error(Fault::unavailable, format("cannot {} {}: the cluster is overloaded or starting ({}): {}", verb,
                                              what, response.status, status.message))
          .retry_after(response.retry_after_seconds);
    default: break;
  }
  if (is_type_error(response)) return invalid_error(status, verb, what);
  const Fault fault = response.status >= 500 ? Fault::unavailable : Fault::invalid;
  return Error(fault, format("cannot {} {}: the server answers {}: {}", verb, what, response.status,
                             status.message.empty() ? "without a text" : status.message));
}

}  // namespace fairlead::kube
