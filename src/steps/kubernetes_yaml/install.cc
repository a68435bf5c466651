// SPDX-License-Identifier: Apache-2.0
// Octopus.KubernetesDeployRawYaml: manifests are applied to a cluster and watched until they are healthy.
#include "steps/kubernetes_yaml/install.h"

#include "kube/constants.h"
#include "steps/kubernetes_yaml/manifest.h"

namespace fairlead::steps::kubernetes_yaml {

namespace {

using features::StepInput;
using features::StepOutcome;
namespace octostache = domain::octostache;

constexpr const char* kActionType = "Octopus.KubernetesDeployRawYaml";
constexpr std::int64_t kDefaultTimeoutSeconds = 180;
// The executor gives its verdict within the timeout; the engine waits a little longer, for an executor that is on its
// way back.
constexpr std::int64_t kVerdictGraceUs = 60 * kSecond;

// What is decided once, before anything is sent: recorded, so that replays and other versions of the product do the
// same.
struct Prepared {
  std::vector<link::Confidential> mask;  // values of sensitive variables that took part
  bool verify = true, wait_for_jobs = false;
  std::int64_t timeout_seconds = kDefaultTimeoutSeconds;  // 0: no limit of its own
};

const json::Type& type_of(json::Tag<Prepared>) {
  static const json::Type type = json::Type::of<Prepared>("PreparedKubernetesYaml")
                                     .field("Mask", &Prepared::mask, json::omit_when_empty)
                                     .field("Verify", &Prepared::verify)
                                     .field("WaitForJobs", &Prepared::wait_for_jobs)
                                     .field("TimeoutSeconds", &Prepared::timeout_seconds);
  return type;
}

// What is sent, and what is recorded of it.
struct Made {
  Prepared prepared;
  link::Apply apply;
  std::string manifest;
};

std::string inline_yaml(const octostache::VariableSet& variables) {
  const std::string source = octostache::get(variables, "Octopus.Action.Script.ScriptSource").value_or("Inline");
  if (!source.empty() && !text::equals_ignoring_case(source, "Inline")) {
    throw Error(Fault::unsupported, text::format("YAML from {} is not supported yet; use the inline source.", source));
  }
  // Unevaluated: the whole text is a template of its own.
  std::string yaml = variables.raw("Octopus.Action.KubernetesContainers.CustomResourceYaml").value_or("");
  if (text::trim(yaml).empty()) throw invalid("The step has no YAML; fill in its inline YAML source.");
  return yaml;
}

std::int64_t timeout_of(const octostache::VariableSet& variables) {
  const auto value = octostache::get(variables, "Octopus.Action.Kubernetes.DeploymentTimeout");
  if (!value) return kDefaultTimeoutSeconds;
  if (text::trim(*value).empty()) return 0;
  const auto seconds = text::parse_int(text::trim(*value));
  if (!seconds || *seconds < 0) {
    throw invalid(text::format("The step's timeout must be a number of seconds (0: none), but is \"{}\".",
                               text::shorten(*value, 40)));
  }
  return *seconds;
}

link::Confidential confidential(const StepInput& input, const std::string& text, bool secret) {
  return secret ? link::Confidential::of_sealed(input.sealer->seal(Secret(text))) : link::Confidential::of(text);
}

// The same for the same deployment, whenever it is asked.
Made make(const StepInput& input) {
  const octostache::VariableSet variables = input.variables();
  const bool keep = text::equals_ignoring_case(
      octostache::get(variables, "Fairlead.Action.UnresolvedVariables").value_or("Fail"), "Keep");
  Manifest manifest =
      substitute(inline_yaml(variables), "inline", variables, keep ? Unresolved::keep : Unresolved::fail);

  Made made;
  Prepared& prepared = made.prepared;
  for (const std::string& name : manifest.sensitive_variables) {
    prepared.mask.push_back(confidential(input, octostache::get(variables, name).value_or(""), true));
  }
  prepared.verify = octostache::get_flag(variables, "Octopus.Action.Kubernetes.ResourceStatusCheck", true);
  prepared.wait_for_jobs = octostache::get_flag(variables, "Octopus.Action.Kubernetes.WaitForJobs", false);
  prepared.timeout_seconds = timeout_of(variables);

  link::Apply& apply = made.apply;
  apply.cluster = input.access();
  apply.documents.push_back({"inline", confidential(input, manifest.text, !manifest.sensitive_variables.empty())});
  const auto wanted = octostache::get(variables, "Octopus.Action.KubernetesContainers.Namespace");
  const bool named = wanted && !text::trim(*wanted).empty();
  apply.default_namespace = named ? std::string(text::trim(*wanted)) : input.target->default_namespace;
  apply.create_namespace = true;
  apply.field_manager = std::string(kube::kManagerPrefix) + input.instance + "/" + input.project_id;
  apply.hash_key = link::Confidential::of_sealed(input.sealer->seal(Secret(input.sealer->name_of("applied hash"))));
  apply.force = octostache::get_flag(variables, "Octopus.Action.Kubernetes.ServerSideApply.ForceConflicts", true);
  apply.labels[std::string(kube::kAppLabel)] = input.project_id;
  apply.mask = prepared.mask;
  apply.task_id = input.task_id;
  apply.step_id = input.step_name;
  apply.deployment_id = input.deployment_id;
  apply.will_verify = prepared.verify;
  apply.wait_for_jobs = prepared.wait_for_jobs;
  const std::size_t size = json::encode(apply).size();
  if (size > engine::kMaxCommandBytes) {
    throw invalid(
        text::format(
            "inline: the manifest is too large: {} bytes as it would be sent, with its variables put in; at most {}",
            size, engine::kMaxCommandBytes))
        .with_help("Distribute its objects over several steps.");
  }
  made.manifest = std::move(manifest.text);
  return made;
}

link::Verify verification_of(const StepInput& input, const Prepared& prepared, const link::ApplyResult& applied) {
  link::Verify verify;
  verify.cluster = input.access();
  for (const link::ObjectOutcome& outcome : applied.objects) verify.objects.push_back(outcome.object);
  verify.timeout_ms = prepared.timeout_seconds * 1000;
  verify.wait_for_jobs = prepared.wait_for_jobs;
  verify.mask = prepared.mask;
  verify.task_id = input.task_id;
  verify.step_id = input.step_name;
  return verify;
}

void add_lines(Error& error, const std::string& head, const std::vector<std::string>& lines) {
  if (lines.empty()) return;
  error.at("", head);
  for (const std::string& line : lines) error.at("", "  " + line);
}

// The summary's first line is the sentence for the log; what follows are its details, then what the cluster had to say.
Error failure_of(const link::VerifyResult& result) {
  const std::size_t end = result.summary.find('\n');
  Error error(result.verdict == link::Verdict::timed_out ? Fault::timeout : Fault::invalid,
              result.summary.substr(0, end));
  if (end != std::string::npos) {
    for (const std::string& line : text::split(std::string_view(result.summary).substr(end + 1), '\n')) {
      if (!text::trim(line).empty()) error.at("", line);
    }
  }
  if (result.cause) {
    add_lines(error, "Events:", result.cause->events);
    add_lines(error, text::format("Last lines of container {}:", result.cause->container), result.cause->log_lines);
  }
  return error;
}

engine::Command command(std::string_view kind, std::string payload) {
  engine::Command made;
  made.kind = kind;
  made.payload.text = std::move(payload);
  return made;
}

engine::Durable<StepOutcome> execute(engine::Run& run, const StepInput& input) {
  std::optional<Made> made;  // by the wake that prepares, which is the one that sends
  const Prepared prepared = run.once("prepare", [&] {
    made = make(input);
    return made->prepared;
  });
  if (made) input.keep_manifest(run, made->manifest);
  const std::string& executor = input.target->selector;

  const auto apply = [&] { return command(link::kind::apply, json::encode(made ? made->apply : make(input).apply)); };
  const engine::ActivityOptions options = engine::repeatable();
  const auto applied = co_await run.execute<link::ApplyResult>(executor, "apply", apply, options);
  StepOutcome outcome;
  if (!prepared.verify) co_return outcome;

  std::optional<link::VerifyResult> verdict = applied.verified;
  if (!verdict) {
    const auto verify = [&] {
      return command(link::kind::verify, json::encode(verification_of(input, prepared, applied)));
    };
    const std::int64_t deadline_us =
        prepared.timeout_seconds == 0 ? 0 : prepared.timeout_seconds * kSecond + kVerdictGraceUs;
    verdict = co_await run.until<link::VerifyResult>(executor, "verify", verify, deadline_us);
  }
  if (!verdict) {
    throw Error(
        Fault::timeout,
        text::format("The objects were applied, but nobody could say within {} seconds whether they are healthy: "
                     "the executor of {} did not answer.",
                     prepared.timeout_seconds, input.target->name));
  }
  input.keep_objects(run, run.path("verify"), verdict->objects);
  if (verdict->verdict != link::Verdict::healthy) throw failure_of(*verdict);
  co_return outcome;
}

}  // namespace

void install(features::Services& services) {
  features::StepType type;
  type.action_type = kActionType;
  type.name = "Deploy Kubernetes YAML";
  type.runs_on = [](const domain::Properties&, bool) { return domain::RunsOn::target; };
  type.execute = execute;
  services.step_types.emplace(kActionType, std::move(type));
}

}  // namespace fairlead::steps::kubernetes_yaml
