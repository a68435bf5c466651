// SPDX-License-Identifier: Apache-2.0
#include "domain/variables.h"

#include <algorithm>
#include <array>
#include <set>

#include "base/error.h"
#include "domain/lists.h"

namespace fairlead::domain {

namespace {

bool allows(const List& scope, const std::string& value) {
  return scope.empty() || (!value.empty() && has(scope, value));
}

// The ranks of the header, most specific first; how many alternatives the value lists there, 0 where it is not scoped.
constexpr std::size_t kRanks = 9;
using Specificity = std::array<std::size_t, kRanks>;

constexpr std::string_view kRankNames[kRanks] = {"step",        "target",  "target tag of the step",
                                                 "target tag",  "tenant",  "tenant tag",
                                                 "environment", "channel", "process"};

Specificity specificity(const VariableScope& scope, const ScopeContext& context) {
  // A target tag counts for more where the step itself asks for a tag that the target has.
  const bool asked = std::any_of(scope.roles.begin(), scope.roles.end(), [&](const std::string& role) {
    return has(context.action_roles, role) && has(context.machine_roles, role);
  });
  return {scope.actions.size(),           scope.machines.size(), asked ? scope.roles.size() : 0,
          asked ? 0 : scope.roles.size(), scope.tenants.size(),  scope.tenant_tags.size(),
          scope.environments.size(),      scope.channels.size(), scope.process_owners.size()};
}

// Where the two differ, and which wins there.
struct Verdict {
  int order = 0;
  std::string reason;  // why the loser lost
};

Verdict judge(const Variable& a, const Variable& b, const ScopeContext& context) {
  const Specificity left = specificity(a.scope, context);
  const Specificity right = specificity(b.scope, context);
  for (std::size_t rank = 0; rank < kRanks; ++rank) {
    const bool left_has = left[rank] > 0;
    const bool right_has = right[rank] > 0;
    if (left_has != right_has) {
      return {left_has ? -1 : 1,
              text::format("Another value is scoped to the {}, which is more specific.", kRankNames[rank])};
    }
  }
  for (std::size_t rank = 0; rank < kRanks; ++rank) {
    if (left[rank] == 0) continue;
    if (left[rank] != right[rank]) {
      return {left[rank] < right[rank] ? -1 : 1,
              text::format("Another value names fewer alternatives as its {}.", kRankNames[rank])};
    }
    break;  // only the most specific type decides
  }
  if (a.set_order != b.set_order) {
    const int first = std::min(a.set_order, b.set_order);
    return {a.set_order < b.set_order ? -1 : 1, first == 0 ? "The project's own value wins over a library set's."
                                                           : "The library set included earlier wins."};
  }
  return {};
}

std::string where(const Variable& variable) {
  return variable.set_name.empty() ? text::format("variable {}", variable.id) : variable.set_name;
}

// The same text for scopes that are the same, whatever the order and case of their items.
std::string scope_key(const VariableScope& scope) {
  std::string key;
  for (const List* list : {&scope.actions, &scope.machines, &scope.roles, &scope.tenants, &scope.tenant_tags,
                           &scope.environments, &scope.channels, &scope.process_owners}) {
    std::set<std::string> items;
    for (const std::string& item : *list) items.insert(text::lower(item));
    for (const std::string& item : items) key += item + "\n";
    key += "\f";
  }
  return key;
}

// "Set/Tag" per set: alternatives inside one set, all sets must match.
bool tenant_tags_apply(const List& scope, const List& tags) {
  if (scope.empty()) return true;
  std::set<std::string> open;
  for (const std::string& tag : scope) open.insert(text::lower(tag.substr(0, tag.find('/'))));
  for (const std::string& tag : scope) {
    if (has(tags, tag)) open.erase(text::lower(tag.substr(0, tag.find('/'))));
  }
  return open.empty();
}

}  // namespace

bool VariableScope::empty() const {
  return actions.empty() && machines.empty() && roles.empty() && tenants.empty() && tenant_tags.empty() &&
         environments.empty() && channels.empty() && process_owners.empty();
}

bool applies(const VariableScope& scope, const ScopeContext& context) {
  return (scope.environments.empty() || intersects(scope.environments, context.environments)) &&
         allows(scope.actions, context.action) && allows(scope.machines, context.machine) &&
         (scope.roles.empty() || intersects(scope.roles, context.machine_roles)) &&
         allows(scope.tenants, context.tenant) && allows(scope.channels, context.channel) &&
         allows(scope.process_owners, context.process_owner) &&
         tenant_tags_apply(scope.tenant_tags, context.tenant_tags);
}

int compare_precedence(const Variable& a, const Variable& b, const ScopeContext& context) {
  return judge(a, b, context).order;
}

Resolution resolve(const std::vector<Variable>& all, const ScopeContext& context) {
  Resolution resolution;
  std::map<std::string, const Variable*, text::LessIgnoringCase> rivals;
  for (const Variable& variable : all) {
    if (!applies(variable.scope, context)) continue;
    const auto [slot, is_new] = resolution.values.emplace(variable.name, &variable);
    if (is_new) continue;
    const int order = compare_precedence(variable, *slot->second, context);
    if (order < 0) {
      slot->second = &variable;
      rivals.erase(variable.name);
    } else if (order == 0) {
      rivals[variable.name] = &variable;
    }
  }
  for (const auto& [name, rival] : rivals) {
    const Variable& winner = *resolution.values[name];
    resolution.warnings.push_back(text::format(
        "The variable \"{}\" has two values of the same precedence ({} and {}); the first was taken. Give them "
        "different scopes.",
        name, where(winner), where(*rival)));
  }
  return resolution;
}

void bind(const Resolution& resolution, octostache::VariableSet& into) {
  for (const auto& [name, variable] : resolution.values) {
    if (variable->sensitive) {
      into.set_sensitive(name, variable->value);
    } else {
      into.set(name, variable->value);
    }
  }
}

std::vector<Candidate> explain(const std::vector<Variable>& all, std::string_view name, const ScopeContext& context) {
  std::vector<Candidate> out;
  for (const Variable& variable : all) {
    if (!text::equals_ignoring_case(variable.name, name)) continue;
    Candidate& candidate = out.emplace_back();
    candidate.variable = &variable;
    candidate.applies = applies(variable.scope, context);
    if (!candidate.applies) candidate.reason = "Its scope does not match.";
  }
  std::sort(out.begin(), out.end(), [&](const Candidate& a, const Candidate& b) {
    if (a.applies != b.applies) return a.applies;
    const int order = a.applies ? compare_precedence(*a.variable, *b.variable, context) : 0;
    return order != 0 ? order < 0 : a.variable < b.variable;  // else in the order of the list
  });
  if (out.empty() || !out.front().applies) return out;
  out.front().chosen = true;
  out.front().reason = out.front().variable->scope.empty() ? "It is the value without a scope."
                                                           : "Its scope is the most specific that matches.";
  for (std::size_t i = 1; i < out.size() && out[i].applies; ++i) {
    const Verdict verdict = judge(*out.front().variable, *out[i].variable, context);
    out[i].reason =
        verdict.order == 0 ? "It has the same precedence as the chosen value, which comes first." : verdict.reason;
  }
  return out;
}

std::vector<Ambiguity> ambiguities(const std::vector<Variable>& all) {
  std::map<std::string, std::size_t> first_of;  // by name, set and scope
  std::vector<Ambiguity> out;
  for (std::size_t i = 0; i < all.size(); ++i) {
    const std::string key =
        text::format("{}\f{}\f{}", text::lower(all[i].name), all[i].set_order, scope_key(all[i].scope));
    const auto [slot, is_new] = first_of.emplace(key, i);
    if (is_new) continue;
    out.push_back(
        {slot->second, i,
         text::format("The variable \"{}\" has two values with the same scope; remove one or scope it differently.",
                      all[i].name)});
  }
  return out;
}

void validate_variables(const std::vector<Variable>& all) {
  Error error(Fault::invalid, "The variables are not valid.");
  if (all.size() > kMaxVariables) {
    throw invalid_at("Variables",
                     text::format("There are {} values; at most {} are allowed.", all.size(), kMaxVariables));
  }
  for (std::size_t i = 0; i < all.size(); ++i) {
    const auto at = [&](std::string_view member) { return text::format("Variables[{}].{}", i, member); };
    const std::string& name = all[i].name;
    if (text::trim(name).empty()) {
      error.at(at("Name"), "A variable needs a name.");
    } else if (name.size() > kMaxVariableNameBytes) {
      error.at(at("Name"),
               text::format("The name has {} bytes; at most {} are allowed.", name.size(), kMaxVariableNameBytes));
    } else if (text::trim(name).size() != name.size()) {
      error.at(at("Name"), text::format("The name \"{}\" begins or ends with white space; remove it.", name));
    }
    if (all[i].value.size() > kMaxVariableValueBytes) {
      error.at(at("Value"), text::format("The value of \"{}\" has {} bytes; at most {} are allowed.", name,
                                         all[i].value.size(), kMaxVariableValueBytes));
    }
  }
  for (const Ambiguity& ambiguity : ambiguities(all)) {
    error.at(text::format("Variables[{}].Scope", ambiguity.second), ambiguity.text);
  }
  if (!error.details().empty()) throw error;
}

}  // namespace fairlead::domain
