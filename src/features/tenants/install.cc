// SPDX-License-Identifier: Apache-2.0
// Tenants and tag sets: lists that are truthfully empty, because nothing can be created here yet. Clients ask for them
// on the way to other things.
#include "features/tenants/install.h"

#include "api/paging.h"
#include "base/error.h"
#include "base/text.h"

namespace fairlead::features::tenants {

namespace {

void add_empty(api::Router& router, const std::string& path, const std::string& item_type,
               const std::string& permission, const std::string& nouns) {
  router.add({"GET", api::Scope::space, path, permission + "View", "Lists " + nouns + ": there are none yet.",
              [item_type](api::Context& context) {
                return api::json_response(api::paged(context, item_type, {}, 0, api::page_of(context)));
              }});
  router.add({"GET", api::Scope::space, path + "/all", permission + "View", "All " + nouns + ": there are none yet.",
              [](api::Context&) { return api::json_response("[]"); }});
  router.add({"GET", api::Scope::space, path + "/{id}", permission + "View",
              "One of " + nouns + ": there are none yet.", [](api::Context& context) -> net::Response {
                throw not_found(text::format("The resource '{}' was not found.", context.parameter("id")));
              }});
  router.add({"POST", api::Scope::space, path, permission + "Create", "Not supported yet.",
              [nouns](api::Context&) -> net::Response {
                throw Error(Fault::unsupported, text::format("This server does not support {} yet.", nouns));
              }});
}

}  // namespace

void install(Services& services) {
  add_empty(services.api.router, "/tenants", "Tenant", "Tenant", "tenants");
  add_empty(services.api.router, "/tagsets", "TagSet", "TagSet", "tag sets");
}

}  // namespace fairlead::features::tenants
