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
    throw invalid_at("Endpoint.ClusterUrl",
                     text::format("must be the URL of a Kubernetes API such as https://10.0.0.1:6443, but is \"{}\"",
                                  text::shorten(endpoint.cluster_url, 100)));
  }
  if (url->has_user) throw invalid_at("Endpoint.ClusterUrl", "must not contain a user or password; use an account");
}

void check_authentication(const Endpoint& endpoint) {
  const std::string type = endpoint.authentication ? endpoint.authentication->type : "";
  if (type == "KubernetesStandard" || type == "KubernetesCertificate" || type == "None") return;
  throw Error(
      Fault::unsupported,
      text::format(
          "Endpoint.Authentication.AuthenticationType '{}' is not supported yet; use KubernetesStandard (an account of "
          "type Token or UsernamePassword) or KubernetesCertificate.",
          text::shorten(type, 60)));
}

// What is known of a target's health belongs to its endpoint, and to the time in which it was enabled.
void follow_changes(Machine& incoming, const Machine* stored) {
  if (stored == nullptr) {
    forget_health(incoming, "Not checked yet.");
  } else if (incoming.endpoint.communication_style == kKubernetes &&
             json::encode(stored->endpoint) != json::encode(incoming.endpoint)) {
    ++incoming.endpoint_revision;
    forget_health(incoming, "Not checked since its endpoint was changed.");
  } else if (stored->is_disabled && !incoming.is_disabled) {
    forget_health(incoming, "Not checked since it was enabled.");
  } else if (incoming.is_disabled) {
    incoming.status = "Disabled";
  }
}

void check(Services& services, store::Tx& tx, Machine& incoming, const Machine* stored, const std::string& space) {
  domain::require_name(incoming.name, "Name");
  const store::Documents& documents = services.api.documents;
  for (std::size_t i = 0; i < incoming.environment_ids.size(); ++i) {
    if (!documents.exists<environments::Environment>(tx, incoming.environment_ids[i])) {
      throw invalid_at(text::format("EnvironmentIds[{}]", i),
                       text::format("there is no environment '{}'", incoming.environment_ids[i]));
    }
  }
  if (incoming.machine_policy_id.empty()) {
    const auto policy =
        documents.first<machine_policies::MachinePolicy>(tx, store::Query().in_space(space).where("IsDefault", true));
    if (policy) incoming.machine_policy_id = policy->id.str();
  }
  Endpoint& endpoint = incoming.endpoint;
  if (endpoint.communication_style == kKubernetes) {
    check_cluster_url(endpoint);
    check_authentication(endpoint);
    access_of(documents, tx, incoming);  // throws where account or certificate are missing
  } else if (endpoint.communication_style != kKubernetesAgent) {
    throw Error(Fault::unsupported,
                text::format("Targets of style '{}' are not supported; use Kubernetes or KubernetesTentacle.",
                             text::shorten(endpoint.communication_style, 60)));
  } else if (stored == nullptr) {
    throw invalid(
        "An agent registers itself: make a token with POST registrationtokens and start fairlead agent with it.");
  }
  incoming.communication_style = endpoint.communication_style;
  follow_changes(incoming, stored);
}

// What a list can be narrowed by: the parameter, and the field that must have one of its values.
const std::vector<std::pair<std::string, std::string>>& list_filters() {
  static const std::vector<std::pair<std::string, std::string>> filters = {
      {"environmentIds", "EnvironmentIds"},
      {"healthStatuses", "HealthStatus"},
      {"roles", "Roles"},
      {"targetTags", "Roles"},
      {"tenantIds", "TenantIds"},
      {"tenantTags", "TenantTags"},
      {"commStyles", "CommunicationStyle"},
      {"deploymentTargetTypes", "CommunicationStyle"},
      {"thumbprint", "Thumbprint"},
      {"shellNames", "ShellName"},
      {"operatingSystemNames", "OperatingSystem"}};
  return filters;
}

