// SPDX-License-Identifier: Apache-2.0
#include "features/channels/install.h"

#include "api/resource.h"
#include "domain/name_rules.h"
#include "features/channels/model.h"
#include "features/channels/rules.h"
#include "features/lifecycles/model.h"
#include "features/projects/model.h"
#include "features/releases/model.h"

namespace fairlead::features::channels {

namespace {

using ChannelResource = std::shared_ptr<const api::Resource<Channel>>;

// Exactly one channel of a project is the default: making one so unmakes the other.
void keep_one_default(Services& services, store::Tx& tx, const Channel& written) {
  if (!written.is_default) return;
  store::Query query;
  query.where("ProjectId", written.project_id).where("IsDefault", true);
  for (Channel& other : services.api.documents.all<Channel>(tx, query)) {
    if (other.id == written.id) continue;
    other.is_default = false;
    services.api.documents.update(tx, other);
  }
}

void check(Services& services, const std::string& space, store::Tx& tx, Channel& incoming, const Channel* stored) {
  domain::require_name(incoming.name, "Name");
  if (incoming.project_id.empty()) throw invalid_at("ProjectId", "is required");
  api::get_in_space<projects::Project>(services.api.documents, tx, space, incoming.project_id);
  if (!incoming.lifecycle_id.empty()) {
    api::get_in_space<lifecycles::Lifecycle>(services.api.documents, tx, space, incoming.lifecycle_id);
  }
  if (incoming.type.empty()) incoming.type = "Lifecycle";
  if (!text::equals_ignoring_case(incoming.type, "Lifecycle")) {
    throw Error(Fault::unsupported, "Channels for ephemeral environments are not supported yet; leave Type out.");
  }
  package_rules_of(incoming);
  if (stored != nullptr && stored->is_default && !incoming.is_default) {
    throw invalid_at("IsDefault",
                     "the default channel stays the default until another channel of the project is made the default");
  }
}

api::Resource<Channel> resource_of(Services& services) {
  api::Resource<Channel> resource{
      .path = "/channels", .item_type = "Channel", .permission = "Process", .filters = {{"projectId", "ProjectId"}}};
  resource.check = [&services](api::Context& context, store::Tx& tx, Channel& incoming, const Channel* stored) {
    check(services, context.space_id(), tx, incoming, stored);
  };
  resource.written = [&services](api::Context&, store::Tx& tx, Channel& channel, bool) {
    keep_one_default(services, tx, channel);
  };
  resource.removing = [&services](api::Context&, store::Tx& tx, const Channel& channel) {
    if (channel.is_default) throw invalid("The default channel of a project cannot be deleted.");
    const auto release =
        services.api.documents.first<releases::Release>(tx, store::Query().where("ChannelId", channel.id.str()));
    if (release) {
      throw invalid(text::format("The channel {} has releases, such as {} ({}); delete them first.", channel.name,
                                 release->version, release->id.str()));
    }
  };
  resource.links = [](const Channel& channel) {
    const std::string space = "/api/" + channel.space_id;
    return api::Links()
        .add("Self", space + "/channels/" + channel.id.str())
        .add("Releases", space + "/channels/" + channel.id.str() + "/releases{?skip,take,searchByVersion}")
        .add("Projects", space + "/projects/" + channel.project_id)
        .add("Project", space + "/projects/" + channel.project_id);
  };
  return resource;
}

// The same rows below a project, as the Terraform provider and the Go SDK use them.
void add_project_rows(Services& services, const ChannelResource& resource) {
  services.api.router.add({"GET", api::Scope::space, "/projects/{projectId}/channels", "ProcessView",
                           "Lists the channels of a project.", [&services, resource](api::Context& context) {
                             return services.api.store.read([&](const store::Tx& tx) {
                               const auto project = api::get_in_space<projects::Project>(
                                   services.api.documents, tx, context.space_id(), context.parameter("projectId"));
                               store::Query query = api::list_query(*resource, context);
                               return api::list_page(services.api, *resource, context, tx,
                                                     query.where("ProjectId", project.id.str()));
                             });
                           }});
  services.api.router.add({"POST", api::Scope::space, "/projects/{projectId}/channels", "ProcessCreate",
                           "Creates a channel of a project.", [&services, resource](api::Context& context) {
                             const Channel incoming = context.body<Channel>();
                             return services.api.store.write([&](store::Tx& tx) {
                               Channel channel = incoming;
                               channel.project_id =
                                   api::get_in_space<projects::Project>(services.api.documents, tx, context.space_id(),
                                                                        context.parameter("projectId"))
                                       .id.str();
                               api::create_resource(services.api, *resource, context, tx, channel);
                               return api::created(api::encode_resource(*resource, tx, std::move(channel)));
                             });
                           }});
  for (const char* method : {"GET", "PUT", "DELETE"}) {
    const std::string verb = method;
    const std::string permission = verb == "GET" ? "ProcessView" : verb == "PUT" ? "ProcessEdit" : "ProcessDelete";
    services.api.router.add({verb, api::Scope::space, "/projects/{projectId}/channels/{id}", permission,
                             "One channel of a project.", [&services, verb](api::Context& context) {
                               // The channel's own row does the work; the project in the path only has to exist.
                               services.api.store.read([&](const store::Tx& tx) {
                                 api::get_in_space<projects::Project>(services.api.documents, tx, context.space_id(),
                                                                      context.parameter("projectId"));
                               });
                               const api::Router::Match own = services.api.router.match(
                                   verb, "/api/" + context.space_id() + "/channels/" + context.parameter("id"));
                               return own.endpoint->handler(context);
                             }});
  }
}

}  // namespace

void install(Services& services) {
  services.api.documents.add<Channel>(
      {.table = "channel", .id_prefix = "Channels", .noun = "channel", .unique_within = "ProjectId"});
  const ChannelResource resource = api::add_resource(services.api, resource_of(services));
  add_project_rows(services, resource);
  services.project_created.emplace_back(
      [&services](store::Tx& tx, const std::string& space, const std::string& project) {
        Channel channel;
        channel.space_id = space;
        channel.project_id = project;
        channel.name = "Default";
        channel.slug = "default";
        channel.is_default = true;
        services.api.documents.insert(tx, channel);
      });
  services.project_removing.emplace_back([&services](store::Tx& tx, const std::string& project) {
    for (const Channel& channel : services.api.documents.all<Channel>(tx, store::Query().where("ProjectId", project))) {
      services.api.documents.remove(tx, channel.id);
    }
  });
}

}  // namespace fairlead::features::channels
