// SPDX-License-Identifier: Apache-2.0
#include "domain/variables.h"

#include <gmock/gmock.h>

#include "base/error.h"
#include "domain/octostache/template.h"

namespace fairlead::domain {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

ScopeContext full_context() {
  ScopeContext context;
  context.environments = {"E-1"};
  context.tenant = "T-1";
  context.tenant_tags = {"Region/EU", "Tier/Gold"};
  context.channel = "C-1";
  context.process_owner = "P-1";
  context.action = "A-1";
  context.action_roles = {"web"};
  context.machine = "M-1";
  context.machine_roles = {"web", "db"};
  return context;
}

// One scope per rank of the specification, most specific first.
std::vector<VariableScope> scopes() {
  std::vector<VariableScope> all(10);
  all[0].actions = {"A-1"};
  all[1].machines = {"M-1"};
  all[2].roles = {"web"};
  all[3].roles = {"db"};
  all[4].tenants = {"T-1"};
  all[5].tenant_tags = {"Region/EU"};
  all[6].environments = {"E-1"};
  all[7].channels = {"C-1"};
  all[8].process_owners = {"P-1"};
  return all;
}

Variable variable(std::string id, VariableScope scope, int set_order = 0) {
  Variable out;
  out.id = id;
  out.name = "Name";
  out.value = std::move(id);
  out.scope = std::move(scope);
  out.set_order = set_order;
  return out;
}

std::string winner(const std::vector<Variable>& all, const ScopeContext& context) {
  const Resolution resolution = resolve(all, context);
  const auto found = resolution.values.find("name");
  return found == resolution.values.end() ? "" : found->second->id;
}

TEST(Variables, EveryPairOfScopeTypes) {
  const std::vector<VariableScope> all = scopes();
  const ScopeContext context = full_context();
  for (std::size_t high = 0; high < all.size(); ++high) {
    for (std::size_t low = high + 1; low < all.size(); ++low) {
      const Variable first = variable("high", all[high]);
      const Variable second = variable("low", all[low]);
      EXPECT_EQ(winner({first, second}, context), "high") << high << " " << low;
      EXPECT_EQ(winner({second, first}, context), "high") << high << " " << low;
      EXPECT_GT(compare_precedence(second, first, context), 0);
    }
  }
}

TEST(Variables, TwoScopesBeatTheFirstOfThemAlone) {
  const ScopeContext context = full_context();
  VariableScope both = scopes()[6];
  both.roles = {"web"};
  EXPECT_EQ(winner({variable("role", scopes()[2]), variable("both", both)}, context), "both");
  // One type above two below it.
  VariableScope lower = scopes()[6];
  lower.channels = {"C-1"};
  EXPECT_EQ(winner({variable("lower", lower), variable("tenant", scopes()[4])}, context), "tenant");
}

TEST(Variables, Ties) {
  const ScopeContext context = full_context();
  VariableScope wide = scopes()[6];
  wide.environments.push_back("E-2");
  EXPECT_EQ(winner({variable("wide", wide), variable("narrow", scopes()[6])}, context), "narrow");
  EXPECT_EQ(winner({variable("set2", {}, 2), variable("set1", {}, 1), variable("project", {}, 0)}, context), "project");
  EXPECT_EQ(winner({variable("set2", {}, 2), variable("set1", {}, 1)}, context), "set1");
  const std::vector<Variable> same{variable("a", {}), variable("b", {})};
  const Resolution resolution = resolve(same, context);
  EXPECT_EQ(resolution.values.at("Name")->id, "a");
  EXPECT_THAT(resolution.warnings, ElementsAre(HasSubstr("two values of the same precedence")));
  // No warning about rivals that a third value beats.
  const std::vector<Variable> beaten{variable("a", {}), variable("b", {}), variable("c", scopes()[6])};
  EXPECT_THAT(resolve(beaten, context).warnings, IsEmpty());
}

TEST(Variables, Applies) {
  const std::vector<VariableScope> all = scopes();
  const ScopeContext none;
  for (std::size_t i = 0; i < all.size(); ++i) {
    EXPECT_TRUE(applies(all[i], full_context())) << i;
    EXPECT_EQ(applies(all[i], none), i == 9) << i;
  }
  VariableScope scope;
  scope.environments = {"E-2"};
  EXPECT_FALSE(applies(scope, full_context()));
  scope.environments = {"E-2", "e-1"};
  EXPECT_TRUE(applies(scope, full_context()));
  scope.channels = {"C-9"};
  EXPECT_FALSE(applies(scope, full_context()));
  VariableScope tags;
  tags.tenant_tags = {"Region/US", "Region/EU"};
  EXPECT_TRUE(applies(tags, full_context()));
  tags.tenant_tags = {"Region/EU", "Tier/Silver"};
  EXPECT_FALSE(applies(tags, full_context()));
}

TEST(Variables, BindsSensitiveValuesLiterally) {
  std::vector<Variable> all{variable("#{Other}", {})};
  all[0].sensitive = true;
  octostache::VariableSet set;
  bind(resolve(all, {}), set);
  const octostache::Evaluation result = octostache::evaluate("#{Name}", set);
  EXPECT_EQ(result.text, "#{Other}");
  EXPECT_TRUE(result.ok());
  EXPECT_TRUE(result.sensitive());
}

TEST(Variables, Explains) {
  VariableScope elsewhere;
  elsewhere.environments = {"E-9"};
  const std::vector<Variable> all{variable("plain", {}), variable("elsewhere", elsewhere),
                                  variable("env", scopes()[6])};
  const std::vector<Candidate> candidates = explain(all, "NAME", full_context());
  ASSERT_EQ(candidates.size(), 3u);
  EXPECT_EQ(candidates[0].variable->id, "env");
  EXPECT_TRUE(candidates[0].chosen);
  EXPECT_EQ(candidates[1].reason, "Another value is scoped to the environment, which is more specific.");
  EXPECT_FALSE(candidates[2].applies);
  EXPECT_THAT(explain(all, "Unknown", full_context()), IsEmpty());
}

TEST(Variables, Validates) {
  std::vector<Variable> all{variable("a", scopes()[6]), variable("b", {}), variable("c", scopes()[6])};
  all[2].name = "NAME";
  all[2].scope.environments = {"e-1"};
  all[1].name = " x";
  EXPECT_EQ(ambiguities(all).size(), 1u);
  try {
    validate_variables(all);
    FAIL();
  } catch (const Error& error) {
    ASSERT_EQ(error.details().size(), 2u);
    EXPECT_EQ(error.details()[0].where, "Variables[1].Name");
    EXPECT_EQ(error.details()[1].where, "Variables[2].Scope");
  }
  all[2].set_order = 1;
  all[1].name = "x";
  EXPECT_NO_THROW(validate_variables(all));
  all[1].value.resize(kMaxVariableValueBytes + 1);
  EXPECT_THROW(validate_variables(all), Error);
}

}  // namespace
}  // namespace fairlead::domain
