// SPDX-License-Identifier: Apache-2.0
#include "features/targets/registration.h"

#include "api/resource.h"
#include "base/bytes.h"
#include "features/environments/model.h"
#include "features/machine_policies/model.h"
#include "features/spaces/model.h"
#include "features/targets/model.h"
#include "link/registration.h"

namespace fairlead::features::targets {

namespace {

constexpr std::int64_t kTokenLifetimeUs = kHour;
constexpr std::size_t kTokenCharacters = 40;
constexpr std::size_t kKeyBytes = 32;

net::Response create_token(Services& services, const api::Context& context) {
  const std::string token = "AGENT-" + random_base32(kTokenCharacters);
  return services.api.store.write([&](store::Tx& tx) {
    RegistrationToken document;
    document.space_id = context.space_id();
    document.kind = "agent";
    document.token_hash = sha256_hex(token);
    document.created = tx.now();
    document.expires = tx.now() + kTokenLifetimeUs;
    services.api.documents.insert(tx, document);
    store::AuditEvent event = api::audit_event(context, "Created", "A registration token for an agent was created");
    store::append_audit(tx, event);
    std::string body = json::encode(document);
    body.pop_back();
    body += ",\"Token\":";
    json::append_string(body, token);
    body += "}";
    return api::created(std::move(body));
  });
}

RegistrationToken token_of(Services& services, const store::Tx& tx, const net::Request& request) {
  constexpr std::string_view kBearer = "Bearer ";
  const std::string_view header = request.headers.get("Authorization");
  if (!text::starts_with_ignoring_case(header, kBearer)) {
    throw Error(Fault::unauthenticated, "A registration needs a one-time token: Authorization: Bearer <token>.");
  }
  const std::string hash = sha256_hex(text::trim(header.substr(kBearer.size())));
  const auto token = services.api.documents.first<RegistrationToken>(tx, store::Query().where("TokenHash", hash));
  if (!token) throw Error(Fault::unauthenticated, "The registration token is not known.");
  if (token->expires < tx.now()) {
    throw Error(Fault::unauthenticated,
                text::format("The registration token expired at {}; make a new one.", iso8601(token->expires)));
  }
  return *token;
}

// The agent's environments may be ids, names or slugs; all must exist.
std::vector<std::string> environment_ids(Services& services, const store::Tx& tx, const std::string& space,
                                         const std::vector<std::string>& names) {
  if (names.empty()) throw invalid_at("environments", "an agent needs at least one environment (--environments)");
  std::vector<std::string> ids;
  for (const std::string& name : names) {
    ids.push_back(
        api::get_by_any_name<environments::Environment>(services.api.documents, tx, space, name, "environment")
            .id.str());
  }
  return ids;
}

Machine machine_of(Services& services, const store::Tx& tx, const std::string& space,
                   const link::RegistrationRequest& body) {
  Machine machine;
  machine.space_id = space;
  machine.name = body.name;
  machine.environment_ids = environment_ids(services, tx, space, body.environments);
  machine.roles = body.roles;
  if (machine.roles.empty()) throw invalid_at("roles", "an agent needs at least one target tag (--roles)");
  machine.public_key = body.public_key;
  machine.thumbprint = text::lower(sha256_hex(body.public_key)).substr(0, 40);
  const auto policy = services.api.documents.first<machine_policies::MachinePolicy>(
      tx, store::Query().in_space(space).where("IsDefault", true));
  if (policy) machine.machine_policy_id = policy->id.str();
  Endpoint& endpoint = machine.endpoint;
  endpoint.communication_style = kKubernetesAgent;
  machine.communication_style = kKubernetesAgent;
  endpoint.default_namespace = body.default_namespace;
  endpoint.agent.emplace();
  endpoint.agent->thumbprint = machine.thumbprint;
  endpoint.agent->uri = "poll://" + machine.thumbprint.substr(0, 20) + "/";
  endpoint.agent_details.emplace();
  endpoint.agent_details->agent_version = body.version;
  endpoint.agent_details->tentacle_version = body.version;
  return machine;
}

link::RegistrationAnswer answer_of(const Services& services, const std::string& executor, const std::string& space) {
  link::RegistrationAnswer answer;
  answer.executor = executor;
  answer.space = space;
  answer.server_public_key = base64(services.facts.link_public_key);
  return answer;
}

net::Response register_agent(Services& services, const api::Context& context) {
  const auto body = context.body<link::RegistrationRequest>();
  if (body.kind != "agent")
    throw Error(Fault::unsupported, "Only agents can be registered yet; workers beside the built-in one cannot.");
  if (body.name.empty()) throw invalid_at("name", "is required (--name)");
  if (parse_base64(body.public_key).value_or("").size() != kKeyBytes) {
    throw invalid_at("public_key", "must be base64 of a 32-byte Ed25519 public key");
  }
  return services.api.store.write([&](store::Tx& tx) {
    RegistrationToken token = token_of(services, tx, context.request());
    if (!token.used_for.empty()) {
      // The same agent asking again lost the answer; anyone else is too late.
      if (token.used_by_key == body.public_key)
        return api::created(json::encode(answer_of(services, token.used_for, token.space_id)));
      throw Error(Fault::unauthenticated, "The registration token was used already; make a new one.");
    }
    const std::string space =
        body.space.empty()
            ? token.space_id
            : api::get_by_any_name<spaces::Space>(services.api.documents, tx, {}, body.space, "space").id.str();
    if (space != token.space_id) throw Error(Fault::forbidden, "The registration token belongs to another space.");
    Machine machine = machine_of(services, tx, space, body);
    machine.slug = api::free_slug<Machine>(services.api.documents, tx, space, machine.name);
    services.api.documents.insert(tx, machine);
    token.used_by_key = body.public_key;
    token.used_for = machine.id.str();
    services.api.documents.update(tx, token);
    store::AuditEvent event =
        api::audit_event(context, "Created", text::format("The agent {} registered itself", machine.name));
    event.space = space;
    event.documents = {machine.id.str()};
    store::append_audit(tx, event);
    return api::created(json::encode(answer_of(services, machine.id.str(), space)));
  });
}

}  // namespace

void add_registration_rows(Services& services) {
  services.api.documents.add<RegistrationToken>({.table = "registration_token",
                                                 .id_prefix = "RegistrationTokens",
                                                 .noun = "registration token",
                                                 .sort = "Expires"});
  services.api.router.add({"POST", api::Scope::space, "/registrationtokens", "MachineCreate",
                           "Makes a one-time token with which an agent can register itself within an hour.",
                           [&services](api::Context& context) { return create_token(services, context); }});
  services.api.router.add({"POST", api::Scope::root, std::string(link::kRegisterPath), std::string(api::kAnonymous),
                           "An agent registers itself with a one-time token.",
                           [&services](api::Context& context) { return register_agent(services, context); }, false,
                           link::kMaxRegistrationBytes});
}

}  // namespace fairlead::features::targets
