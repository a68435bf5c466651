// SPDX-License-Identifier: Apache-2.0
#include "steps/kubernetes_yaml/manifest.h"

#include "base/error.h"
#include "base/text.h"
#include "json/value.h"
#include "kube/yaml.h"

namespace fairlead::steps::kubernetes_yaml {

namespace {

namespace octostache = domain::octostache;

bool occurs(const json::Value& value, std::string_view token) {
  if (const json::Object* object = value.if_object()) {
    for (const auto& member : *object) {
      if (std::string_view(member.key()).find(token) != std::string_view::npos || occurs(member.value(), token))
        return true;
    }
    return false;
  }
  if (const json::Array* array = value.if_array()) {
    for (const json::Value& element : *array) {
      if (occurs(element, token)) return true;
    }
    return false;
  }
  return value.is_string() && json::view(value.get_string()).find(token) != std::string_view::npos;
}

// A token that no document holds stands in a comment, which the cluster never sees.
bool matters(const std::vector<kube::Document>& documents, const octostache::Missing& missing) {
  for (const kube::Document& document : documents) {
    if (occurs(document.object.value(), missing.token)) return true;
  }
  return false;
}

std::string place_of(std::string_view name, std::string_view yaml, std::size_t offset) {
  return text::format("{}:{}", name, octostache::position_of(yaml, offset).line);
}

octostache::EvaluateOptions strict() {
  octostache::EvaluateOptions options;
  options.strict = true;
  return options;
}

// What the template language refuses (variables that refer to themselves, a limit) comes without a place: the first
// line that is refused in the same words is it. "" where it takes more than one line to provoke it.
std::string place_of_refusal(std::string_view name, std::string_view yaml, const octostache::VariableSet& variables,
                             const Error& refusal) {
  int number = 0;
  for (const std::string& line : text::split(yaml, '\n')) {
    ++number;
    if (line.find("#{") == std::string::npos) continue;
    try {
      octostache::evaluate(line, variables, strict(), octostache::OnSyntaxError::keep_piece);
    } catch (const Error& error) {
      if (error.message() == refusal.message()) return text::format("{}:{}", name, number);
    }
  }
  return "";
}

octostache::Evaluation evaluate(std::string_view name, std::string_view yaml,
                                const octostache::VariableSet& variables) {
  try {
    return octostache::evaluate(yaml, variables, strict(), octostache::OnSyntaxError::keep_piece);
  } catch (const Error& error) {
    const std::string place = place_of_refusal(name, yaml, variables, error);
    if (place.empty()) throw;
    throw invalid(text::format("{}: {}", place, error.message())).with_help("Correct the variables it uses.");
  }
}

}  // namespace

Manifest substitute(std::string_view yaml, std::string_view name, const octostache::VariableSet& variables,
                    Unresolved unresolved) {
  octostache::Evaluation result = evaluate(name, yaml, variables);
  if (!result.missing.empty() && unresolved == Unresolved::fail) {
    const std::vector<kube::Document> documents = kube::parse_documents(result.text, name);
    Error error = invalid(text::format("{} uses variables that have no value here", name))
                      .with_help(
                          "Give the variable a value in the scope of this deployment, or set the step's property "
                          "Fairlead.Action.UnresolvedVariables to Keep.");
    for (const octostache::Missing& missing : result.missing) {
      if (matters(documents, missing))
        error.at(place_of(name, yaml, missing.offset), missing.token + ": " + missing.reason);
    }
    if (!error.details().empty()) throw error;
  }
  return {std::move(result.text), std::move(result.sensitive_variables)};
}

}  // namespace fairlead::steps::kubernetes_yaml
