// SPDX-License-Identifier: Apache-2.0
#include "features/targets/install.h"

#include <set>

#include "api/resource.h"
#include "domain/name_rules.h"
#include "features/environments/model.h"
#include "features/machine_policies/model.h"
#include "features/targets/model.h"
#include "features/targets/registration.h"
#include "features/targets/rules.h"
#include "net/http.h"

namespace fairlead::features::targets {

namespace {

void check_cluster_url(const Endpoint& endpoint) {
  const std::optional<net::Url> url = net::parse_url(endpoint.cluster_url);
  if (!url || (url->scheme != "https" && url->scheme != "http")) {
    throw invalid_at("Endpoint.ClusterUrl", text::format("must be the URL of a Kubernetes API such as https://10.0.0.1:6443, but is \"{}\"",
                                                         text::shorten(endpoint.cluster_url, 100)));
  }
  if (url->has_user) throw invalid_at("Endpoint.ClusterUrl", "must not contain a user or password; use an account");
}

void check_authentication(const Endpoint& endpoint) {
  const std::string type = endpoint.authentication ? endpoint.authentication->type : "";
  if (type == "KubernetesStandard" || type == "KubernetesCertificate" || type == "None") return;
  throw Error(Fault::unsupported,
              text::format("Endpoint.Authentication.AuthenticationType '{}' is not supported yet; use KubernetesStandard (an account of "
                           "type Token or UsernamePassword) or KubernetesCertificate.",
                           text::shorten(type, 60)));
}

void check(Services& services, store::Tx& tx, Machine& incoming, const Machine* stored, const std::string& space) {
  domain::require_name(incoming.name, "Name");
  const store::Documents& documents = services.api.documents;
  for (std::size_t i = 0; i < incoming.environment_ids.size(); ++i) {
    if (!documents.exists<environments::Environment>(tx, incoming.environment_ids[i])) {
      throw invalid_at(text::format("EnvironmentIds[{}]", i), text::format("there is no environment '{}'", incoming.environment_ids[i]));
    }
  }
  if (incoming.machine_policy_id.empty()) {
    const auto policy = documents.first<machine_policies::MachinePolicy>(tx, store::Query().in_space(space).where("IsDefault", true));
    if (policy) incoming.machine_policy_id = policy->id.str();
  }
  Endpoint& endpoint = incoming.endpoint;
  if (endpoint.communication_style == kKubernetes) {
    check_cluster_url(endpoint);
    check_authentication(endpoint);
    access_of(documents, tx, incoming);  // throws where account or certificate are missing
  } else if (endpoint.communication_style != kKubernetesAgent) {
    throw Error(Fault::unsupported, text::format("Targets of style '{}' are not supported; use Kubernetes or KubernetesTentacle.",
                                                 text::shorten(endpoint.communication_style, 60)));
  } else if (stored == nullptr) {
    throw invalid("An agent registers itself: make a token with POST registrationtokens and start fairlead agent with it.");
  }
  if (incoming.is_disabled) {
    incoming.status = "Disabled";
  } else if (incoming.status == "Disabled") {
    incoming.status = "Unknown";
  }
}

api::Resource<Machine> resource_of(Services& services) {
  api::Resource<Machine> resource{.path = "/machines",
                                  .item_type = "Machine",
                                  .permission = "Machine",
                                  .filters = {{"environmentIds", "EnvironmentIds"},
                                              {"healthStatuses", "HealthStatus"},
                                              {"roles", "Roles"},
                                              {"targetTags", "Roles"}}};
  resource.check = [&services](api::Context& context, store::Tx& tx, Machine& incoming, const Machine* stored) {
    check(services, tx, incoming, stored, context.space_id());
  };
  resource.written = [&services](api::Context&, store::Tx& tx, Machine& machine, bool) {
    if (!machine.is_disabled) return;
    tx.after_commit([&services, id = machine.id.str()] { services.hub.disconnect(id, "the target was disabled"); });
  };
  resource.removing = [&services](api::Context&, store::Tx& tx, const Machine& machine) {
    tx.after_commit([&services, id = machine.id.str()] { services.hub.disconnect(id, "the target was deleted"); });
  };
  resource.links = [](const Machine& machine) {
    const std::string self = "/api/" + machine.space_id + "/machines/" + machine.id.str();
    return api::Links()
        .add("Self", self)
        .add("Connection", self + "/connection")
        .add("Deployments", self + "/tasks{?skip,take,type}")
        .add("TasksTemplate", self + "/tasks{?skip,take,type}");
  };
  return resource;
}

// Every target tag in use, once, in order.
net::Response list_roles(Services& services, const api::Context& context) {
  return services.api.store.read([&](const store::Tx& tx) {
    std::set<std::string, text::LessIgnoringCase> roles;
    for (const Machine& machine : services.api.documents.all<Machine>(tx, store::Query().in_space(context.space_id()))) {
      roles.insert(machine.roles.begin(), machine.roles.end());
    }
    std::string body = "[";
    for (const std::string& role : roles) {
      if (body.size() > 1) body += ',';
      json::append_string(body, role);
    }
    return api::json_response(body + "]");
  });
}

}  // namespace

void install(Services& services) {
  services.api.documents.add<Machine>({.table = "machine", .id_prefix = "Machines", .noun = "deployment target"});
  api::add_resource(services.api, resource_of(services));
  services.api.router.add({"GET", api::Scope::space, "/machineroles/all", "MachineView", "Every target tag in use.",
                           [&services](api::Context& context) { return list_roles(services, context); }});
  for (const char* path : {"/machines/operatingsystem/names/all", "/machines/operatingsystem/shells/all"}) {
    services.api.router.add({"GET", api::Scope::space, path, "MachineView", "Operating systems or shells of targets: Kubernetes targets have none.",
                             [](api::Context&) { return api::json_response("[]"); }});
  }
  add_registration_rows(services);
}

}  // namespace fairlead::features::targets
