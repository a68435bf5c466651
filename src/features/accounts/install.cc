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
    throw Error(Fault::unsupported, text::format("Accounts of type '{}' are not supported yet; use Token or UsernamePassword.",
                                                 text::shorten(incoming.account_type, 60)));
  }
}

}  // namespace

void install(Services& services) {
  services.api.documents.add<Account>({.table = "account", .id_prefix = "Accounts", .noun = "account"});
  api::Resource<Account> resource{
      .path = "/accounts", .item_type = "Account", .permission = "Account", .filters = {{"accountType", "AccountType"}}};
  resource.check = [](api::Context&, store::Tx&, Account& incoming, const Account*) { check(incoming); };
  resource.links = [](const Account& account) {
    const std::string self = "/api/" + account.space_id + "/accounts/" + account.id.str();
    return api::Links().add("Self", self).add("Usages", self + "/usages");
  };
  api::add_resource(services.api, std::move(resource));
}

}  // namespace fairlead::features::accounts
