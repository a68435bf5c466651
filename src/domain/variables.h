// SPDX-License-Identifier: Apache-2.0
// Which value of a variable applies in a scope, and which one wins. Pure and deterministic: the order is total, and two
// values that it cannot tell apart are an error when they are saved (ambiguities()).
//
// Rank of scope types, most specific first: step, target, target tag that the step asks for, target tag of the target,
// tenant, tenant tag, environment, channel, process; then unscoped. Per value the set of its scope types is compared
// from the most specific type down; ties go to the value with fewer alternatives in its most specific type, then to the
// project over library sets, then to the set included earlier.
#pragma once

#include <cstddef>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/text.h"
#include "domain/octostache/variable_set.h"

namespace fairlead::domain {

// Ids, except roles and tenant tags ("Set/Tag"), which are names compared without case. Empty list: not scoped by it.
struct VariableScope {
  std::vector<std::string> actions;
  std::vector<std::string> machines;
  std::vector<std::string> roles;
  std::vector<std::string> tenants;
  std::vector<std::string> tenant_tags;
  std::vector<std::string> environments;
  std::vector<std::string> channels;
  std::vector<std::string> process_owners;  // the project's id for its deployment process, or runbook ids

  bool empty() const;
  bool operator==(const VariableScope&) const = default;
};

struct Variable {
  std::string id;
  std::string name;
  std::string value;
  std::string type = "String";  // VariableType of the API
  bool sensitive = false;
  VariableScope scope;
  // Where it comes from: 0 the project, 1, 2, ... its library sets in the order of inclusion.
  int set_order = 0;
  std::string set_name;  // for texts: "project Web", "library set Common"
};

// Where a value is asked for. Empty members: that dimension is absent, and values scoped by it do not apply.
struct ScopeContext {
  std::vector<std::string> environments;  // the environment; for an ephemeral one also its parent
  std::string tenant;
  std::vector<std::string> tenant_tags;
  std::string channel;
  std::string process_owner;
  std::string action;
  std::vector<std::string> action_roles;  // target tags that the step asks for
  std::string machine;
  std::vector<std::string> machine_roles;
};

bool applies(const VariableScope& scope, const ScopeContext& context);

// Most specific first: negative when `a` wins over `b`, positive when `b` does, 0 when nothing tells them apart.
// Both must apply in the context.
int compare_precedence(const Variable& a, const Variable& b, const ScopeContext& context);

struct Resolution {
  // The winner per name. Pointers into the list given to resolve(), which must outlive them.
  std::map<std::string, const Variable*, text::LessIgnoringCase> values;
  // One sentence per name whose winner the rules could not tell from another: the one first in the list was taken.
  std::vector<std::string> warnings;
};

// Prompted values and a parent deployment's values replace everything of their name: set them after bind().
Resolution resolve(const std::vector<Variable>& all, const ScopeContext& context);
// The same as a set for templates. Sensitive values are literal. `into` keeps what it has unless a name is set again.
void bind(const Resolution& resolution, octostache::VariableSet& into);

// What `explain` shows: every value of the name, the winner first, then losers in order, then those that do not apply.
struct Candidate {
  const Variable* variable = nullptr;
  bool applies = false;
  bool chosen = false;
  std::string reason;  // one sentence
};
std::vector<Candidate> explain(const std::vector<Variable>& all, std::string_view name, const ScopeContext& context);

// Names of which two values of one set have the same scope: one sentence each, for validation at save time.
struct Ambiguity {
  std::size_t first = 0;  // positions in the list
  std::size_t second = 0;
  std::string text;
};
std::vector<Ambiguity> ambiguities(const std::vector<Variable>& all);

inline constexpr std::size_t kMaxVariables = 20'000;  // of one set
inline constexpr std::size_t kMaxVariableNameBytes = 1'000;
inline constexpr std::size_t kMaxVariableValueBytes = 1u << 20;
// Throws Error(invalid) with one detail per wrong value, placed at "Variables[i]...".
void validate_variables(const std::vector<Variable>& all);

}  // namespace fairlead::domain
