// SPDX-License-Identifier: Apache-2.0
#include "features/deployments/prompts.h"

#include <algorithm>

#include "base/error.h"
#include "base/text.h"
#include "features/variables/rules.h"
#include "json/value.h"

namespace fairlead::features::deployments {

namespace {

constexpr const char* kControlType = "Octopus.ControlType";

Prompt prompt_of(const variables::Variable& variable, const json::Value& given) {
  Prompt prompt;
  prompt.id = variable.id;
  prompt.name = variable.name;
  prompt.label = json::string_or(given, "Label");
  prompt.description = json::string_or(given, "Description");
  prompt.required = json::bool_or(given, "Required");
  prompt.sensitive = variable.is_sensitive;
  prompt.value = variable.value.value_or("");
  prompt.has_value = prompt.sensitive ? variable.secret.has_value : !prompt.value.empty();
  json::Object settings;
  if (const json::Value* display = json::find(given, "DisplaySettings"); display != nullptr && display->is_object()) {
    settings = display->get_object();
  }
  if (!settings.contains(kControlType)) settings[kControlType] = prompt.sensitive ? "Sensitive" : "SingleLineText";
  prompt.display_settings = json::text_of(settings);
  return prompt;
}

// By id or name; else by label, as people see the prompt.
const Prompt* prompt_called(const std::vector<Prompt>& prompts, const std::string& text) {
  for (const Prompt& prompt : prompts) {
    if (prompt.id == text || text::equals_ignoring_case(prompt.name, text)) return &prompt;
  }
  for (const Prompt& prompt : prompts) {
    if (!prompt.label.empty() && text::equals_ignoring_case(prompt.label, text)) return &prompt;
  }
  return nullptr;
}

}  // namespace

std::vector<Prompt> prompts_of(const store::Documents& documents, const store::Tx& tx, const releases::Release& release,
                               const std::string& environment) {
  domain::ScopeContext context;
  context.environments = {environment};
  context.channel = release.channel_id;
  context.process_owner = release.project_id;
  std::vector<Prompt> prompts;
  const auto snapshot = documents.get<variables::VariableSnapshot>(tx, release.variable_snapshot_id);
  for (const variables::Variable& variable : snapshot.variables) {
    if (variable.prompt.text.empty()) continue;
    const json::Value given = json::parse(variable.prompt.text, "Prompt");
    if (!given.is_object()) continue;
    domain::VariableScope scope = variables::to_domain(variable.scope);
    // Where in the deployment it applies does not matter: it is asked for once.
    scope.actions.clear();
    scope.machines.clear();
    scope.roles.clear();
    if (domain::applies(scope, context)) prompts.push_back(prompt_of(variable, given));
  }
  return prompts;
}

void settle_form_values(const std::vector<Prompt>& prompts, Deployment& deployment) {
  std::map<std::string, std::string> given;
  given.swap(deployment.form_values);
  Error problem(Fault::invalid, "The values of prompted variables do not fit the release.");
  std::vector<std::string> answered;
  for (const auto& [name, sealed] : deployment.secret_form_values) answered.push_back(text::lower(name));
  for (auto& [name, value] : given) {
    const Prompt* prompt = prompt_called(prompts, name);
    if (prompt == nullptr) {
      problem.at("Variables", text::format("'{}' is no prompted variable of the release in this environment",
                                           text::shorten(name, 100)));
      continue;
    }
    if (value.empty()) continue;  // as a form sends fields that were left alone
    answered.push_back(text::lower(prompt->name));
    if (!prompt->sensitive) {
      deployment.form_values[prompt->name] = std::move(value);
      continue;
    }
    json::PropertyValue& secret = deployment.secret_form_values[prompt->name];
    secret.sensitive.emplace();
    secret.sensitive->has_value = true;
    secret.sensitive->new_value = Secret(value);
  }
  for (const Prompt& prompt : prompts) {
    const bool done = std::find(answered.begin(), answered.end(), text::lower(prompt.name)) != answered.end();
    if (prompt.required && !prompt.has_value && !done) {
      problem.at("Variables", text::format("the prompted variable '{}' needs a value", prompt.name));
    }
  }
  if (!problem.details().empty()) throw std::move(problem);
}

}  // namespace fairlead::features::deployments
