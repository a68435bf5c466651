// SPDX-License-Identifier: Apache-2.0
// Workers: the built-in one, which the server starts. It is no document; what the API shows is its session.
#include "features/workers/install.h"

#include "api/links.h"
#include "api/paging.h"
#include "base/error.h"
#include "base/text.h"
#include "features/spaces/model.h"
#include "features/targets/rules.h"

namespace fairlead::features::workers {

namespace {

using targets::kBuiltInWorker;

std::string encode_built_in(const Services& services, const std::string& space) {
  const auto session = services.hub.session(kBuiltInWorker);
  const bool connected = session && session->connected;
  std::string out = text::format(
      "{{\"Id\":\"{}\",\"Name\":\"Built-in Worker\",\"Slug\":\"built-in-worker\",\"SpaceId\":\"{}\",\"IsDisabled\":false,"
      "\"IsInProcess\":true,\"HasLatestCalamari\":true,\"HealthStatus\":\"{}\",\"Status\":\"{}\",\"StatusSummary\":",
      kBuiltInWorker, space, connected ? "Healthy" : "Unavailable", connected ? "Online" : "Offline");
  json::append_string(out, connected ? "Connected from " + session->host : "The built-in worker is not connected.");
  out += ",\"MachinePolicyId\":\"MachinePolicies-1\",\"OperatingSystem\":\"Linux\",\"ShellName\":\"Bash\",\"ShellVersion\":\"\","
         "\"Thumbprint\":\"\",\"Uri\":null,\"WorkerPoolIds\":[\"WorkerPools-1\"],"
         "\"Endpoint\":{\"CommunicationStyle\":\"None\",\"DefaultWorkerPoolId\":\"\"}}";
  const std::string self = "/api/" + space + "/workers/" + kBuiltInWorker;
  return api::with_links(std::move(out), api::Links().add("Self", self).add("Connection", self + "/connection"));
}

std::vector<std::string> in_space(const Services& services, const std::string& space) {
  if (space != spaces::kDefaultSpace) return {};
  return {encode_built_in(services, space)};
}

}  // namespace

void install(Services& services) {
  using api::Context;
  api::Router& router = services.api.router;
  const auto page = [&services](Context& context) {
    const std::vector<std::string> items = in_space(services, context.space_id());
    return api::json_response(
        api::paged(context, "Worker", items, static_cast<std::int64_t>(items.size()), api::page_of(context)));
  };
  router.add({"GET", api::Scope::space, "/workers", "WorkerView", "Lists workers.", page});
  router.add({"GET", api::Scope::space, "/workers/all", "WorkerView", "All workers as a plain array.", [&services](Context& context) {
                return api::json_response(api::raw_array(in_space(services, context.space_id())));
              }});
  router.add({"GET", api::Scope::space, "/workerpools/{id}/workers", "WorkerView", "The workers of a pool.", page});
  router.add({"GET", api::Scope::space, "/workers/{id}", "WorkerView", "A worker.", [&services](Context& context) {
                if (context.parameter("id") != kBuiltInWorker || context.space_id() != spaces::kDefaultSpace) {
                  throw not_found(text::format("The resource '{}' was not found.", context.parameter("id")));
                }
                return api::json_response(encode_built_in(services, context.space_id()));
              }});
}

}  // namespace fairlead::features::workers
