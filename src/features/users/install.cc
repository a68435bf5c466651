// SPDX-License-Identifier: Apache-2.0
#include "features/users/install.h"

#include <cstdio>

#include "api/resource.h"
#include "base/bytes.h"
#include "base/log.h"
#include "features/spaces/model.h"
#include "features/users/authentication.h"
#include "features/users/model.h"

namespace fairlead::features::users {

namespace {

std::string encode_user(const User& user, const std::string& caller_id) {
  std::string body = json::encode(user);
  body.pop_back();
  body += text::format(",\"IsRequestor\":{},\"CanPasswordBeEdited\":false,\"Identities\":[]}}",
                       user.id.str() == caller_id ? "true" : "false");
  const std::string self = "/api/users/" + user.id.str();
  return api::with_links(
      std::move(body), api::Links()
                           .add("Self", self)
                           .add("ApiKeys", self + "/apikeys{/id}{?skip,take}")
                           .add("Permissions", self + "/permissions{?spaces,includeSystem}")
                           .add("PermissionsConfiguration", self + "/permissions/configuration{?spaces,includeSystem}")
                           .add("Spaces", self + "/spaces")
                           .add("Teams", self + "/teams{?spaces,includeSystem}")
                           .add("Avatar", self + "/avatar"));
}

std::string encode_key(const ApiKey& key) {
  std::string body = json::encode(key);
  body.pop_back();
  body += ",\"ApiKey\":{\"HasValue\":true,\"NewValue\":null,\"Hint\":";
  json::append_string(body, key.hint);
  body += "}}";
  return api::with_links(std::move(body),
                         api::Links().add("Self", "/api/users/" + key.user_id + "/apikeys/" + key.id.str()));
}

// Every user may see and change their own; others only as administrator.
User user_of_path(Services& services, const store::Tx& tx, const api::Context& context) {
  const std::string& id = context.parameter("id");
  const std::string& own = context.caller().user_id;
  const bool self = text::equals_ignoring_case(id, "me") || id == own;
  if (!self && !context.caller().administrator) {
    throw Error(Fault::forbidden,
                "You do not have permission to perform this action. It needs the permission UserView.");
  }
  return services.api.documents.get<User>(tx, self ? own : id);
}

struct NewUser {
  std::string username, display_name, email_address, password;
  bool is_active = true, is_service = false;
};
const json::Type& type_of(json::Tag<NewUser>) {
  static const json::Type type = json::Type::of<NewUser>("User")
                                     .field("Username", &NewUser::username, json::required)
                                     .field("DisplayName", &NewUser::display_name)
                                     .field("EmailAddress", &NewUser::email_address)
                                     .field("Password", &NewUser::password)
                                     .field("IsActive", &NewUser::is_active)
                                     .field("IsService", &NewUser::is_service);
  return type;
}

net::Response create_user(Services& services, const api::Context& context) {
  const NewUser body = context.body<NewUser>();
  if (!body.password.empty()) {
    throw Error(Fault::unsupported,
                "Signing in with a password is not supported yet; create the user without Password and give it "
                "an API key.");
  }
  return services.api.store.write([&](store::Tx& tx) {
    User user;
    user.username = body.username;
    user.display_name = body.display_name.empty() ? body.username : body.display_name;
    user.email_address = body.email_address;
    user.is_active = body.is_active;
    user.is_service = body.is_service;
    services.api.documents.insert(tx, user);
    api::audit_created(tx, context, "User", user.id.str(), user.username);
    return api::created(encode_user(user, context.caller().user_id));
  });
}

net::Response replace_user(Services& services, const api::Context& context) {
  const NewUser body = context.body<NewUser>();
  return services.api.store.write([&](store::Tx& tx) {
    const User stored = services.api.documents.get<User>(tx, context.parameter("id"));
    User user = stored;
    user.username = body.username;
    user.display_name = body.display_name;
    user.email_address = body.email_address;
    user.is_active = body.is_active;
    if (stored.id.str() == context.caller().user_id && !user.is_active) {
      throw invalid_at("IsActive", "you cannot deactivate the user you are signed in as");
    }
    services.api.documents.update(tx, user);
    api::audit_modified(tx, context, "User", user.id.str(), user.username, store::difference(stored, user));
    return api::json_response(encode_user(user, context.caller().user_id));
  });
}

net::Response delete_user(Services& services, const api::Context& context) {
  return services.api.store.write([&](store::Tx& tx) {
    const User user = services.api.documents.get<User>(tx, context.parameter("id"));
    if (user.id.str() == context.caller().user_id) throw invalid("You cannot delete the user you are signed in as.");
    if (user.is_administrator &&
        services.api.documents.count<User>(tx, store::Query().where("IsAdministrator", true)) == 1) {
      throw invalid("The last administrator cannot be deleted.");
    }
    for (const ApiKey& key : services.api.documents.all<ApiKey>(tx, store::Query().where("UserId", user.id.str()))) {
      services.api.documents.remove(tx, key.id);
    }
    services.api.documents.remove(tx, user.id);
    api::audit_deleted(tx, context, "User", user.id.str(), user.username);
    return api::json_response("{}");
  });
}

net::Response create_key(Services& services, const api::Context& context) {
  const ApiKey body = context.body<ApiKey>();
  const std::string key = make_key();
  return services.api.store.write([&](store::Tx& tx) {
    const User user = user_of_path(services, tx, context);
    const ApiKey document = add_key(services, tx, user, key, body.purpose, body.expires);
    api::audit_created(tx, context, "API key of", user.id.str(), user.username);
    std::string answer = json::encode(document);
    answer.pop_back();
    answer += ",\"ApiKey\":";
    json::append_string(answer, key);
    answer += "}";
    return api::created(api::with_links(
        std::move(answer), api::Links().add("Self", "/api/users/" + user.id.str() + "/apikeys/" + document.id.str())));
  });
}

net::Response list_keys(Services& services, const api::Context& context) {
  const api::Page page = api::page_of(context);
  return services.api.store.read([&](const store::Tx& tx) {
    const User user = user_of_path(services, tx, context);
    store::Query query;
    query.where("UserId", user.id.str()).page(page.skip, page.take);
    const auto found = services.api.documents.list<ApiKey>(tx, query);
    std::vector<std::string> items;
    for (const ApiKey& key : found.items) items.push_back(encode_key(key));
    return api::json_response(api::paged(context, "ApiKey", items, found.total, page));
  });
}

ApiKey key_of_path(Services& services, const store::Tx& tx, const api::Context& context) {
  const User user = user_of_path(services, tx, context);
  ApiKey key = services.api.documents.get<ApiKey>(tx, context.parameter("keyId"));
  if (key.user_id != user.id.str()) throw not_found(text::format("The resource '{}' was not found.", key.id.str()));
  return key;
}

void add_user_rows(Services& services) {
  using api::Context;
  api::Router& router = services.api.router;
  const api::Scope system = api::Scope::system;
  router.add({"GET", system, "/users", "UserView", "Lists users.", [&services](Context& context) {
                const api::Page page = api::page_of(context);
                return services.api.store.read([&](const store::Tx& tx) {
                  store::Query query;
                  query.page(page.skip, page.take);
                  if (auto ids = context.query_list("ids"); !ids.empty()) query.ids = std::move(ids);
                  if (const auto filter = context.query("filter"); filter && !filter->empty())
                    query.containing("Username", *filter);
                  const auto found = services.api.documents.list<User>(tx, query);
                  std::vector<std::string> items;
                  for (const User& user : found.items) items.push_back(encode_user(user, context.caller().user_id));
                  return api::json_response(api::paged(context, "User", items, found.total, page));
                });
              }});
  router.add({"GET", system, "/users/all", "UserView", "All users as a plain array.", [&services](Context& context) {
                return services.api.store.read([&](const store::Tx& tx) {
                  std::vector<std::string> items;
                  for (const User& user : services.api.documents.all<User>(tx)) {
                    items.push_back(encode_user(user, context.caller().user_id));
                  }
                  return api::json_response(api::raw_array(items));
                });
              }});
  router.add({"GET", system, "/users/{id}", std::string(api::kSignedIn), "A user; \"me\" is the caller.",
              [&services](Context& context) {
                return services.api.store.read([&](const store::Tx& tx) {
                  return api::json_response(encode_user(user_of_path(services, tx, context), context.caller().user_id));
                });
              }});
  router.add({"POST", system, "/users", "UserEdit", "Creates a user.",
              [&services](Context& context) { return create_user(services, context); }});
  router.add({"PUT", system, "/users/{id}", "UserEdit", "Replaces a user.",
              [&services](Context& context) { return replace_user(services, context); }});
  router.add({"DELETE", system, "/users/{id}", "UserEdit", "Deletes a user.",
              [&services](Context& context) { return delete_user(services, context); }});
  router.add({"GET", system, "/users/{id}/spaces", std::string(api::kSignedIn), "The spaces a user can see.",
              [&services](Context& context) {
                return services.api.store.read([&](const store::Tx& tx) {
                  user_of_path(services, tx, context);
                  std::vector<std::string> items;
                  for (const spaces::Space& space : services.api.documents.all<spaces::Space>(tx))
                    items.push_back(json::encode(space));
                  return api::json_response(api::raw_array(items));
                });
              }});
}

void add_key_rows(Services& services) {
  using api::Context;
  api::Router& router = services.api.router;
  const std::string signed_in(api::kSignedIn);
  router.add({"GET", api::Scope::system, "/users/{id}/apikeys", signed_in, "Lists the API keys of a user.",
              [&services](Context& context) { return list_keys(services, context); }});
  router.add({"POST", api::Scope::system, "/users/{id}/apikeys", signed_in,
              "Makes an API key; the answer shows it once.",
              [&services](Context& context) { return create_key(services, context); }});
  router.add({"GET", api::Scope::system, "/users/{id}/apikeys/{keyId}", signed_in, "An API key of a user.",
              [&services](Context& context) {
                return services.api.store.read([&](const store::Tx& tx) {
                  return api::json_response(encode_key(key_of_path(services, tx, context)));
                });
              }});
  router.add({"DELETE", api::Scope::system, "/users/{id}/apikeys/{keyId}", signed_in, "Revokes an API key.",
              [&services](Context& context) {
                return services.api.store.write([&](store::Tx& tx) {
                  const ApiKey key = key_of_path(services, tx, context);
                  services.api.documents.remove(tx, key.id);
                  api::audit_deleted(tx, context, "API key", key.id.str(), key.purpose);
                  return api::json_response("{}");
                });
              }});
}

// The administrator exists from the first start on. A key that the environment presets is valid at every start; without
// one a key is made at the first start and shown once.
void seed(Services& services) {
  const std::string preset(services.facts.admin_api_key.reveal());
  std::string shown;
  services.api.store.write([&](store::Tx& tx) {
    shown.clear();
    store::Documents& documents = services.api.documents;
    std::optional<User> admin = documents.first<User>(tx, store::Query().where("IsAdministrator", true).by("Id"));
    const bool first_start = !admin;
    if (first_start) {
      admin.emplace();
      admin->username = "admin";
      admin->display_name = "Administrator";
      admin->is_administrator = true;
      documents.insert(tx, *admin);
    }
    if (!preset.empty()) {
      const bool known = documents.first<ApiKey>(tx, store::Query().where("KeyHash", sha256_hex(preset))).has_value();
      if (!known) add_key(services, tx, *admin, preset, "preset by the environment", Time{});
    } else if (first_start) {
      shown = make_key();
      add_key(services, tx, *admin, shown, "made at the first start", Time{});
    }
  });
  if (shown.empty()) return;
  std::printf("The administrator's API key, shown only this once: %s\n", shown.c_str());
  std::fflush(stdout);
}

}  // namespace

void install(Services& services) {
  services.api.documents.add<User>(
      {.table = "user", .id_prefix = "Users", .noun = "user", .space_scoped = false, .sort = "Username"});
  services.api.documents.add<ApiKey>({.table = "api_key",
                                      .id_prefix = "apikeys",
                                      .noun = "API key",
                                      .space_scoped = false,
                                      .sort = "Created",
                                      .history = true});
  services.authenticate = [&services](const net::RequestHead& request) { return authenticate(services, request); };
  add_user_rows(services);
  add_key_rows(services);
  services.starting.emplace_back([&services] { seed(services); });
}

}  // namespace fairlead::features::users
