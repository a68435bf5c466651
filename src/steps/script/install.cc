// SPDX-License-Identifier: Apache-2.0
// Octopus.Script: inline Bash on the worker. It may not run twice: when its worker dies, the step fails with "outcome
// unknown".
#include "steps/script/install.h"

#include "features/targets/rules.h"

#include <charconv>

namespace fairlead::steps::script {

namespace {

using features::StepInput;
using features::StepOutcome;
namespace octostache = domain::octostache;

constexpr const char* kActionType = "Octopus.Script";
constexpr double kMaxTimeoutMinutes = 7 * 24 * 60;
constexpr double kMillisecondsPerMinute = 60'000;

link::Confidential confidential(const StepInput& input, const std::string& text, bool secret) {
  return secret ? link::Confidential::of_sealed(input.sealer->seal(Secret(text))) : link::Confidential::of(text);
}

void require_bash(const octostache::VariableSet& variables) {
  const std::string source = octostache::get(variables, "Octopus.Action.Script.ScriptSource").value_or("Inline");
  if (!source.empty() && !text::equals_ignoring_case(source, "Inline")) {
    throw Error(Fault::unsupported,
                text::format("Scripts from {} are not supported yet; use the inline source.", source));
  }
  const std::string syntax = octostache::get(variables, "Octopus.Action.Script.Syntax").value_or("Bash");
  if (!syntax.empty() && !text::equals_ignoring_case(syntax, "Bash")) {
    throw Error(Fault::unsupported,
                text::format("Scripts in {} are not supported yet; use Bash.", text::shorten(syntax, 40)));
  }
}

// Octopus's execution timeout, in minutes; fractions are welcome. 0: the script has no limit of its own.
std::int64_t timeout_ms_of(const octostache::VariableSet& variables) {
  const std::string value = octostache::get(variables, "Octopus.Action.ExecutionTimeout.Minutes").value_or("");
  const std::string_view digits = text::trim(value);
  if (digits.empty()) return 0;
  double minutes = 0;
  const auto [end, problem] = std::from_chars(digits.data(), digits.data() + digits.size(), minutes);
  if (problem != std::errc() || end != digits.data() + digits.size() ||
      !(minutes >= 0 && minutes <= kMaxTimeoutMinutes)) {
    throw invalid(
        text::format("The step's execution timeout must be a number of minutes from 0 (none) to {}, but is \"{}\".",
                     kMaxTimeoutMinutes, text::shorten(digits, 40)));
  }
  return static_cast<std::int64_t>(minutes * kMillisecondsPerMinute);
}

// Every variable in scope, evaluated, for get_octopusvariable. One that cannot be evaluated keeps its tokens, as in any
// text.
void add_variables(const StepInput& input, const octostache::VariableSet& variables, link::RunScript& command) {
  for (const std::string& name : variables.names()) {
    const octostache::Evaluation value = octostache::evaluate(variables.raw(name).value_or(""), variables);
    const bool secret = variables.is_sensitive(name) || value.sensitive();
    command.variables[name] = confidential(input, value.text, secret);
  }
}

link::RunScript prepare(const StepInput& input) {
  const octostache::VariableSet variables = input.variables();
  require_bash(variables);
  const std::string body = variables.raw("Octopus.Action.Script.ScriptBody").value_or("");
  if (text::trim(body).empty()) throw invalid("The step has no script; fill in its inline source.");
  const octostache::Evaluation evaluated =
      octostache::evaluate(body, variables, {}, octostache::OnSyntaxError::keep_piece);
  link::RunScript command;
  command.body = confidential(input, evaluated.text, evaluated.sensitive());
  add_variables(input, variables, command);
  command.timeout_ms = timeout_ms_of(variables);
  command.task_id = input.task_id;
  command.step_id = input.step_name;
  return command;
}

engine::Durable<StepOutcome> execute(engine::Run& run, const StepInput& input) {
  const auto command = [&input] {
    engine::Command made;
    made.kind = link::kind::script;
    made.payload.text = json::encode(prepare(input));
    return made;
  };
  const engine::ActivityOptions options = engine::not_repeatable();
  const auto result =
      co_await run.execute<link::ScriptResult>(features::targets::kBuiltInWorker, "script", command, options);
  if (result.exit_code != 0) throw invalid(text::format("The script ended with exit code {}.", result.exit_code));
  StepOutcome outcome;
  for (const link::OutputVariable& variable : result.outputs) {
    features::StepOutput output;
    output.name = variable.name;
    output.sensitive = variable.value.secret();
    output.value = output.sensitive ? variable.value.sealed : variable.value.plain;
    outcome.outputs.push_back(std::move(output));
  }
  co_return outcome;
}

}  // namespace

void install(features::Services& services) {
  features::StepType type;
  type.action_type = kActionType;
  type.name = "Run a Script";
  // With target tags the script runs once on behalf of each target, otherwise once.
  type.runs_on = [](const domain::Properties&, bool has_roles) {
    return has_roles ? domain::RunsOn::target : domain::RunsOn::once;
  };
  type.execute = execute;
  services.step_types.emplace(kActionType, std::move(type));
}

}  // namespace fairlead::steps::script
