// SPDX-License-Identifier: Apache-2.0
#include "features/releases/process_template.h"

#include "api/resource.h"
#include "features/channels/model.h"
#include "features/processes/model.h"
#include "features/projects/model.h"
#include "features/releases/create.h"
#include "features/releases/model.h"
#include "json/value.h"

namespace fairlead::features::releases {

namespace {

json::Value text_or_null(const std::string& text) { return text.empty() ? json::Value(nullptr) : json::Value(text); }

// Which process is asked about, and for which channel.
struct Question {
  projects::Project project;
  std::string process_id, channel;
  std::vector<processes::Step> steps;
};

void take_process(const store::Documents& documents, const store::Tx& tx, const std::string& id, Question& question) {
  question.process_id = id;
  if (const auto process = documents.find<processes::DeploymentProcess>(tx, id)) {
    question.steps = process->steps;
    question.project = documents.get<projects::Project>(tx, process->project_id);
    return;
  }
  const auto snapshot = documents.get<processes::ProcessSnapshot>(tx, id);
  question.steps = snapshot.steps;
  question.project = documents.get<projects::Project>(tx, snapshot.project_id);
}

void take_channel(const store::Documents& documents, const store::Tx& tx, const api::Context& context,
                  Question& question) {
  const std::string asked = context.query("channel").value_or("");
  const std::string& project = question.project.id.str();
  store::Query query = store::Query().where("ProjectId", project);
  if (asked.empty()) {
    query.where("IsDefault", true);
  } else {
    query.ids = {asked};
  }
  const auto channel = documents.first<channels::Channel>(tx, query);
  if (!channel && !asked.empty()) throw not_found(text::format("The resource '{}' was not found.", asked));
  if (channel) question.channel = channel->id.str();
}

json::Array package_items(const store::Documents& documents, const store::Tx& tx, const Question& question,
                          const std::optional<Release>& last) {
  json::Array items;
  for (const ProcessPackage& package : packages_of(question.steps, question.channel)) {
    const std::string feed = documents.name_of(tx, package.feed_id).value_or("");
    json::Object item;
    item["ActionName"] = package.action;
    item["StepName"] = package.step;
    item["PackageReferenceName"] = package.reference;
    item["PackageId"] = text_or_null(package.package_id);
    item["NuGetPackageId"] = text_or_null(package.package_id);
    item["FeedId"] = text_or_null(package.feed_id);
    item["NuGetFeedId"] = text_or_null(package.feed_id);
    item["FeedName"] = text_or_null(feed);
    item["NuGetFeedName"] = text_or_null(feed);
    item["ProjectName"] = nullptr;
    item["FixedVersion"] = text_or_null(package.fixed_version);
    item["IsResolvable"] = package.is_resolvable;
    item["VersionSelectedLastRelease"] = nullptr;
    for (const SelectedPackage& selected : last ? last->selected_packages : std::vector<SelectedPackage>()) {
      if (selected.action_name == package.action && selected.package_reference_name == package.reference) {
        item["VersionSelectedLastRelease"] = selected.version;
      }
    }
    items.push_back(std::move(item));
  }
  return items;
}

json::Array git_items(const Question& question) {
  json::Array items;
  for (const processes::Step& step : question.steps) {
    for (const processes::Action& action : step.actions) {
      for (const json::Raw& dependency : action.git_dependencies) {
        if (action.is_disabled) continue;
        const json::Value given = json::parse(dependency.text, "GitDependencies");
        const std::string repository = json::string_or(given, "RepositoryUri");
        json::Object item;
        item["ActionName"] = action.name;
        for (const char* member : {"Name", "RepositoryUri", "DefaultBranch", "GitCredentialId", "GitHubConnectionId"}) {
          item[member] = text_or_null(json::string_or(given, member));
        }
        if (item["Name"].is_null()) item["Name"] = "";
        const json::Value* filters = json::find(given, "FilePathFilters");
        item["FilePathFilters"] = filters != nullptr && filters->is_array() ? *filters : json::Value(json::Array());
        item["IsResolvable"] = repository.find("#{") == std::string::npos;
        item["GitResourceSelectedLastRelease"] = nullptr;
        items.push_back(std::move(item));
      }
    }
  }
  return items;
}

std::string step_of_action(const Question& question, const std::string& action_name) {
  for (const processes::Step& step : question.steps) {
    for (const processes::Action& action : step.actions) {
      if (text::equals_ignoring_case(action.name, action_name)) return step.name;
    }
  }
  return action_name;
}

net::Response show(Services& services, const store::Tx& tx, const api::Context& context,
                   const std::string& process_id) {
  const store::Documents& documents = services.api.documents;
  Question question;
  take_process(documents, tx, process_id, question);
  // A release that exists already is asked about by its own frozen process.
  if (const std::string release = context.query("releaseId").value_or(""); !release.empty()) {
    const auto found = api::get_in_space<Release>(documents, tx, context.space_id(), release);
    take_process(documents, tx, found.process_snapshot_id, question);
  }
  if (question.project.space_id != context.space_id())
    throw not_found(text::format("The resource '{}' was not found.", process_id));
  take_channel(documents, tx, context, question);

  const std::string& project = question.project.id.str();
  const auto last = documents.first<Release>(tx, store::Query().where("ProjectId", project).by("Assembled", true));
  const std::optional<projects::Donor> donor = projects::donor_of(question.project);
  json::Object body;
  body["DeploymentProcessId"] = question.process_id;
  body["LastReleaseVersion"] = last ? json::Value(last->version) : json::Value(nullptr);
  body["NextVersionIncrement"] =
      donor ? json::Value(nullptr) : json::Value(next_version_of(services, tx, project, question.channel));
  body["VersioningPackageStepName"] =
      donor ? json::Value(step_of_action(question, donor->action)) : json::Value(nullptr);
  body["VersioningPackageReferenceName"] = donor ? json::Value(donor->package_reference) : json::Value(nullptr);
  body["Packages"] = package_items(documents, tx, question, last);
  body["GitResources"] = git_items(question);
  return api::json_response(json::text_of(body));
}

}  // namespace

void add_template_rows(Services& services) {
  services.api.router.add({"GET", api::Scope::space, "/projects/{projectId}/deploymentprocesses/template",
                           "ProcessView", "What a new release of the project needs.",
                           [&services](api::Context& context) {
                             return services.api.store.read([&](const store::Tx& tx) {
                               const auto project = api::get_in_space<projects::Project>(
                                   services.api.documents, tx, context.space_id(), context.parameter("projectId"));
                               return show(services, tx, context, project.deployment_process_id);
                             });
                           }});
  services.api.router.add({"GET", api::Scope::space, "/deploymentprocesses/{id}/template", "ProcessView",
                           "What a new release by this process needs.", [&services](api::Context& context) {
                             return services.api.store.read([&](const store::Tx& tx) {
                               return show(services, tx, context, context.parameter("id"));
                             });
                           }});
}

}  // namespace fairlead::features::releases
