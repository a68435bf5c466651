// SPDX-License-Identifier: Apache-2.0
#include "features/projects/deployment_settings.h"

#include "api/resource.h"
#include "features/projects/model.h"

namespace fairlead::features::projects {

namespace {

std::string encode_settings(const Project& project) {
  DeploymentSettings settings;
  settings.id = project.deployment_settings_id;
  settings.space_id = project.space_id;
  settings.project_id = project.id.str();
  settings.connectivity_policy = project.connectivity_policy;
  settings.default_guided_failure_mode = project.default_guided_failure_mode;
  settings.versioning_strategy = project.versioning_strategy;
  settings.release_notes_template = project.release_notes_template;
  settings.deployment_changes_template = project.deployment_changes_template;
  settings.default_to_skip_if_already_installed = project.default_to_skip_if_already_installed;
  settings.force_package_download = project.force_package_download;
  const std::string owner = "/api/" + project.space_id + "/projects/" + project.id.str();
  return api::with_links(json::encode(settings),
                         api::Links().add("Self", owner + "/deploymentsettings").add("Project", owner));
}

void take_settings(const DeploymentSettings& settings, Project& project) {
  if (settings.connectivity_policy) project.connectivity_policy = settings.connectivity_policy;
  if (!settings.default_guided_failure_mode.empty())
    project.default_guided_failure_mode = settings.default_guided_failure_mode;
  if (settings.versioning_strategy) project.versioning_strategy = settings.versioning_strategy;
  project.release_notes_template = settings.release_notes_template;
  project.deployment_changes_template = settings.deployment_changes_template;
  project.default_to_skip_if_already_installed = settings.default_to_skip_if_already_installed;
  project.force_package_download = settings.force_package_download;
}

// The path names the project, or the settings by their own id ("deploymentsettings-Projects-1").
Project project_of(Services& services, const store::Tx& tx, const api::Context& context) {
  constexpr std::string_view kPrefix = "deploymentsettings-";
  std::string_view id = context.parameter("id");
  if (text::starts_with_ignoring_case(id, kPrefix)) id.remove_prefix(kPrefix.size());
  return api::get_in_space<Project>(services.api.documents, tx, context.space_id(), id);
}

net::Response show(Services& services, api::Context& context) {
  return services.api.store.read(
      [&](const store::Tx& tx) { return api::json_response(encode_settings(project_of(services, tx, context))); });
}

net::Response replace(Services& services, api::Context& context) {
  const DeploymentSettings settings = context.body<DeploymentSettings>();
  return services.api.store.write([&](store::Tx& tx) {
    const Project stored = project_of(services, tx, context);
    Project project = stored;
    take_settings(settings, project);
    services.api.documents.update(tx, project);
    api::audit_modified(tx, context, "Project", project.id.str(), project.name, store::difference(stored, project));
    return api::json_response(encode_settings(project));
  });
}

}  // namespace

void add_deployment_settings_rows(Services& services) {
  for (const char* path : {"/projects/{id}/deploymentsettings", "/deploymentsettings/{id}"}) {
    services.api.router.add({"GET", api::Scope::space, path, "ProjectView", "The deployment settings of a project.",
                             [&services](api::Context& context) { return show(services, context); }});
    services.api.router.add({"PUT", api::Scope::space, path, "ProjectEdit",
                             "Replaces the deployment settings of a project.",
                             [&services](api::Context& context) { return replace(services, context); }});
  }
}

}  // namespace fairlead::features::projects
