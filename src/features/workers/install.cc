// SPDX-License-Identifier: Apache-2.0
// Workers: the built-in one, which the server starts. It is no document; what the API shows is its session.
#include "features/workers/install.h"

#include <algorithm>

#include "api/links.h"
#include "api/paging.h"
#include "base/error.h"
#include "base/text.h"
#include "features/spaces/model.h"
#include "features/targets/rules.h"

namespace fairlead::features::workers {

namespace {

using targets::kBuiltInWorker;

constexpr std::string_view kName = "Built-in Worker";
constexpr std::string_view kPool = "WorkerPools-1";
constexpr std::string_view kPolicy = "MachinePolicies-1";

std::string encode_built_in(const Services& services, const std::string& space) {
  const auto session = services.hub.session(kBuiltInWorker);
  const bool connected = session && session->connected;
  std::string out = text::format(
      "{{\"Id\":\"{}\",\"Name\":\"{}\",\"Slug\":\"built-in-worker\",\"SpaceId\":\"{}\",\"IsDisabled\":false,"
      "\"IsInProcess\":true,\"HasLatestCalamari\":true,\"HealthStatus\":\"{}\",\"Status\":\"{}\",\"StatusSummary\":",
      kBuiltInWorker, kName, space, connected ? "Healthy" : "Unavailable", connected ? "Online" : "Offline");
  json::append_string(out, connected ? "Connected from " + session->host : "The built-in worker is not connected.");
  out += text::format(",\"MachinePolicyId\":\"{}\",\"WorkerPoolIds\":[\"{}\"]", kPolicy, kPool);
  out +=
      ",\"OperatingSystem\":\"Linux\",\"ShellName\":\"Bash\",\"ShellVersion\":\"\",\"Thumbprint\":\"\",\"Uri\":null,"
      "\"Endpoint\":{\"CommunicationStyle\":\"None\",\"DefaultWorkerPoolId\":\"\"}}";
  const std::string self = "/api/" + space + "/workers/" + kBuiltInWorker;
  return api::with_links(std::move(out), api::Links().add("Self", self).add("Connection", self + "/connection"));
}

// Whether the built-in worker is what a list asks for; nothing is ignored.
bool is_wanted(const Services& services, const api::Context& context) {
  const auto session = services.hub.session(kBuiltInWorker);
  const bool connected = session && session->connected;
  const auto among = [&](std::string_view parameter, std::string_view value) {
    const auto wanted = context.query_list(parameter);
    if (wanted.empty()) return true;
    return std::any_of(wanted.begin(), wanted.end(),
                       [&](const std::string& one) { return text::equals_ignoring_case(one, value); });
  };
  const std::string part = context.query("partialName").value_or("");
  const std::string disabled = context.query("isDisabled").value_or("");
  return among("ids", kBuiltInWorker) && among("name", kName) && text::contains_ignoring_case(kName, part) &&
         (disabled.empty() || !text::parse_bool(disabled).value_or(false)) &&
         among("healthStatuses", connected ? "Healthy" : "Unavailable") && among("commStyles", "None") &&
         among("workerPoolIds", kPool) && among("shellNames", "Bash") &&
         (context.query("thumbprint").value_or("").empty());
}

std::vector<std::string> in_space(const Services& services, const api::Context& context) {
  if (context.space_id() != spaces::kDefaultSpace || !is_wanted(services, context)) return {};
  return {encode_built_in(services, context.space_id())};
}

std::vector<std::string> of_owner(const Services& services, const api::Context& context, std::string_view owner) {
  services.api.store.read([&](const store::Tx& tx) {
    if (services.api.documents.name_of(tx, context.parameter("id"))) return;
    throw not_found(text::format("The resource '{}' was not found.", context.parameter("id")));
  });
  return context.parameter("id") == owner ? in_space(services, context) : std::vector<std::string>();
}

void require_built_in(const api::Context& context) {
  if (context.parameter("id") == kBuiltInWorker && context.space_id() == spaces::kDefaultSpace) return;
  throw not_found(text::format("The resource '{}' was not found.", context.parameter("id")));
}

net::Response connection(const Services& services, const api::Context& context) {
  require_built_in(context);
  const auto session = services.hub.session(kBuiltInWorker);
  const bool connected = session && session->connected;
  std::string body =
      text::format("{{\"MachineId\":\"{}\",\"Status\":\"{}\",\"CurrentTentacleVersion\":", kBuiltInWorker,
                   connected ? "Online" : "Offline");
  if (connected) {
    json::append_string(body, session->version);
  } else {
    body += "null";
  }
  body += ",\"LastChecked\":";
  json::append_string(body, iso8601(services.api.clock.now()));
  body += ",\"Logs\":[]}";
  const std::string self = "/api/" + context.space_id() + "/workers/" + kBuiltInWorker;
  return api::json_response(
      api::with_links(std::move(body), api::Links().add("Self", self + "/connection").add("Worker", self)));
}

}  // namespace

void install(Services& services) {
  using api::Context;
  api::Router& router = services.api.router;
  const auto page = [](Context& context, const std::vector<std::string>& items) {
    const api::Page wanted = api::page_of(context);
    const auto total = static_cast<std::int64_t>(items.size());
    const bool shows = wanted.skip == 0 && wanted.take > 0;
    return api::json_response(api::paged(context, "Worker", shows ? items : std::vector<std::string>(), total, wanted));
  };
  router.add({"GET", api::Scope::space, "/workers", "WorkerView", "Lists workers.",
              [&services, page](Context& context) { return page(context, in_space(services, context)); }});
  router.add(
      {"GET", api::Scope::space, "/workers/all", "WorkerView", "All workers as a plain array.",
       [&services](Context& context) { return api::json_response(api::raw_array(in_space(services, context))); }});
  router.add({"GET", api::Scope::space, "/workerpools/{id}/workers", "WorkerView", "The workers of a pool.",
              [&services, page](Context& context) { return page(context, of_owner(services, context, kPool)); }});
  router.add({"GET", api::Scope::space, "/machinepolicies/{id}/workers", "WorkerView",
              "The workers of a machine policy.",
              [&services, page](Context& context) { return page(context, of_owner(services, context, kPolicy)); }});
  router.add({"GET", api::Scope::space, "/workers/{id}", "WorkerView", "A worker.", [&services](Context& context) {
                require_built_in(context);
                return api::json_response(encode_built_in(services, context.space_id()));
              }});
  router.add({"GET", api::Scope::space, "/workers/{id}/connection", "WorkerView", "Whether a worker is connected.",
              [&services](Context& context) { return connection(services, context); }});
  for (const auto& [method, path] :
       {std::pair{"POST", "/workers"}, std::pair{"PUT", "/workers/{id}"}, std::pair{"DELETE", "/workers/{id}"}}) {
    router.add({method, api::Scope::space, path, "WorkerEdit", "Changes workers: not supported yet.",
                [](Context&) -> net::Response {
                  throw Error(Fault::unsupported,
                              "There is only the built-in worker yet; it belongs to the server and cannot be changed.");
                }});
  }
}

}  // namespace fairlead::features::workers
