// SPDX-License-Identifier: Apache-2.0
#include "features/releases/install.h"

#include "api/resource.h"
#include "domain/version.h"
#include "features/channels/model.h"
#include "features/deployments/model.h"
#include "features/projects/model.h"
#include "features/releases/create.h"
#include "features/releases/model.h"
#include "features/releases/process_template.h"
#include "features/releases/progression.h"
#include "features/releases/rules.h"
#include "features/releases/view.h"

namespace fairlead::features::releases {

namespace {

net::Response create_v1(Services& services, const api::Context& context) {
  const auto body = context.body<CreateCommand>();
  if (!body.git_ref.empty() || !body.git_commit.empty()) {
    throw Error(Fault::unsupported, "Projects in Git are not supported yet; leave GitRef and GitCommit out.");
  }
  if (!body.git_resources.empty()) {
    throw Error(Fault::unsupported, "Steps with files from Git are not supported yet; leave GitResources out.");
  }
  return services.api.store.write([&](store::Tx& tx) {
    const store::Documents& documents = services.api.documents;
    const auto project =
        api::get_by_any_name<projects::Project>(documents, tx, context.space_id(), body.project_name, "project");
    std::optional<Release> release;
    if (body.ignore_if_already_exists && !body.release_version.empty()) {
      release = find_by_version(documents, tx, project.id.str(), body.release_version);
    }
    if (!release) {
      Release wanted;
      wanted.version = body.release_version;
      wanted.release_notes = body.release_notes;
      wanted.ignore_channel_rules = body.ignore_channel_rules;
      wanted.custom_fields = body.custom_fields;
      if (!body.channel_name.empty()) {
        store::Query query;
        query.where("ProjectId", project.id.str()).where("Name", body.channel_name);
        auto channel = documents.first<channels::Channel>(tx, query);
        if (!channel) channel = documents.find<channels::Channel>(tx, body.channel_name);
        if (!channel) {
          channel = documents.first<channels::Channel>(
              tx, store::Query().where("ProjectId", project.id.str()).where("Slug", text::lower(body.channel_name)));
        }
        if (!channel || channel->project_id != project.id.str()) {
          throw invalid_at("ChannelName",
                           text::format("the project {} has no channel '{}'", project.name, body.channel_name));
        }
        wanted.channel_id = channel->id.str();
      }
      release = create_release(services, tx, context, project.id.str(), std::move(wanted),
                               {body.packages, body.package_version});
    }
    std::string answer = "{\"ReleaseId\":";
    json::append_string(answer, release->id.str());
    answer += ",\"ReleaseVersion\":";
    json::append_string(answer, release->version);
    return api::json_response(answer + "}");
  });
}

net::Response create_classic(Services& services, const api::Context& context) {
  const auto body = context.body<Release>();
  return services.api.store.write([&](store::Tx& tx) {
    const auto project =
        api::get_in_space<projects::Project>(services.api.documents, tx, context.space_id(), body.project_id);
    return api::created(encode_release(create_release(services, tx, context, project.id.str(), body)));
  });
}

net::Response list(Services& services, const api::Context& context, store::Query query) {
  const api::Page page = api::page_of(context);
  return services.api.store.read([&](const store::Tx& tx) {
    query.in_space(context.space_id()).by("Assembled", true).page(page.skip, page.take);
    if (auto ids = context.query_list("ids"); !ids.empty()) query.ids = std::move(ids);
    if (const auto search = context.query("searchByVersion"); search && !search->empty())
      query.containing("Version", *search);
    const auto found = services.api.documents.list<Release>(tx, query);
    std::vector<std::string> items;
    for (const Release& release : found.items) items.push_back(encode_release(release));
    return api::json_response(api::paged(context, "Release", items, found.total, page));
  });
}

Release release_of(Services& services, const store::Tx& tx, const api::Context& context) {
  return api::get_in_space<Release>(services.api.documents, tx, context.space_id(), context.parameter("id"));
}

net::Response replace(Services& services, const api::Context& context) {
  const auto body = context.body<Release>();
  return services.api.store.write([&](store::Tx& tx) {
    const Release stored = release_of(services, tx, context);
    Release release = stored;
    release.release_notes = body.release_notes;
    release.custom_fields = body.custom_fields;
    if (!body.version.empty() && body.version != stored.version) {
      if (services.api.documents.count<deployments::Deployment>(
              tx, store::Query().where("ReleaseId", stored.id.str())) > 0) {
        throw invalid_at("Version", "cannot be changed after the release has been deployed");
      }
      domain::require_version(body.version, "Version");
      const auto other = find_by_version(services.api.documents, tx, stored.project_id, body.version);
      if (other && other->id != stored.id) throw invalid_at("Version", "is taken by another release of the project");
      release.version = body.version;
    }
    if (!body.channel_id.empty() && body.channel_id != stored.channel_id) {
      const auto channel = services.api.documents.find<channels::Channel>(tx, body.channel_id);
      if (!channel || channel->project_id != stored.project_id)
        throw invalid_at("ChannelId", "is no channel of the release's project");
      release.channel_id = channel->id.str();
    }
    services.api.documents.update(tx, release);
    api::audit_modified(tx, context, "Release", release.id.str(), release.version, store::difference(stored, release));
    return api::json_response(encode_release(release));
  });
}

// The project's variables as they are now, in the place of those that the release was made with.
net::Response snapshot_variables(Services& services, const api::Context& context) {
  return services.api.store.write([&](store::Tx& tx) {
    const Release stored = release_of(services, tx, context);
    Release release = stored;
    refresh_variables(services.api.documents, tx, release);
    api::audit_modified(tx, context, "Release", release.id.str(), release.version, store::difference(stored, release));
    return api::json_response(encode_release(release));
  });
}

void remove_defects(store::Documents& documents, store::Tx& tx, const Release& release) {
  const store::Query of_release = store::Query().where("ReleaseId", release.id.str());
  for (const Defect& defect : documents.all<Defect>(tx, of_release)) documents.remove(tx, defect.id);
}

net::Response remove(Services& services, const api::Context& context) {
  return services.api.store.write([&](store::Tx& tx) {
    store::Documents& documents = services.api.documents;
    const Release release = release_of(services, tx, context);
    const store::Query of_release = store::Query().where("ReleaseId", release.id.str());
    for (const auto& deployment : documents.all<deployments::Deployment>(tx, of_release)) {
      const auto state = domain::parse_task_state(deployment.state);
      if (state && !domain::is_finished(*state)) {
        throw invalid(text::format("The release {} is being deployed ({}); cancel that task first.", release.version,
                                   deployment.task_id));
      }
      documents.remove(tx, deployment.id);
    }
    remove_defects(documents, tx, release);
    documents.remove(tx, release.id);
    api::audit_deleted(tx, context, "Release", release.id.str(), release.version);
    return api::json_response("{}");
  });
}

net::Response list_defects(Services& services, const api::Context& context) {
  const api::Page page = api::page_of(context);
  return services.api.store.read([&](const store::Tx& tx) {
    const Release release = release_of(services, tx, context);
    const store::Query query =
        store::Query().where("ReleaseId", release.id.str()).by("Created", true).page(page.skip, page.take);
    const auto found = services.api.documents.list<Defect>(tx, query);
    std::vector<std::string> items;
    for (const Defect& defect : found.items) items.push_back(json::encode(defect));
    return api::json_response(api::paged(context, "Defect", items, found.total, page));
  });
}

net::Response report_defect(Services& services, const api::Context& context) {
  const auto body = context.body<Defect>();
  return services.api.store.write([&](store::Tx& tx) {
    const Release release = release_of(services, tx, context);
    Defect defect;
    defect.release_id = release.id.str();
    defect.description = body.description;
    defect.created = tx.now();
    services.api.documents.insert(tx, defect);
    store::AuditEvent event =
        api::audit_event(context, "ReleaseDefectReported",
                         text::format("Release {} was blocked: {}", release.version, defect.description));
    event.documents = {release.id.str(), release.project_id};
    store::append_audit(tx, event);
    return api::created(json::encode(defect));
  });
}

net::Response resolve_defects(Services& services, const api::Context& context) {
  return services.api.store.write([&](store::Tx& tx) {
    const Release release = release_of(services, tx, context);
    const store::Query open = store::Query().where("ReleaseId", release.id.str()).where("Status", "Unresolved");
    for (Defect& defect : services.api.documents.all<Defect>(tx, open)) {
      defect.status = "Resolved";
      services.api.documents.update(tx, defect);
    }
    store::AuditEvent event =
        api::audit_event(context, "ReleaseDefectResolved", text::format("Release {} was unblocked", release.version));
    event.documents = {release.id.str(), release.project_id};
    store::append_audit(tx, event);
    return api::json_response("{}");
  });
}

std::string project_id_of(Services& services, const api::Context& context) {
  return services.api.store.read([&](const store::Tx& tx) {
    return api::get_in_space<projects::Project>(services.api.documents, tx, context.space_id(),
                                                context.parameter("projectId"))
        .id.str();
  });
}

void add_release_rows(Services& services) {
  using api::Context;
  api::Router& router = services.api.router;
  const api::Scope space = api::Scope::space;
  router.add({"POST", space, "/releases/create/v1", "ReleaseCreate", "Creates a release.",
              [&services](Context& context) { return create_v1(services, context); }});
  router.add({"POST", space, "/releases", "ReleaseCreate", "Creates a release.",
              [&services](Context& context) { return create_classic(services, context); }});
  router.add({"GET", space, "/releases", "ReleaseView", "Lists releases, newest first.",
              [&services](Context& context) { return list(services, context, store::Query()); }});
  router.add({"GET", space, "/releases/{id}", "ReleaseView", "A release.", [&services](Context& context) {
                return services.api.store.read([&](const store::Tx& tx) {
                  return api::json_response(encode_release(release_of(services, tx, context)));
                });
              }});
  router.add({"PUT", space, "/releases/{id}", "ReleaseEdit", "Changes notes, custom fields or an undeployed version.",
              [&services](Context& context) { return replace(services, context); }});
  router.add({"DELETE", space, "/releases/{id}", "ReleaseDelete", "Deletes a release with its deployments.",
              [&services](Context& context) { return remove(services, context); }});
  router.add({"GET", space, "/releases/{id}/defects", "DefectReport", "Reasons that block a release.",
              [&services](Context& context) { return list_defects(services, context); }});
  router.add({"POST", space, "/releases/{id}/defects", "DefectReport", "Blocks a release from going further.",
              [&services](Context& context) { return report_defect(services, context); }});
  router.add({"POST", space, "/releases/{id}/defects/resolve", "DefectResolve", "Unblocks a release.",
              [&services](Context& context) { return resolve_defects(services, context); }});
  router.add({"POST", space, "/releases/{id}/snapshot-variables", "ReleaseEdit",
              "Takes the project's variables into a release anew.",
              [&services](Context& context) { return snapshot_variables(services, context); }});
  router.add({"GET", space, "/releases/{id}/missingpackages", "ReleaseView",
              "Packages of a release that its feeds have no longer.", [&services](Context& context) {
                services.api.store.read([&](const store::Tx& tx) { release_of(services, tx, context); });
                return api::json_response("{\"Packages\":[]}");
              }});
}

void add_project_rows(Services& services) {
  using api::Context;
  api::Router& router = services.api.router;
  const api::Scope space = api::Scope::space;
  router.add({"GET", space, "/projects/{projectId}/releases", "ReleaseView", "The releases of a project, newest first.",
              [&services](Context& context) {
                return list(services, context, store::Query().where("ProjectId", project_id_of(services, context)));
              }});
  router.add({"GET", space, "/projects/{projectId}/releases/{version}", "ReleaseView",
              "The release of a project with a version.", [&services](Context& context) {
                const std::string project = project_id_of(services, context);
                return services.api.store.read([&](const store::Tx& tx) {
                  const auto release =
                      find_by_version(services.api.documents, tx, project, context.parameter("version"));
                  if (!release)
                    throw not_found(text::format("The resource '{}' was not found.", context.parameter("version")));
                  return api::json_response(encode_release(*release));
                });
              }});
  router.add({"GET", space, "/channels/{channelId}/releases", "ReleaseView", "The releases of a channel, newest first.",
              [&services](Context& context) {
                return list(services, context, store::Query().where("ChannelId", context.parameter("channelId")));
              }});
  router.add({"GET", space, "/projects/{projectId}/channels/{channelId}/releases", "ReleaseView",
              "The releases of a channel, newest first.", [&services](Context& context) {
                return list(services, context,
                            store::Query()
                                .where("ProjectId", project_id_of(services, context))
                                .where("ChannelId", context.parameter("channelId")));
              }});
}

}  // namespace

void install(Services& services) {
  services.api.documents.add<Release>({.table = "release",
                                       .id_prefix = "Releases",
                                       .noun = "release",
                                       .sort = "Assembled",
                                       .history = true,
                                       .indexes = {{"ProjectId", "Version"}}});
  services.api.documents.add<Defect>({.table = "defect",
                                      .id_prefix = "Defects",
                                      .noun = "defect",
                                      .space_scoped = false,
                                      .sort = "Created",
                                      .history = true});
  services.project_removing.emplace_back([&services](store::Tx& tx, const std::string& project) {
    store::Documents& documents = services.api.documents;
    for (const Release& release : documents.all<Release>(tx, store::Query().where("ProjectId", project))) {
      remove_defects(documents, tx, release);
      documents.remove(tx, release.id);
    }
  });
  add_release_rows(services);
  add_project_rows(services);
  add_progression_rows(services);
  add_template_rows(services);
}

}  // namespace fairlead::features::releases
