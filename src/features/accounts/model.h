// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "json/type.h"

namespace fairlead::features::accounts {

// How a target authenticates. AccountType decides which of the secrets are used: Token, or Username and Password.
struct Account {
  Id<Account> id;
  std::string space_id, name, slug, description, account_type;
  std::vector<std::string> environment_ids, tenant_ids, tenant_tags;
  std::string tenanted_deployment_participation = "Untenanted";
  json::SensitiveValue token, password;
  std::string username;
};
const json::Type& type_of(json::Tag<Account>);

}  // namespace fairlead::features::accounts