// Those filters that are no list of texts.
void narrow(const api::Context& context, store::Query& query) {
  if (const auto disabled = context.query("isDisabled"); disabled && !disabled->empty()) {
    const auto value = text::parse_bool(*disabled);
    if (!value)
      throw invalid_at("isDisabled",
                       text::format("must be true or false, but is \"{}\"", text::shorten(*disabled, 60)));
    query.where("IsDisabled", *value);
  }
  if (const auto deployment = context.query("deploymentId"); deployment && !deployment->empty()) {
    throw Error(Fault::unsupported,
                "The filter deploymentId is not supported yet; leave it out and look at the deployment's task.");
  }
}

api::Resource<Machine> resource_of(Services& services) {
  api::Resource<Machine> resource{
      .path = "/machines", .item_type = "Machine", .permission = "Machine", .filters = list_filters()};
  resource.narrow = narrow;
  resource.check = [&services](api::Context& context, store::Tx& tx, Machine& incoming, const Machine* stored) {
    check(services, tx, incoming, stored, context.space_id());
  };
  resource.written = [&services](api::Context&, store::Tx& tx, Machine& machine, bool created) {
    const bool wants_check = machine.health_status == kUnknown && !(created && machine.skip_initial_health_check);
    if (!machine.is_disabled && machine.endpoint.communication_style == kKubernetes && wants_check) {
      for (const auto& hook : services.target_to_check) hook(tx, machine);
    }
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
    for (const Machine& machine :
         services.api.documents.all<Machine>(tx, store::Query().in_space(context.space_id()))) {
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

// The targets of an environment and of a machine policy, with the filters of the whole list.
void add_rows_of_owners(Services& services, const std::shared_ptr<const api::Resource<Machine>>& resource) {
  const auto add = [&services, resource](const char* path, const char* field, auto find) {
    services.api.router.add({"GET", api::Scope::space, path, "MachineView", "Lists deployment targets of one owner.",
                             [&services, resource, field, find](api::Context& context) {
                               return services.api.store.read([&](const store::Tx& tx) {
                                 store::Query query = api::list_query(*resource, context);
                                 query.where(field, find(services.api.documents, tx, context).id.str());
                                 return api::list_page(services.api, *resource, context, tx, std::move(query));
                               });
                             }});
  };
  add("/environments/{id}/machines", "EnvironmentIds",
      [](const store::Documents& documents, const store::Tx& tx, const api::Context& context) {
        return api::get_in_space<environments::Environment>(documents, tx, context.space_id(), context.parameter("id"));
      });
  add("/machinepolicies/{id}/machines", "MachinePolicyId",
      [](const store::Documents& documents, const store::Tx& tx, const api::Context& context) {
        return api::get_in_space<machine_policies::MachinePolicy>(documents, tx, context.space_id(),
                                                                  context.parameter("id"));
      });
}

}  // namespace

void install(Services& services) {
  services.api.documents.add<Machine>({.table = "machine", .id_prefix = "Machines", .noun = "deployment target"});
  const auto resource = api::add_resource(services.api, resource_of(services));
  add_rows_of_owners(services, resource);
  services.api.router.add({"GET", api::Scope::space, "/machineroles/all", "MachineView", "Every target tag in use.",
                           [&services](api::Context& context) { return list_roles(services, context); }});
  for (const char* path : {"/machines/operatingsystem/names/all", "/machines/operatingsystem/shells/all"}) {
    services.api.router.add({"GET", api::Scope::space, path, "MachineView",
                             "Operating systems or shells of targets: Kubernetes targets have none.",
                             [](api::Context&) { return api::json_response("[]"); }});
  }
  services.api.router.add({"GET", api::Scope::space, "/machines/discover", "MachineCreate",
                           "Looks for a Tentacle or an SSH server: not supported.", [](api::Context&) -> net::Response {
                             throw Error(Fault::unsupported,
                                         "Only Kubernetes targets are supported: an agent registers itself, and a "
                                         "Kubernetes API target is created with its URL by POST machines.");
                           }});
  add_registration_rows(services);
}

}  // namespace fairlead::features::targets
