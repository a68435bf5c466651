// SPDX-License-Identifier: Apache-2.0
#include "features/worker_pools/install.h"

#include "api/resource.h"
#include "domain/name_rules.h"
#include "features/worker_pools/model.h"
#include "json/value.h"

namespace fairlead::features::worker_pools {

namespace {

void check(WorkerPool& incoming, const WorkerPool* stored) {
  domain::require_name(incoming.name, "Name");
  if (incoming.worker_pool_type.empty()) incoming.worker_pool_type = "StaticWorkerPool";
  if (incoming.worker_pool_type != "StaticWorkerPool") {
    throw Error(Fault::unsupported,
                "Dynamic worker pools are a service of Octopus Cloud; use WorkerPoolType StaticWorkerPool.");
  }
  if (stored != nullptr && stored->is_default != incoming.is_default) {
    throw invalid_at("IsDefault", "cannot be changed: the default worker pool of a space stays the default");
  }
  if (stored == nullptr) incoming.is_default = false;
}

// What /workerpools/all answers: a shorter item than the resource.
net::Response list_all(Services& services, const api::Context& context) {
  return services.api.store.read([&](const store::Tx& tx) {
    std::vector<std::string> items;
    for (const WorkerPool& pool :
         services.api.documents.all<WorkerPool>(tx, store::Query().in_space(context.space_id()))) {
      std::string item = "{\"Id\":";
      json::append_string(item, pool.id.str());
      item += ",\"Name\":";
      json::append_string(item, pool.name);
      item += ",\"Slug\":";
      json::append_string(item, pool.slug);
      item += text::format(",\"IsDefault\":{},\"WorkerPoolType\":\"StaticWorkerPool\",\"CanAddWorkers\":true}}",
                           pool.is_default);
      items.push_back(std::move(item));
    }
    return api::json_response(api::raw_array(items));
  });
}

net::Response reorder(Services& services, const api::Resource<WorkerPool>& resource, const api::Context& context) {
  const json::Value ids = json::parse(context.body_text(), "the list of worker pool ids");
  if (!ids.is_array()) throw invalid("The body must be an array of worker pool ids in their new order.");
  return services.api.store.write([&](store::Tx& tx) {
    int order = 0;
    std::vector<std::string> items;
    for (const json::Value& id : ids.get_array()) {
      if (!id.is_string()) throw invalid_at(text::format("[{}]", order), "must be the id of a worker pool");
      auto pool =
          api::get_in_space<WorkerPool>(services.api.documents, tx, context.space_id(), json::view(id.get_string()));
      pool.sort_order = order++;
      services.api.documents.update(tx, pool);
      items.push_back(api::encode_resource(resource, tx, std::move(pool)));
    }
    return api::json_response(api::raw_array(items));
  });
}

}  // namespace

void install(Services& services) {
  services.api.documents.add<WorkerPool>(
      {.table = "worker_pool", .id_prefix = "WorkerPools", .noun = "worker pool", .sort = "SortOrder"});
  api::Resource<WorkerPool> resource{
      .path = "/workerpools", .item_type = "WorkerPool", .permission = "Worker", .has_all = false};
  resource.check = [](api::Context&, store::Tx&, WorkerPool& incoming, const WorkerPool* stored) {
    check(incoming, stored);
  };
  resource.removing = [](api::Context&, store::Tx&, const WorkerPool& pool) {
    if (pool.is_default) throw invalid("The default worker pool cannot be deleted.");
  };
  resource.links = [](const WorkerPool& pool) {
    const std::string self = "/api/" + pool.space_id + "/workerpools/" + pool.id.str();
    return api::Links()
        .add("Self", self)
        .add("Workers", self + "/workers{?skip,take,partialName,isDisabled,healthStatuses}");
  };
  const auto shared = api::add_resource(services.api, std::move(resource));
  services.api.router.add({"PUT", api::Scope::space, "/workerpools/sortorder", "WorkerEdit",
                           "Puts worker pools in order.",
                           [&services, shared](api::Context& context) { return reorder(services, *shared, context); }});
  services.api.router.add({"GET", api::Scope::space, "/workerpools/all", "WorkerView",
                           "All worker pools as a plain array.",
                           [&services](api::Context& context) { return list_all(services, context); }});
  services.api.router.add({"GET", api::Scope::space, "/workerpools/supportedtypes", "WorkerView",
                           "The types of worker pools.",
                           [](api::Context&) { return api::json_response(R"(["StaticWorkerPool"])"); }});
  services.api.router.add({"GET", api::Scope::space, "/workerpools/dynamicworkertypes", "WorkerView",
                           "Types of dynamic workers: none.", [](api::Context&) { return api::json_response("[]"); }});
  services.space_created.emplace_back([&services](store::Tx& tx, const std::string& space) {
    WorkerPool pool;
    pool.space_id = space;
    pool.name = "Default Worker Pool";
    pool.slug = api::free_slug<WorkerPool>(services.api.documents, tx, space, pool.name);
    pool.is_default = true;
    services.api.documents.insert(tx, pool);
  });
}

}  // namespace fairlead::features::worker_pools
