// SPDX-License-Identifier: Apache-2.0
#include "features/accounts/install.h"

#include "api/resource.h"
#include "domain/name_rules.h"
#include "features/accounts/model.h"

namespace fairlead::features::accounts {

namespace {

void check(Account& incoming) {
  domain::require_name(incoming.name, "Name");
  if (incoming.account_type == "Token") {
    if (!incoming.token.has_value) throw invalid_at("Token", "is required for an account of type Token");
  } else if (incoming.account_type == "UsernamePassword") {
    if (incoming.username.empty()) throw invalid_at("Username", "is required for an account of type UsernamePassword");
  } else {
    throw Error(Fault::unsupported,
                text::format("Accounts of type '{}' are not supported yet; use Token or UsernamePassword.",
                             text::shorten(incoming.account_type, 60)));
  }
}

// What uses an account. Only targets can, today; the other lists are what clients expect to find.
net::Response usages(const Services& services, const api::Context& context) {
  return services.api.store.read([&](const store::Tx& tx) {
    const store::Documents& documents = services.api.documents;
    const Account account = api::get_in_space<Account>(documents, tx, context.space_id(), context.parameter("id"));
    std::vector<std::string> targets;
    for (const store::Usage& usage : documents.usages(tx, account.id.str())) {
      if (!text::starts_with_ignoring_case(usage.owner, "Machines-")) continue;
      std::string item = "{\"TargetId\":";
      json::append_string(item, usage.owner);
      item += ",\"TargetName\":";
      json::append_string(item, usage.owner_name);
      targets.push_back(item + "}");
    }
    return api::json_response(
        "{\"DeploymentProcesses\":[],\"LibraryVariableSets\":[],\"ProjectVariableSets\":[],\"Releases\":[],"
        "\"RunbookProcesses\":[],\"RunbookSnapshots\":[],\"Targets\":" +
        api::raw_array(targets) + "}");
  });
}

}  // namespace

void install(Services& services) {
  services.api.documents.add<Account>({.table = "account", .id_prefix = "Accounts", .noun = "account"});
  api::Resource<Account> resource{.path = "/accounts",
                                  .item_type = "Account",
                                  .permission = "Account",
                                  .filters = {{"accountType", "AccountType"}}};
  resource.check = [](api::Context&, store::Tx&, Account& incoming, const Account*) { check(incoming); };
  resource.links = [](const Account& account) {
    const std::string self = "/api/" + account.space_id + "/accounts/" + account.id.str();
    return api::Links().add("Self", self).add("Usages", self + "/usages");
  };
  api::add_resource(services.api, std::move(resource));
  services.api.router.add({"GET", api::Scope::space, "/accounts/{id}/usages", "AccountView", "What uses an account.",
                           [&services](api::Context& context) { return usages(services, context); }});
}

}  // namespace fairlead::features::accounts
