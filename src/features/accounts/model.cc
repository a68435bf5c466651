// SPDX-License-Identifier: Apache-2.0
#include "features/accounts/model.h"

namespace fairlead::features::accounts {

const json::Type& type_of(json::Tag<Account>) {
  static const json::Type type =
      json::Type::of<Account>("Account")
          .field("Id", &Account::id, json::read_only)
          .field("AccountType", &Account::account_type, json::required | json::indexed | json::create_only)
          .field("Token", &Account::token, json::omit_when_empty)
          .field("Username", &Account::username, json::omit_when_empty)
          .field("Password", &Account::password, json::omit_when_empty)
          .field("Name", &Account::name, json::required | json::unique_in_space)
          .field("Slug", &Account::slug, json::indexed)
          .field("Description", &Account::description)
          .field("EnvironmentIds", &Account::environment_ids, json::refers)
          .field("TenantedDeploymentParticipation", &Account::tenanted_deployment_participation)
          .field("TenantIds", &Account::tenant_ids)
          .field("TenantTags", &Account::tenant_tags)
          .field("SpaceId", &Account::space_id, json::indexed | json::read_only);
  return type;
}

}  // namespace fairlead::features::accounts
