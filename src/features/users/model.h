// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "json/type.h"

namespace fairlead::features::users {

struct User {
  Id<User> id;
  std::string username, display_name, email_address;
  bool is_active = true, is_service = false;
  bool is_administrator = false;  // stored only: a member of teams-administrators
  std::string password_hash;      // Argon2id; empty: no password
  json::Extra extra;
  const std::string& name_for_texts() const { return display_name.empty() ? username : display_name; }
};
const json::Type& type_of(json::Tag<User>);

struct ApiKey {
  Id<ApiKey> id;
  std::string user_id, purpose;
  std::string key_hash;  // SHA-256 of the key: it has 160 random bits, so no slow hash is needed
  std::string hint;      // its first characters, to tell keys apart
  Time created, expires;
};
const json::Type& type_of(json::Tag<ApiKey>);

}  // namespace fairlead::features::users
