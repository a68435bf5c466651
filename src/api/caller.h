// SPDX-License-Identifier: Apache-2.0
// Who sends a request. Made once by the authenticator; handlers and the audit trail read it.
#pragma once

#include <functional>
#include <optional>
#include <string>

#include "net/http.h"

namespace fairlead::api {

struct Caller {
  std::string user_id;   // empty: anonymous
  std::string username;  // "system" for the server's own acts
  bool administrator = false;
  bool service = false;
  std::string established_with;  // "API key", "Session"
  std::string user_agent;
  std::string ip_address;
  bool anonymous() const { return user_id.empty(); }
};

// Looks at the credentials of a request. Anonymous when there are none; throws Error(unauthenticated) when they are
// wrong. Runs on a worker and may read the store. Thread-safe.
using Authenticator = std::function<Caller(const net::RequestHead&)>;

}  // namespace fairlead::api
