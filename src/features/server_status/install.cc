// SPDX-License-Identifier: Apache-2.0
#include "features/server_status/install.h"

#include "api/resource.h"
#include "base/metrics.h"
#include "features/server_status/root_links.h"

namespace fairlead::features::server_status {

namespace {

// What /api says it is: clients compare it to switch features on.
constexpr std::string_view kApiVersion = "2026.2.1000";
constexpr const char* kDefaultSpaceId = "Spaces-1";

std::string server_root(const Services& services) {
  std::string body = text::format(
      "{{\"Application\":\"Octopus Deploy\",\"Version\":\"{}\",\"ApiVersion\":\"3.0.0\",\"InstallationId\":\"{}\","
      "\"IsEarlyAccessProgram\":false,\"HasLongTermSupport\":false}}",
      kApiVersion, services.facts.installation_id);
  return api::with_links(std::move(body), root_links(kDefaultSpaceId, true));
}

void add_root_rows(Services& services) {
  api::Router& router = services.api.router;
  const std::string anonymous(api::kAnonymous);
  router.add({"GET", api::Scope::system, "/", anonymous, "The root document: version and links.",
              [&services](api::Context&) { return api::json_response(server_root(services)); }});
  router.add({"GET", api::Scope::space, "/", std::string(api::kSignedIn), "The root document of a space: links.",
              [](api::Context& context) {
                const std::string& space = context.space_id();
                return api::json_response(api::with_links("{}", root_links(space, space == kDefaultSpaceId)));
              }});
  router.add(
      {"GET", api::Scope::root, "/", anonymous, "A page for people who open the server without the web UI.",
       [&services](api::Context&) {
         return api::text_response(
             text::format(
                 "<!doctype html><title>Fairlead</title><h1>Fairlead {}</h1><p>The server is running. Its API is "
                 "at <a href=\"/api\">/api</a>; how to use it: the documentation in docs/ and "
                 "<code>fairlead --help</code>.</p>\n",
                 services.facts.version),
             "text/html; charset=utf-8");
       }});
}

void add_probe_rows(Services& services) {
  api::Router& router = services.api.router;
  const std::string anonymous(api::kAnonymous);
  router.add({"GET", api::Scope::root, "/healthz", anonymous, "The process is alive.",
              [](api::Context&) { return api::text_response("ok\n"); }});
  router.add({"GET", api::Scope::root, "/readyz", anonymous, "The server can do its work.", [&services](api::Context&) {
                std::string problems;
                for (const auto& check : services.readiness) {
                  const std::string problem = check();
                  if (!problem.empty()) problems += problem + "\n";
                }
                if (problems.empty()) return api::text_response("ok\n");
                net::Response response = api::text_response(problems);
                response.status = 503;
                return response;
              }});
  router.add(
      {"GET", api::Scope::root, "/metrics", anonymous, "Metrics in the Prometheus text format.",
       [](api::Context&) { return api::text_response(metrics::page(), "text/plain; version=0.0.4; charset=utf-8"); }});
}

void add_status_rows(Services& services) {
  api::Router& router = services.api.router;
  const std::string signed_in(api::kSignedIn);
  const auto constant = [&router](std::string pattern, std::string permission, std::string summary, std::string body) {
    router.add({"GET", api::Scope::system, std::move(pattern), std::move(permission), std::move(summary),
                [body = std::move(body)](api::Context&) { return api::json_response(body); }});
  };
  constant(
      "/serverstatus", signed_in, "The state of the server.",
      R"({"IsDatabaseEncrypted":true,"IsMajorMinorUpgrade":false,"IsInMaintenanceMode":false,"IsPotentialClone":false,)"
      R"("IsUpgradeAvailable":false,"Links":{"Self":"/api/serverstatus","Health":"/api/serverstatus/health"}})");
  constant("/serverstatus/health", signed_in, "Whether the server operates normally.",
           R"({"Description":"","IsCompliantWithLicense":true,"IsEntireClusterDrainingTasks":false,)"
           R"("IsEntireClusterReadOnly":false,"IsOperatingNormally":true})");
  constant("/capabilities", std::string(api::kAnonymous), "Optional abilities of this server.",
           R"({"Capabilities":[]})");
  constant(
      "/authentication", std::string(api::kAnonymous), "How people can sign in.",
      R"({"AnyAuthenticationProvidersSupportPasswordManagement":false,"AuthenticationProviders":[],"IsAutoLoginEnabled":false})");
  // Toggles of features that this server has; clients take those it does not name for disabled.
  constant("/configuration/feature-toggles", signed_in, "Feature toggles that clients ask for.",
           R"({"FeatureToggles":[]})");
}

}  // namespace

void install(Services& services) {
  add_root_rows(services);
  add_probe_rows(services);
  add_status_rows(services);
}

}  // namespace fairlead::features::server_status
