// SPDX-License-Identifier: Apache-2.0
#include "features/lifecycles/install.h"

#include "api/resource.h"
#include "base/bytes.h"
#include "domain/name_rules.h"
#include "features/lifecycles/model.h"
#include "features/lifecycles/rules.h"

namespace fairlead::features::lifecycles {

namespace {

void complete_period(std::optional<RetentionPeriod>& period) {
  if (!period || !period->strategy.empty()) return;
  period->strategy = period->should_keep_forever ? "Forever" : "Count";
}

void check(Services& services, store::Tx& tx, Lifecycle& incoming, const std::string& space) {
  domain::require_name(incoming.name, "Name");
  if (!incoming.release_retention_policy) incoming.release_retention_policy = RetentionPeriod{"Default"};
  if (!incoming.tentacle_retention_policy) incoming.tentacle_retention_policy = RetentionPeriod{"Default"};
  complete_period(incoming.release_retention_policy);
  complete_period(incoming.tentacle_retention_policy);
  for (Phase& phase : incoming.phases) {
    if (phase.id.empty()) phase.id = random_uuid();
    complete_period(phase.release_retention_policy);
    complete_period(phase.tentacle_retention_policy);
  }
  domain::validate(to_domain(incoming), environments_of(services.api.documents, tx, space));
}

api::Resource<Lifecycle> resource_of(Services& services) {
  api::Resource<Lifecycle> resource{.path = "/lifecycles", .item_type = "Lifecycle", .permission = "Lifecycle"};
  resource.check = [&services](api::Context& context, store::Tx& tx, Lifecycle& incoming, const Lifecycle*) {
    check(services, tx, incoming, context.space_id());
  };
  resource.removing = [&services](api::Context&, store::Tx& tx, const Lifecycle& lifecycle) {
    if (services.api.documents.count<Lifecycle>(tx, store::Query().in_space(lifecycle.space_id)) == 1) {
      throw invalid("The last lifecycle of a space cannot be deleted.");
    }
  };
  resource.links = [](const Lifecycle& lifecycle) {
    const std::string self = "/api/" + lifecycle.space_id + "/lifecycles/" + lifecycle.id.str();
    return api::Links().add("Self", self).add("Preview", self + "/preview").add("Projects", self + "/projects");
  };
  return resource;
}

// The lifecycle with what it leaves open written out: phases without environments get those that apply.
net::Response preview(Services& services, const api::Resource<Lifecycle>& resource, const api::Context& context) {
  return services.api.store.read([&](const store::Tx& tx) {
    const store::Documents& documents = services.api.documents;
    auto lifecycle = api::get_in_space<Lifecycle>(documents, tx, context.space_id(), context.parameter("id"));
    std::vector<Phase> phases;
    for (const domain::EffectivePhase& effective :
         domain::effective_phases(to_domain(lifecycle), environments_of(documents, tx, context.space_id()))) {
      Phase& phase = phases.emplace_back();
      for (const Phase& stored : lifecycle.phases) {
        if (stored.id == effective.phase.id) phase = stored;
      }
      phase.id = effective.phase.id;
      phase.name = effective.phase.name;
      if (phase.automatic_deployment_targets.empty() && phase.optional_deployment_targets.empty()) {
        phase.optional_deployment_targets = effective.environments;
      }
    }
    lifecycle.phases = std::move(phases);
    return api::json_response(api::encode_resource(resource, tx, std::move(lifecycle)));
  });
}

}  // namespace

void install(Services& services) {
  services.api.documents.add<Lifecycle>({.table = "lifecycle", .id_prefix = "Lifecycles", .noun = "lifecycle"});
  const auto resource = api::add_resource(services.api, resource_of(services));
  services.api.router.add({"GET", api::Scope::space, "/lifecycles/{id}/preview", "LifecycleView",
                           "A lifecycle with all phases written out.", [&services, resource](api::Context& context) {
                             return preview(services, *resource, context);
                           }});
  services.space_created.emplace_back([&services](store::Tx& tx, const std::string& space) {
    Lifecycle lifecycle;
    lifecycle.space_id = space;
    lifecycle.name = "Default Lifecycle";
    lifecycle.slug = api::free_slug<Lifecycle>(services.api.documents, tx, space, lifecycle.name);
    lifecycle.release_retention_policy = RetentionPeriod{"Default"};
    lifecycle.tentacle_retention_policy = RetentionPeriod{"Default"};
    services.api.documents.insert(tx, lifecycle);
  });
}

}  // namespace fairlead::features::lifecycles
