// SPDX-License-Identifier: Apache-2.0
#include "base/text.h"
#include "executor/kube_commands.h"
#include "json/value.h"

namespace fairlead::executor {
namespace {

struct Permission {
  const char* verb;
  const char* group;
  const char* resource;
};
// What a deployment of ordinary documents needs.
constexpr Permission kNeeded[] = {
    {"patch", "apps", "deployments"}, {"patch", "", "services"},       {"patch", "", "configmaps"},
    {"patch", "", "secrets"},         {"list", "apps", "deployments"}, {"watch", "", "pods"},
    {"list", "apps", "replicasets"},
};

kube::Resource review(std::string_view group, std::string_view kind, std::string_view plural) {
  return {.group = std::string(group),
          .version = "v1",
          .kind = std::string(kind),
          .plural = std::string(plural),
          .namespaced = false};
}

// Who the API server takes us for (KEP-3325); old servers do not say.
void ask_identity(Cluster& cluster, const CommandContext& context, link::HealthResult& result) {
  const json::Object body{{"apiVersion", "authentication.k8s.io/v1"}, {"kind", "SelfSubjectReview"}};
  try {
    const kube::Object answer =
        kube::create(cluster.client(), review("authentication.k8s.io", "SelfSubjectReview", "selfsubjectreviews"),
                     kube::Object(json::Value(body)), context.cancel);
    if (const json::Value* user = json::find_path(answer.value(), {"status", "userInfo"})) {
      result.user_name = json::string_or(*user, "username");
      const json::Value* groups = json::find(*user, "groups");
      if (groups != nullptr && groups->is_array()) {
        for (const json::Value& group : groups->get_array()) {
          if (group.is_string()) result.user_groups.emplace_back(json::view(group.get_string()));
        }
      }
    }
  } catch (const Error& error) {
    if (error.fault() == Fault::unauthenticated || error.fault() == Fault::cancelled) throw;
  }
}

void ask_permissions(Cluster& cluster, const std::string& namespace_name, const CommandContext& context,
                     link::HealthResult& result) {
  for (const Permission& permission : kNeeded) {
    const json::Object attributes{{"namespace", namespace_name},
                                  {"verb", permission.verb},
                                  {"group", permission.group},
                                  {"resource", permission.resource}};
    const json::Object body{{"apiVersion", "authorization.k8s.io/v1"},
                            {"kind", "SelfSubjectAccessReview"},
                            {"spec", json::Object{{"resourceAttributes", attributes}}}};
    const kube::Object answer = kube::create(
        cluster.client(), review("authorization.k8s.io", "SelfSubjectAccessReview", "selfsubjectaccessreviews"),
        kube::Object(json::Value(body)), context.cancel);
    const json::Value* status = json::find(answer.value(), "status");
    if (status != nullptr && json::bool_or(*status, "allowed")) continue;
    const std::string resource = *permission.group == '\0'
                                     ? std::string(permission.resource)
                                     : text::format("{}.{}", permission.resource, permission.group);
    result.missing_permissions.push_back(
        text::format("{} {} in namespace {}", permission.verb, resource, namespace_name));
  }
}

void finish(link::HealthResult& result, CommandLog& log) {
  if (!result.missing_permissions.empty())
    result.warnings.push_back("not allowed: " + text::join(result.missing_permissions, ", "));
  if (!result.warnings.empty() && result.status == "Healthy") result.status = "HasWarnings";
  log.info(result.summary);
  for (const std::string& warning : result.warnings) log.warning(warning);
}

}  // namespace

CommandEnd run_check_health(const link::CheckHealth& check, const CommandContext& context) {
  link::HealthResult result;
  result.executor_version = context.version;
  if (!check.cluster) {
    result.summary = text::format("the executor answers, version {}", context.version);
    finish(result, *context.log);
    return CommandEnd::success(json::encode(result));
  }
  try {
    const std::shared_ptr<Cluster> cluster = context.clusters.of(*check.cluster, context.open);
    result.cluster_version = kube::server_version(cluster->client(), context.cancel);
    if (!check.only_connectivity) {
      ask_identity(*cluster, context, result);
      ask_permissions(*cluster, check.namespace_name.empty() ? "default" : check.namespace_name, context, result);
    }
    result.summary = text::format("{} answers, version {}{}", cluster->client().server(), result.cluster_version,
                                  result.user_name.empty() ? "" : text::format(", as {}", result.user_name));
    finish(result, *context.log);
  } catch (const Error& error) {
    if (error.fault() == Fault::cancelled) throw;
    result.status =
        error.fault() == Fault::unavailable || error.fault() == Fault::timeout ? "Unavailable" : "Unhealthy";
    result.summary = error.message();
    context.log->error(error.message(), detail_text(error));
  }
  return CommandEnd::success(json::encode(result));
}

}  // namespace fairlead::executor
