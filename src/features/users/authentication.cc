// SPDX-License-Identifier: Apache-2.0
#include "features/users/authentication.h"

#include "base/bytes.h"
#include "base/error.h"
#include "base/text.h"

namespace fairlead::features::users {

namespace {

constexpr std::size_t kKeyCharacters = 32;
constexpr std::size_t kHintCharacters = 8;
constexpr std::string_view kKeyPrefix = "API-";

std::string key_of(const net::RequestHead& request) {
  if (const std::string* header = request.headers.find("X-Octopus-ApiKey")) return std::string(text::trim(*header));
  constexpr std::string_view kBearer = "Bearer ";
  const std::string_view authorization = request.headers.get("Authorization");
  if (text::starts_with_ignoring_case(authorization, kBearer)) {
    // Other bearers, such as the token of an agent that registers itself, are for the endpoint to judge.
    const std::string_view bearer = text::trim(authorization.substr(kBearer.size()));
    if (bearer.starts_with(kKeyPrefix)) return std::string(bearer);
  }
  return net::query_value(request.query, "apikey").value_or("");
}

}  // namespace

std::string make_key() { return std::string(kKeyPrefix) + random_base32(kKeyCharacters); }

ApiKey add_key(Services& services, store::Tx& tx, const User& user, const std::string& key, const std::string& purpose,
               Time expires) {
  ApiKey document;
  document.user_id = user.id.str();
  document.purpose = purpose;
  document.key_hash = sha256_hex(key);
  document.hint = key.substr(0, kHintCharacters);
  document.created = tx.now();
  document.expires = expires;
  services.api.documents.insert(tx, document);
  return document;
}

api::Caller authenticate(Services& services, const net::RequestHead& request) {
  api::Caller caller;
  caller.user_agent = text::shorten(request.headers.get("User-Agent"), 200);
  caller.ip_address = request.peer_address;
  const std::string key = key_of(request);
  if (key.empty()) return caller;
  services.api.store.read([&](const store::Tx& tx) {
    const store::Documents& documents = services.api.documents;
    const std::optional<ApiKey> found = documents.first<ApiKey>(tx, store::Query().where("KeyHash", sha256_hex(key)));
    if (!found) {
      throw Error(Fault::unauthenticated, "The API key is not valid.")
          .with_help("Make a new key under your profile, or ask an administrator; keys look like API-XXXXXXXX.");
    }
    if (found->expires.us != 0 && found->expires < tx.now()) {
      throw Error(Fault::unauthenticated,
                  text::format("The API key '{}' expired at {}.", found->purpose, iso8601(found->expires)));
    }
    const User user = documents.get<User>(tx, found->user_id);
    if (!user.is_active) throw Error(Fault::unauthenticated, text::format("The user {} is not active.", user.username));
    caller.user_id = user.id.str();
    caller.username = user.username;
    caller.administrator = user.is_administrator;
    caller.service = user.is_service;
    caller.established_with = text::format("API key ({})", found->hint);
  });
  return caller;
}

}  // namespace fairlead::features::users
