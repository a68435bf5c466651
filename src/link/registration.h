// SPDX-License-Identifier: Apache-2.0
// How an executor becomes known: POST /agent/v1/register with a one-time token, once. The answer names it; from then on
// it proves its identity with the key whose public half it sent.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "json/type.h"

namespace fairlead::link {

inline constexpr std::string_view kRegisterPath = "/agent/v1/register";
inline constexpr std::size_t kMaxRegistrationBytes = 64 << 10;

// Header: Authorization: Bearer <token>.
struct RegistrationRequest {
  std::string kind = "agent";  // "agent": a Kubernetes target; "worker"
  std::string name;
  std::string space;                      // id, name or slug; empty: the default space
  std::vector<std::string> environments;  // ids, names or slugs; agents
  std::vector<std::string> roles;         // target tags; agents
  std::vector<std::string> worker_pools;  // workers
  std::string default_namespace;
  std::string public_key;  // base64, 32 bytes Ed25519
  std::string version;
  std::string host;
};
const json::Type& type_of(json::Tag<RegistrationRequest>);

// 201. A name that is taken by an executor with another key is 409; an unknown or used token 401. The same request with
// the same key and token again (the answer was lost) is answered the same while the token lives.
struct RegistrationAnswer {
  std::string executor;  // id to use in Hello
  std::string space;
  std::string server_public_key;  // base64; empty: the server does not sign
};
const json::Type& type_of(json::Tag<RegistrationAnswer>);

}  // namespace fairlead::link
