// SPDX-License-Identifier: Apache-2.0
#include "features/machine_policies/install.h"

#include "api/resource.h"
#include "domain/name_rules.h"
#include "features/machine_policies/model.h"
#include "features/machine_policies/rules.h"

namespace fairlead::features::machine_policies {

namespace {

void take_default(json::Raw& incoming, const json::Raw& otherwise) {
  if (incoming.text.empty()) incoming = otherwise;
}

void complete(MachinePolicy& incoming) {
  static const MachinePolicy defaults = default_policy();
  if (!incoming.health_check) incoming.health_check = defaults.health_check;
  take_default(incoming.connectivity, defaults.connectivity);
  take_default(incoming.cleanup, defaults.cleanup);
  take_default(incoming.update, defaults.update);
  take_default(incoming.rpc_call_retry, defaults.rpc_call_retry);
  take_default(incoming.package_cache_retention, defaults.package_cache_retention);
}

void announce(const Services& services, store::Tx& tx, const MachinePolicy& policy, bool removed) {
  for (const auto& hook : services.machine_policy_written) hook(tx, policy.id.str(), removed);
}

}  // namespace

void install(Services& services) {
  services.api.documents.add<MachinePolicy>(
      {.table = "machine_policy", .id_prefix = "MachinePolicies", .noun = "machine policy"});
  api::Resource<MachinePolicy> resource{
      .path = "/machinepolicies", .item_type = "MachinePolicy", .permission = "MachinePolicy"};
  resource.check = [](api::Context&, store::Tx&, MachinePolicy& incoming, const MachinePolicy*) {
    domain::require_name(incoming.name, "Name");
    complete(incoming);
    check(incoming);
  };
  resource.written = [&services](api::Context&, store::Tx& tx, MachinePolicy& policy, bool) {
    announce(services, tx, policy, false);
  };
  resource.removing = [&services](api::Context&, store::Tx& tx, const MachinePolicy& policy) {
    if (policy.is_default) throw invalid("The default machine policy cannot be deleted.");
    announce(services, tx, policy, true);
  };
  resource.links = [](const MachinePolicy& policy) {
    const std::string self = "/api/" + policy.space_id + "/machinepolicies/" + policy.id.str();
    return api::Links().add("Self", self).add("Machines", self + "/machines").add("Workers", self + "/workers");
  };
  api::add_resource(services.api, std::move(resource));
  services.api.router.add({"GET", api::Scope::space, "/machinepolicies/template", "MachinePolicyView",
                           "A machine policy with every member at its default.", [](api::Context& context) {
                             MachinePolicy policy = default_policy();
                             policy.space_id = context.space_id();
                             return api::json_response(json::encode(policy));
                           }});
  services.space_created.emplace_back([&services](store::Tx& tx, const std::string& space) {
    MachinePolicy policy = default_policy();
    policy.space_id = space;
    policy.name = "Default Machine Policy";
    policy.is_default = true;
    services.api.documents.insert(tx, policy);
    announce(services, tx, policy, false);
  });
}

}  // namespace fairlead::features::machine_policies
