// SPDX-License-Identifier: Apache-2.0
#include "domain/system_variables.h"

#include <algorithm>

#include "base/text.h"

namespace fairlead::domain {

namespace {

using octostache::VariableSet;

// Sets what is not empty, and keeps its value literal: names and notes that people write are no templates.
class Writer {
 public:
  explicit Writer(VariableSet& variables) : variables_(variables) {}

  void text(std::string_view name, std::string_view value) {
    if (!value.empty()) variables_.set_value(name, value, false, true);
  }
  void time(std::string_view name, const std::optional<Time>& value) {
    if (value) text(name, date_text(*value));
  }
  void list(std::string_view name, const std::vector<std::string>& values) { text(name, text::join(values, ",")); }
  void resource(std::string_view prefix, const NamedResource& resource) {
    member(prefix, "Id", resource.id);
    member(prefix, "Name", resource.name);
    member(prefix, "Slug", resource.slug);
  }
  void member(std::string_view prefix, std::string_view name, std::string_view value) {
    text(text::format("{}.{}", prefix, name), value);
  }

 private:
  VariableSet& variables_;
};

void add_release(Writer& writer, const ReleaseFacts& release, const NamedResource& channel) {
  writer.text("Octopus.Release.Id", release.id);
  writer.text("Octopus.Release.Number", release.number);
  writer.text("Octopus.Release.Notes", release.notes);
  writer.time("Octopus.Release.Created", release.created);
  writer.text("Octopus.Release.Channel.Id", channel.id);
  writer.text("Octopus.Release.Channel.Name", channel.name);
  writer.text("Octopus.Release.Git.BranchName", release.git_branch);
  writer.text("Octopus.Release.Git.CommitHash", release.git_commit);
  writer.text("Octopus.Release.Git.Ref", release.git_ref);
  for (const auto& [name, value] : release.custom_fields) {
    writer.text(text::format("Octopus.Release.CustomFields[{}]", name), value);
  }
  writer.text("Octopus.Release.Previous.Id", release.previous_id);
  writer.text("Octopus.Release.Previous.Number", release.previous_number);
  writer.text("Octopus.Release.PreviousForEnvironment.Id", release.previous_for_environment_id);
  writer.text("Octopus.Release.PreviousForEnvironment.Number", release.previous_for_environment_number);
  writer.text("Octopus.Release.CurrentForEnvironment.Id", release.current_for_environment_id);
  writer.text("Octopus.Release.CurrentForEnvironment.Number", release.current_for_environment_number);
}

void add_deployment(Writer& writer, const DeploymentFacts& deployment) {
  writer.text("Octopus.Deployment.Id", deployment.id);
  writer.text("Octopus.Deployment.Name", deployment.name);
  writer.text("Octopus.Deployment.Comments", deployment.comments);
  writer.time("Octopus.Deployment.Created", deployment.created);
  writer.text("Octopus.Deployment.CreatedBy.Id", deployment.created_by.id);
  writer.text("Octopus.Deployment.CreatedBy.Username", deployment.created_by.username);
  writer.text("Octopus.Deployment.CreatedBy.DisplayName", deployment.created_by.display_name);
  writer.text("Octopus.Deployment.CreatedBy.EmailAddress", deployment.created_by.email);
  writer.text("Octopus.Deployment.PreviousSuccessful.Id", deployment.previous_successful_id);
  writer.text("Octopus.Deployment.Trigger.Id", deployment.trigger_id);
  writer.text("Octopus.Deployment.Trigger.Name", deployment.trigger_name);
  writer.text("Octopus.Deployment.ForcePackageDownload", deployment.force_package_download ? "True" : "False");
  writer.list("Octopus.Deployment.Machines", deployment.machines);
  writer.list("Octopus.Deployment.SpecificMachines", deployment.specific_machines);
  writer.list("Octopus.Deployment.ExcludedMachines", deployment.excluded_machines);
}

void add_targets(Writer& writer, const std::vector<TargetFacts>& targets) {
  std::map<std::string, std::vector<std::string>, text::LessIgnoringCase> by_role;
  for (const TargetFacts& target : targets) {
    const std::string prefix = text::format("Octopus.Deployment.Targets[{}]", target.machine.id);
    writer.member(prefix, "Id", target.machine.id);
    writer.member(prefix, "Name", target.machine.name);
    for (const std::string& role : target.roles) by_role[role].push_back(target.machine.id);
  }
  for (const auto& [role, machines] : by_role) {
    writer.list(text::format("Octopus.Environment.MachinesInRole[{}]", role), machines);
  }
}

void add_status(Writer& writer, const std::string& prefix, const StatusFacts& status) {
  writer.member(prefix, "Status.Code", status.code);
  writer.member(prefix, "Status.Error", status.error);
  writer.member(prefix, "Status.ErrorDetail", status.error_detail);
}

}  // namespace

void add_deployment_variables(VariableSet& variables, const DeploymentScopeFacts& facts) {
  Writer writer(variables);
  writer.resource("Octopus.Space", facts.space);
  writer.resource("Octopus.Project", facts.project);
  writer.resource("Octopus.ProjectGroup", facts.project_group);
  writer.resource("Octopus.Environment", facts.environment);
  if (facts.environment_sort_order) {
    writer.text("Octopus.Environment.SortOrder", std::to_string(*facts.environment_sort_order));
  }
  add_release(writer, facts.release, facts.channel);
  add_deployment(writer, facts.deployment);
  if (facts.tenant) {
    writer.resource("Octopus.Deployment.Tenant", facts.tenant->tenant);
    writer.list("Octopus.Deployment.Tenant.Tags", facts.tenant->tags);
  }
  writer.text("Octopus.Task.Id", facts.task.id);
  writer.text("Octopus.Task.Name", facts.task.name);
  writer.time("Octopus.Task.QueueTime", facts.task.queue_time);
  writer.time("Octopus.Task.QueueTimeExpiry", facts.task.queue_time_expiry);
  for (const auto& [name, value] : facts.task.arguments) {
    writer.text(text::format("Octopus.Task.Argument[{}]", name), value);
  }
  writer.text("Octopus.Web.BaseUrl", facts.web.server_uri);
  writer.text("Octopus.Web.ServerUri", facts.web.server_uri);
  writer.text("Octopus.Web.ProjectLink", facts.web.project_link);
  writer.text("Octopus.Web.ReleaseLink", facts.web.release_link);
  writer.text("Octopus.Web.DeploymentLink", facts.web.deployment_link);
  add_targets(writer, facts.targets);
}

void add_step_variables(VariableSet& variables, const StepFacts& step) {
  Writer writer(variables);
  writer.text("Octopus.Step.Id", step.id);
  writer.text("Octopus.Step.Name", step.name);
  if (step.number > 0) writer.text("Octopus.Step.Number", std::to_string(step.number));
}

void add_action_variables(VariableSet& variables, const ActionFacts& action) {
  // Properties first: what the system knows about the action wins over a property of the same name.
  for (const auto& [name, value] : action.properties) {
    const auto& secret = action.sensitive_properties;
    if (std::find(secret.begin(), secret.end(), name) != secret.end()) {
      variables.set_sensitive(name, value);
    } else {
      variables.set(name, value);
    }
  }
  Writer writer(variables);
  writer.text("Octopus.Action.Id", action.id);
  writer.text("Octopus.Action.Name", action.name);
  writer.text("Octopus.Action.Slug", action.slug);
  writer.text("Octopus.Action.Number", action.number);
  writer.list("Octopus.Action.TargetRoles", action.target_roles);
  writer.text("Octopus.Action.Template.Id", action.template_id);
  writer.text("Octopus.Action.Template.Version", action.template_version);
}

void add_target_variables(VariableSet& variables, const TargetFacts& target) {
  Writer writer(variables);
  writer.resource("Octopus.Machine", target.machine);
  writer.list("Octopus.Machine.Roles", target.roles);
  writer.text("Octopus.Machine.Hostname", target.hostname);
  for (const auto& [name, value] : target.endpoint_properties) {
    writer.text(text::format("Octopus.Endpoint.{}.{}", target.endpoint_type, name), value);
  }
}

void add_package_variables(VariableSet& variables, const PackageFacts& package) {
  Writer writer(variables);
  const std::string prefix = package.reference.empty() ? std::string("Octopus.Action.Package")
                                                       : text::format("Octopus.Action.Package[{}]", package.reference);
  writer.member(prefix, "PackageId", package.package_id);
  writer.member(prefix, "FeedId", package.feed_id);
  writer.member(prefix, "PackageVersion", package.version);
  writer.member(prefix, "Version", package.version);
  writer.member(prefix, "Image", package.image);
  writer.member(prefix, "Registry", package.registry);
  writer.member(prefix, "Digest", package.digest);
}

void add_step_status(VariableSet& variables, std::string_view step_name, const StatusFacts& status) {
  Writer writer(variables);
  add_status(writer, text::format("Octopus.Step[{}]", step_name), status);
}

void add_action_status(VariableSet& variables, std::string_view action_name, const StatusFacts& status) {
  Writer writer(variables);
  const std::string prefix = text::format("Octopus.Action[{}]", action_name);
  add_status(writer, prefix, status);
  writer.member(prefix, "IsSkipped", status.code == "Skipped" ? "True" : "");
}

void add_deployment_error(VariableSet& variables, std::string_view error, std::string_view detail) {
  Writer writer(variables);
  writer.text("Octopus.Deployment.Error", error);
  writer.text("Octopus.Deployment.ErrorDetail", detail);
}

void add_output(VariableSet& variables, const Output& output, bool on_this_machine) {
  const std::string plain = text::format("Octopus.Action[{}].Output.{}", output.action, output.name);
  const auto set = [&](const std::string& name) { variables.set_value(name, output.value, output.sensitive, true); };
  if (!output.machine.empty()) {
    set(text::format("Octopus.Action[{}].Output[{}].{}", output.action, output.machine, output.name));
  }
  // Of several machines the first one that wrote the value answers elsewhere: always the same one.
  if (output.machine.empty() || on_this_machine || !variables.raw(plain)) set(plain);
}

bool is_reserved_name(std::string_view name) {
  constexpr std::string_view kSettings[] = {
      "Octopus.Task.ConcurrencyTag",
      "Octopus.Action.MaxParallelism",
      "Octopus.Acquire.MaxParallelism",
      "Octopus.Deployment.WorkerLeaseCap",
      "Octopus.Action.SubstituteInFiles.EnableNoMatchWarning",
      "Octopus.Action.SkipRemainingConventions",
      "Octopus.ServiceNow.ChangeRequest.Number",
      "Octopus.JiraServiceManagement.ChangeRequest.Number",
      "Octopus.Action.Kubernetes.LogCliOutputAsInfo",
  };
  if (!text::starts_with_ignoring_case(name, "Octopus.")) return false;
  return std::none_of(std::begin(kSettings), std::end(kSettings),
                      [&](std::string_view setting) { return text::equals_ignoring_case(setting, name); });
}

std::string date_text(Time time) {
  // iso8601() gives "2026-01-02T03:04:05.678Z".
  const std::string iso = iso8601(time);
  return iso.substr(0, 10) + " " + iso.substr(11, 8) + " +00:00";
}

}  // namespace fairlead::domain
