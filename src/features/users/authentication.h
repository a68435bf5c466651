// SPDX-License-Identifier: Apache-2.0
// Who a request comes from: X-Octopus-ApiKey, ?apikey=, or Authorization: Bearer with an API key.
#pragma once

#include <string>

#include "features/services.h"
#include "features/users/model.h"

namespace fairlead::features::users {

// An empty key is anonymous; a wrong, expired or inactive one throws Error(unauthenticated).
api::Caller authenticate(Services& services, const net::RequestHead& request);

// "API-" and 32 characters of A-Z, 2-7.
std::string make_key();
// Adds a key for the user and returns its document; the plain key is in nobody's hands but the caller's.
ApiKey add_key(Services& services, store::Tx& tx, const User& user, const std::string& key, const std::string& purpose,
               Time expires);

}  // namespace fairlead::features::users
