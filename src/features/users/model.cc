// SPDX-License-Identifier: Apache-2.0
#include "features/users/model.h"

namespace fairlead::features::users {

const json::Type& type_of(json::Tag<User>) {
  static const json::Type type =
      json::Type::of<User>("User")
          .field("Id", &User::id, json::read_only)
          .field("Username", &User::username, json::required | json::unique_in_space)
          .field("DisplayName", &User::display_name, json::indexed)
          .field("IsActive", &User::is_active, json::indexed)
          .field("IsService", &User::is_service)
          .field("EmailAddress", &User::email_address, json::null_when_empty)
          .field("IsAdministrator", &User::is_administrator, json::stored_only | json::indexed)
          .field("PasswordHash", &User::password_hash, json::stored_only);
  return type;
}

const json::Type& type_of(json::Tag<ApiKey>) {
  static const json::Type type = json::Type::of<ApiKey>("ApiKey")
                                     .field("Id", &ApiKey::id, json::read_only)
                                     .field("Purpose", &ApiKey::purpose)
                                     .field("UserId", &ApiKey::user_id, json::read_only | json::indexed | json::refers)
                                     .field("KeyHash", &ApiKey::key_hash, json::stored_only | json::indexed)
                                     .field("Hint", &ApiKey::hint, json::stored_only)
                                     .field("Created", &ApiKey::created, json::read_only | json::indexed)
                                     .field("Expires", &ApiKey::expires, json::null_when_empty);
  return type;
}

}  // namespace fairlead::features::users
