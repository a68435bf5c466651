// SPDX-License-Identifier: Apache-2.0
#include "features/variables/rules.h"

#include <map>

#include "base/bytes.h"
#include "base/error.h"
#include "base/text.h"
#include "features/common/snapshot_id.h"

namespace fairlead::features::variables {

namespace {

domain::VariableScope scope_to_domain(const VariableScope& scope) {
  domain::VariableScope out;
  out.environments = scope.environment;
  out.machines = scope.machine;
  out.roles = scope.role;
  out.actions = scope.action;
  out.channels = scope.channel;
  out.tenant_tags = scope.tenant_tag;
  out.process_owners = scope.process_owner;
  return out;
}

std::string identity(const Variable& variable) { return text::lower(variable.name) + json::encode(variable.scope); }

bool is_sensitive_type(const Variable& variable) { return variable.is_sensitive || variable.type == "Sensitive"; }

// `same_id`: the client knows the stored variable, so that an empty text from it means that it was not shown the value.
void complete_secret(Variable& variable, const Variable* stored, bool same_id) {
  variable.is_sensitive = is_sensitive_type(variable);
  if (!variable.is_sensitive) {
    variable.secret = {};
    if (variable.type == "Sensitive") variable.type = "String";
    return;
  }
  variable.type = "Sensitive";
  // Clients to whom null is the same as "" send every secret of the set back as "" when they change another variable.
  const bool keeps = same_id && variable.value && variable.value->empty() && !stored->secret.sealed.empty();
  if (keeps) variable.value.reset();
  if (variable.value) {
    variable.secret = {};
    variable.secret.has_value = true;
    variable.secret.new_value = Secret(*variable.value);
    variable.value.reset();
  } else if (stored != nullptr) {
    variable.secret = stored->secret;
  }
}

void validate(const std::vector<Variable>& variables) {
  std::vector<domain::Variable> plain;
  for (const Variable& variable : variables) {
    domain::Variable& made = plain.emplace_back();
    made.name = variable.name;
    made.value = variable.value.value_or("");
    made.type = variable.type;
    made.sensitive = variable.is_sensitive;
    made.scope = scope_to_domain(variable.scope);
  }
  domain::validate_variables(plain);
}

std::string digest_of(const std::vector<Variable>& variables) {
  std::string content;
  for (const Variable& variable : variables) {
    json::encode_into(type_of(json::Tag<Variable>{}), &variable, json::Mode::store, content);
  }
  return sha256_hex(content);
}

}  // namespace

void complete_variables(std::vector<Variable>& variables, const std::vector<Variable>& stored) {
  std::map<std::string, const Variable*> by_id;
  std::map<std::string, const Variable*> by_identity;
  for (const Variable& variable : stored) {
    by_id.emplace(variable.id, &variable);
    by_identity.emplace(identity(variable), &variable);
  }
  for (Variable& variable : variables) {
    const Variable* before = nullptr;
    bool same_id = false;
    if (const auto found = by_id.find(variable.id); found != by_id.end()) {
      before = found->second;
      same_id = true;
    } else if (const auto same = by_identity.find(identity(variable));
               same != by_identity.end() && variable.id.empty()) {
      before = same->second;
      variable.id = before->id;
    }
    if (variable.id.empty()) variable.id = random_uuid();
    complete_secret(variable, before, same_id);
  }
  validate(variables);
}

domain::VariableScope to_domain(const VariableScope& scope) { return scope_to_domain(scope); }

bool is_current(const store::Documents& documents, const store::Tx& tx, const VariableSnapshot& snapshot) {
  const auto set = documents.find<VariableSet>(tx, "variableset-" + snapshot.owner_id);
  return set && digest_of(set->variables) == snapshot.digest;
}

VariableSnapshot take_snapshot(store::Documents& documents, store::Tx& tx, const std::string& owner) {
  VariableSet set = documents.get<VariableSet>(tx, "variableset-" + owner);
  const std::string digest = digest_of(set.variables);
  std::optional<VariableSnapshot> existing =
      documents.first<VariableSnapshot>(tx, store::Query().where("OwnerId", owner).where("Digest", digest));
  if (existing) return *std::move(existing);
  VariableSnapshot snapshot;
  snapshot.id = Id<VariableSnapshot>(snapshot_id(set.id.str(), set.version, digest));
  snapshot.space_id = set.space_id;
  snapshot.owner_id = owner;
  snapshot.digest = digest;
  snapshot.version_taken = set.version;
  snapshot.variables = set.variables;
  documents.insert(tx, snapshot);
  return snapshot;
}

std::vector<domain::Variable> to_domain(const std::vector<Variable>& variables, const store::Sealer& sealer,
                                        const std::string& set_name) {
  std::vector<domain::Variable> out;
  for (const Variable& variable : variables) {
    domain::Variable& made = out.emplace_back();
    made.id = variable.id;
    made.name = variable.name;
    made.type = variable.type;
    made.sensitive = variable.is_sensitive;
    made.value = variable.value.value_or("");
    if (variable.is_sensitive && !variable.secret.sealed.empty())
      made.value = sealer.unseal(variable.secret.sealed).reveal();
    made.scope = scope_to_domain(variable.scope);
    made.set_name = set_name;
  }
  return out;
}

}  // namespace fairlead::features::variables
