// SPDX-License-Identifier: Apache-2.0
#include "features/releases/create.h"

#include "api/audit_trail.h"
#include "base/error.h"
#include "base/text.h"
#include "domain/version.h"
#include "features/channels/rules.h"
#include "features/processes/rules.h"
#include "features/projects/model.h"
#include "features/releases/rules.h"
#include "features/variables/rules.h"

namespace fairlead::features::releases {

const json::Type& type_of(json::Tag<CreateCommand>) {
  using C = CreateCommand;
  static const json::Type type = json::Type::of<C>("CreateReleaseCommandV1")
                                     .field("ProjectName", &C::project_name, json::required)
                                     .field("ReleaseVersion", &C::release_version)
                                     .field("ChannelName", &C::channel_name)
                                     .field("ReleaseNotes", &C::release_notes)
                                     .field("GitRef", &C::git_ref)
                                     .field("GitCommit", &C::git_commit)
                                     .field("PackageVersion", &C::package_version)
                                     .field("Packages", &C::packages)
                                     .field("GitResources", &C::git_resources)
                                     .field("IgnoreIfAlreadyExists", &C::ignore_if_already_exists)
                                     .field("IgnoreChannelRules", &C::ignore_channel_rules)
                                     .field("CustomFields", &C::custom_fields);
  return type;
}

std::string next_version_of(Services& services, const store::Tx& tx, const std::string& project_id,
                            const std::string& channel_id) {
  const store::Documents& documents = services.api.documents;
  const auto project = documents.get<projects::Project>(tx, project_id);
  domain::NumberingFacts facts;
  facts.now = tx.now();
  facts.channel_name = documents.name_of(tx, channel_id).value_or("");
  const auto last = documents.first<Release>(tx, store::Query().where("ProjectId", project_id).by("Assembled", true));
  if (last) facts.last = last->version;
  const auto in_channel = documents.first<Release>(
      tx, store::Query().where("ProjectId", project_id).where("ChannelId", channel_id).by("Assembled", true));
  if (in_channel) facts.last_in_channel = in_channel->version;
  const std::string pattern = project.versioning_strategy ? project.versioning_strategy->version_template : "";
  return domain::next_version(pattern.empty() ? domain::kDefaultVersionTemplate : std::string_view(pattern), facts);
}

namespace {

void settle_channel(const store::Documents& documents, const store::Tx& tx, const std::string& project,
                    Release& release) {
  if (!release.channel_id.empty()) {
    if (documents.get<channels::Channel>(tx, release.channel_id).project_id == project) return;
    throw invalid_at("ChannelId", "is a channel of another project");
  }
  const auto channel =
      documents.first<channels::Channel>(tx, store::Query().where("ProjectId", project).where("IsDefault", true));
  if (!channel) throw invalid("The project has no default channel.");
  release.channel_id = channel->id.str();
}

// The version of the package that gives its number to releases, where the project has named one.
std::string donated_version(const projects::Project& project, const Release& release) {
  const std::optional<projects::Donor> donor = projects::donor_of(project);
  if (!donor) return "";
  for (const SelectedPackage& package : release.selected_packages) {
    if (text::equals_ignoring_case(package.action_name, donor->action) &&
        text::equals_ignoring_case(package.package_reference_name, donor->package_reference)) {
      return package.version;
    }
  }
  throw invalid(text::format(
      "The release is numbered by a package of the step '{}', which the process does not have; give a version.",
      donor->action));
}

// Throws Error(invalid) with one detail for each package whose version the channel does not let through.
void require_channel_rules(const store::Documents& documents, const store::Tx& tx, const std::string& project,
                           const Release& release) {
  const auto channel = documents.get<channels::Channel>(tx, release.channel_id);
  Error problem(Fault::invalid, text::format("The channel {} does not take these versions.", channel.name));
  for (const channels::PackageRule& rule : channels::package_rules_of(channel)) {
    for (const SelectedPackage& package : release.selected_packages) {
      const bool is_it = text::equals_ignoring_case(package.action_name, rule.action) &&
                         text::equals_ignoring_case(package.package_reference_name, rule.reference);
      const auto refusal = is_it ? domain::refusal_of(rule.rule, package.version) : std::nullopt;
      if (refusal) problem.at(text::format("channel {}, step {}", channel.name, package.step_name), *refusal);
    }
  }
  if (problem.details().empty()) return;
  if (release.ignore_channel_rules) {
    if (documents.get<projects::Project>(tx, project).allow_ignore_channel_rules) return;
    problem.at("IgnoreChannelRules", "the project does not allow it; set its AllowIgnoreChannelRules");
  }
  throw std::move(problem);
}

void settle_version(Services& services, const store::Tx& tx, const std::string& project, Release& release) {
  const store::Documents& documents = services.api.documents;
  if (release.version.empty())
    release.version = donated_version(documents.get<projects::Project>(tx, project), release);
  if (release.version.empty()) {
    release.version = next_version_of(services, tx, project, release.channel_id);
  } else if (domain::is_masked(release.version)) {
    const auto last = documents.first<Release>(tx, store::Query().where("ProjectId", project).by("Assembled", true));
    release.version = domain::apply_mask(release.version, last ? std::optional(last->version) : std::nullopt);
  }
  domain::require_version(release.version, "Version");
  if (find_by_version(documents, tx, project, release.version)) {
    throw invalid(text::format("A release with the version {} already exists in this project; choose another version.",
                               release.version));
  }
}

}  // namespace

Release create_release(Services& services, store::Tx& tx, const api::Context& context, const std::string& project,
                       Release wanted, const PackageChoice& choice) {
  store::Documents& documents = services.api.documents;
  settle_channel(documents, tx, project, wanted);
  const auto process = processes::take_snapshot(documents, tx, project);
  wanted.selected_packages =
      select_packages(packages_of(process.steps, wanted.channel_id), wanted.selected_packages, choice);
  require_channel_rules(documents, tx, project, wanted);
  settle_version(services, tx, project, wanted);
  if (process.steps.empty()) {
    throw invalid("The project has no deployment process; add a step before you create a release.");
  }
  wanted.id = {};
  wanted.space_id = context.space_id();
  wanted.project_id = project;
  wanted.assembled = tx.now();
  wanted.process_snapshot_id = process.id.str();
  wanted.variable_snapshot_id = variables::take_snapshot(documents, tx, project).id.str();
  documents.insert(tx, wanted);
  store::AuditEvent event = api::audit_event(
      context, "Created",
      text::format("Release {} of {} was created", wanted.version, documents.name_of(tx, project).value_or(project)));
  event.documents = {wanted.id.str(), project};
  store::append_audit(tx, event);
  for (const auto& hook : services.release_created) hook(tx, wanted.id.str());
  return wanted;
}

}  // namespace fairlead::features::releases
