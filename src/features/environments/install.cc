// SPDX-License-Identifier: Apache-2.0
#include "features/environments/install.h"

#include "api/resource.h"
#include "domain/name_rules.h"
#include "features/environments/model.h"
#include "json/value.h"

namespace fairlead::features::environments {

namespace {

int next_sort_order(const store::Documents& documents, const store::Tx& tx, const std::string& space) {
  const std::optional<Environment> last =
      documents.first<Environment>(tx, store::Query().in_space(space).by("SortOrder", true));
  return last ? last->sort_order + 1 : 0;
}

api::Resource<Environment> resource_of(Services& services) {
  api::Resource<Environment> resource{.path = "/environments", .item_type = "Environment", .permission = "Environment"};
  resource.check = [&services](api::Context& context, store::Tx& tx, Environment& incoming, const Environment* stored) {
    domain::require_name(incoming.name, "Name");
    if (stored == nullptr && incoming.sort_order == 0) {
      incoming.sort_order = next_sort_order(services.api.documents, tx, context.space_id());
    }
  };
  resource.links = [](const Environment& environment) {
    const std::string self = "/api/" + environment.space_id + "/environments/" + environment.id.str();
    return api::Links()
        .add("Self", self)
        .add("Machines",
             self + "/machines{?skip,take,partialName,roles,isDisabled,healthStatuses,commStyles,tenantIds,tenantTags}")
        .add("SinglyScopedVariableDetails", self + "/singlyScopedVariableDetails")
        .add("Metadata", self + "/metadata");
  };
  return resource;
}

net::Response list_v2(Services& services, const api::Resource<Environment>& resource, api::Context& context) {
  const api::Page page = api::page_of(context);
  return services.api.store.read([&](const store::Tx& tx) {
    // Every environment here is static: a question for other types is answered truthfully with none.
    const std::string type = context.query("type").value_or("Static");
    std::vector<std::string> items;
    std::int64_t total = 0;
    if (text::equals_ignoring_case(type, "Static") || type.empty()) {
      store::Query query = api::list_query(resource, context);
      store::Page<Environment> found = services.api.documents.list<Environment>(tx, query.page(page.skip, page.take));
      total = found.total;
      for (Environment& environment : found.items) {
        std::string item = api::encode_resource(resource, tx, std::move(environment));
        item.insert(1, "\"Type\":\"Static\",");
        items.push_back(std::move(item));
      }
    }
    return api::json_response(api::paged(context, "Environment", items, total, page));
  });
}

net::Response reorder(Services& services, const api::Resource<Environment>& resource, api::Context& context) {
  const json::Value ids = json::parse(context.body_text(), "the list of environment ids");
  if (!ids.is_array()) throw invalid("The body must be an array of environment ids in their new order.");
  return services.api.store.write([&](store::Tx& tx) {
    int order = 0;
    std::vector<std::string> items;
    for (const json::Value& id : ids.get_array()) {
      if (!id.is_string()) throw invalid_at(text::format("[{}]", order), "must be an environment id");
      Environment environment =
          api::get_in_space<Environment>(services.api.documents, tx, context.space_id(), json::view(id.get_string()));
      environment.sort_order = order++;
      services.api.documents.update(tx, environment);
      items.push_back(api::encode_resource(resource, tx, std::move(environment)));
    }
    return api::json_response(api::raw_array(items));
  });
}

}  // namespace

void install(Services& services) {
  services.api.documents.add<Environment>(
      {.table = "environment", .id_prefix = "Environments", .noun = "environment", .sort = "SortOrder"});
  const auto resource = api::add_resource(services.api, resource_of(services));
  services.api.router.add(
      {"GET", api::Scope::space, "/environments/v2", "EnvironmentView", "Lists environments of all types.",
       [&services, resource](api::Context& context) { return list_v2(services, *resource, context); }});
  services.api.router.add(
      {"PUT", api::Scope::space, "/environments/sortorder", "EnvironmentEdit", "Puts environments in order.",
       [&services, resource](api::Context& context) { return reorder(services, *resource, context); }});
}

}  // namespace fairlead::features::environments
