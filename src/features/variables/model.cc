// SPDX-License-Identifier: Apache-2.0
#include "features/variables/model.h"

namespace fairlead::features::variables {

const json::Type& type_of(json::Tag<VariableScope>) {
  static const json::Type type = json::Type::of<VariableScope>("ScopeSpecification")
                                     .field("Environment", &VariableScope::environment, json::omit_when_empty)
                                     .field("Machine", &VariableScope::machine, json::omit_when_empty)
                                     .field("Role", &VariableScope::role, json::omit_when_empty)
                                     .field("Action", &VariableScope::action, json::omit_when_empty)
                                     .field("Channel", &VariableScope::channel, json::omit_when_empty)
                                     .field("TenantTag", &VariableScope::tenant_tag, json::omit_when_empty)
                                     .field("ProcessOwner", &VariableScope::process_owner, json::omit_when_empty);
  return type;
}

const json::Type& type_of(json::Tag<Variable>) {
  static const json::Type type = json::Type::of<Variable>("Variable")
                                     .field("Id", &Variable::id)
                                     .field("Name", &Variable::name)
                                     .field("Value", &Variable::value)
                                     .field("Description", &Variable::description, json::null_when_empty)
                                     .field("Type", &Variable::type)
                                     .field("Scope", &Variable::scope)
                                     .field("IsEditable", &Variable::is_editable)
                                     .field("Prompt", &Variable::prompt, json::null_when_empty)
                                     .field("IsSensitive", &Variable::is_sensitive)
                                     .field("Secret", &Variable::secret, json::stored_only | json::omit_when_empty);
  return type;
}

const json::Type& type_of(json::Tag<VariableSet>) {
  static const json::Type type = json::Type::of<VariableSet>("VariableSet")
                                     .field("Id", &VariableSet::id, json::read_only)
                                     .field("OwnerId", &VariableSet::owner_id, json::read_only | json::indexed)
                                     .field("Version", &VariableSet::version)
                                     .field("Variables", &VariableSet::variables)
                                     .field("SpaceId", &VariableSet::space_id, json::indexed | json::read_only);
  return type;
}

const json::Type& type_of(json::Tag<VariableSnapshot>) {
  static const json::Type type = json::Type::of<VariableSnapshot>("VariableSet")
                                     .field("Id", &VariableSnapshot::id, json::read_only)
                                     .field("OwnerId", &VariableSnapshot::owner_id, json::read_only | json::indexed)
                                     .field("VersionTaken", &VariableSnapshot::version_taken, json::stored_only)
                                     .field("Digest", &VariableSnapshot::digest, json::stored_only | json::indexed)
                                     .field("Variables", &VariableSnapshot::variables)
                                     .field("SpaceId", &VariableSnapshot::space_id, json::indexed | json::read_only);
  return type;
}

}  // namespace fairlead::features::variables
