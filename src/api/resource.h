// SPDX-License-Identifier: Apache-2.0
// The rows of a plain resource: list, /all, create, read, replace, delete, with paging, filters, slugs, audit and
// links.
//
//   api::Resource<Environment> resource{.path = "/environments", .item_type = "Environment", .permission =
//   "Environment"}; resource.check = [](api::Context&, store::Tx&, Environment& incoming, const Environment* stored) {
//   ... }; resource.links = [](const Environment& environment) { return api::Links(); }; api::add_resource(server,
//   resource);
//
// T follows the convention of models: `Id<T> id`, `std::string name`, and where the wire has them `space_id` and
// `slug`.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "api/audit_trail.h"
#include "api/endpoint.h"
#include "api/links.h"
#include "api/paging.h"
#include "api/server.h"
#include "base/error.h"
#include "base/text.h"

namespace fairlead::api {

template <class T>
struct Resource {
  std::string path;        // "/environments", below the scope's prefix
  std::string item_type;   // "Environment": of the paging envelope and of audit texts
  std::string permission;  // "Environment": EnvironmentView, EnvironmentCreate, EnvironmentEdit, EnvironmentDelete
  Scope scope = Scope::space;
  std::vector<std::pair<std::string, std::string>> filters = {};  // query parameter -> indexed or referring field
  bool has_all = true;
  bool can_create = true;
  bool can_edit = true;
  bool can_remove = true;

  // Defaults and rules, in the transaction and before the write. `stored` is null on create.
  std::function<void(Context&, store::Tx&, T& incoming, const T* stored)> check = {};
  // After the write, in the same transaction.
  std::function<void(Context&, store::Tx&, T& written, bool created)> written = {};
  // Before the removal: refuse with Error(invalid), or remove what belongs to it.
  std::function<void(Context&, store::Tx&, const T&)> removing = {};
  std::function<void(const Context&, store::Query&)> narrow = {};  // more list filters
  std::function<Links(const T&)> links = {};
  // Fills wire-only members before encoding; on a snapshot.
  std::function<void(const store::Tx&, T&)> complete = {};
};

template <class T>
concept InSpace = requires(T t) { t.space_id; };
template <class T>
concept HasSlug = requires(T t) { t.slug; };

// The document with that id or, where the type has slugs, that slug; only of the given space. Throws Error(not_found).
template <class T>
T get_in_space(const store::Documents& documents, const store::Tx& tx, std::string_view space,
               std::string_view id_or_slug) {
  std::optional<T> found = documents.find<T>(tx, id_or_slug);
  if constexpr (HasSlug<T>) {
    if (!found) {
      store::Query query;
      query.where("Slug", text::lower(id_or_slug));
      if constexpr (InSpace<T>) query.in_space(std::string(space));
      found = documents.first<T>(tx, query);
    }
  }
  if constexpr (InSpace<T>) {
    if (found && !space.empty() && found->space_id != space) found.reset();
  }
  if (!found) throw not_found(text::format("The resource '{}' was not found.", id_or_slug));
  return *std::move(found);
}

// By id, then by name (without case), then by slug: what the Executions API accepts. Throws Error(not_found) with
// `noun`.
template <class T>
T get_by_any_name(const store::Documents& documents, const store::Tx& tx, std::string_view space, std::string_view text,
                  std::string_view noun) {
  std::optional<T> found = documents.find<T>(tx, text);
  if constexpr (InSpace<T>) {
    if (found && found->space_id != space) found.reset();
  }
  if (!found)
    found = documents.first<T>(tx, store::Query().in_space(std::string(space)).where("Name", std::string(text)));
  if constexpr (HasSlug<T>) {
    if (!found)
      found = documents.first<T>(tx, store::Query().in_space(std::string(space)).where("Slug", text::lower(text)));
  }
  if (!found) throw invalid(text::format("There is no {} with the name, id or slug '{}' in this space.", noun, text));
  return *std::move(found);
}

// The document that has the slug, within the space.
template <class T>
std::optional<T> find_by_slug(const store::Documents& documents, const store::Tx& tx, std::string_view space,
                              std::string_view slug) {
  store::Query query;
  query.where("Slug", std::string(slug));
  if constexpr (InSpace<T>) query.in_space(std::string(space));
  return documents.first<T>(tx, query);
}

// A free slug for the name, within the space.
template <class T>
std::string free_slug(const store::Documents& documents, const store::Tx& tx, std::string_view space,
                      std::string_view name) {
  const std::string base = text::slug(name);
  std::string candidate = base;
  for (int suffix = 1; find_by_slug<T>(documents, tx, space, candidate); ++suffix)
    candidate = text::format("{}-{}", base, suffix);
  return candidate;
}

// The slug of a document that is created or replaced: the stored one or a free one where none is given; a new one must
// be free.
template <class T>
void settle_slug(const store::Documents& documents, const store::Tx& tx, std::string_view space, T& document,
                 const T* stored) {
  if (document.slug.empty()) {
    document.slug = stored != nullptr ? stored->slug : free_slug<T>(documents, tx, space, document.name);
  }
  if (stored != nullptr && stored->slug == document.slug) return;
  if (text::slug(document.slug) != document.slug) {
    throw invalid_at("Slug", "must be lower-case letters and digits with single hyphens between them");
  }
  const std::optional<T> other = find_by_slug<T>(documents, tx, space, document.slug);
  if (other && other->id != document.id) {
    throw invalid_at("Slug", text::format("'{}' is the slug of {} ({}); choose another one", document.slug, other->name,
                                          other->id.str()));
  }
}

template <class T>
std::string encode_resource(const Resource<T>& resource, const store::Tx& tx, T document) {
  if (resource.complete) resource.complete(tx, document);
  std::string body = json::encode(document);
  return resource.links ? with_links(std::move(body), resource.links(document)) : body;
}

// The conditions of a list request: space, ids, name, partialName and the resource's own filters.
template <class T>
store::Query list_query(const Resource<T>& resource, const Context& context) {
  store::Query query;
  if constexpr (InSpace<T>) query.in_space(context.space_id());
  const auto given = [&](std::string_view name) {
    return context.query(name).has_value() && !context.query(name)->empty();
  };
  if (given("ids")) query.ids = context.query_list("ids");
  if (given("name")) query.where("Name", *context.query("name"));
  if (given("partialName")) query.containing("Name", *context.query("partialName"));
  for (const auto& [parameter, field] : resource.filters) {
    if (given(parameter)) query.where_any(field, context.query_list(parameter));
  }
  if (resource.narrow) resource.narrow(context, query);
  return query;
}

// One page of a list: the resource's own, or a narrower one of another route ("/projects/{id}/channels").
template <class T>
net::Response list_page(const Server& server, const Resource<T>& resource, const Context& context, const store::Tx& tx,
                        store::Query query) {
  const Page page = page_of(context);
  store::Page<T> found = server.documents.list<T>(tx, query.page(page.skip, page.take));
  std::vector<std::string> items;
  for (T& item : found.items) items.push_back(encode_resource(resource, tx, std::move(item)));
  return json_response(paged(context, resource.item_type, items, found.total, page));
}

// The same as a plain array, whole.
template <class T>
net::Response list_array(const Server& server, const Resource<T>& resource, const store::Tx& tx, store::Query query) {
  std::vector<std::string> items;
  for (T& item : server.documents.all<T>(tx, std::move(query)))
    items.push_back(encode_resource(resource, tx, std::move(item)));
  return json_response(raw_array(items));
}

// The steps of creating and replacing, for rows and for slices that create on the way (a project's default channel).
template <class T>
void create_resource(const Server& server, const Resource<T>& resource, Context& context, store::Tx& tx, T& document) {
  if constexpr (InSpace<T>) document.space_id = context.space_id();
  if (resource.check) resource.check(context, tx, document, nullptr);
  if constexpr (HasSlug<T>) settle_slug<T>(server.documents, tx, context.space_id(), document, nullptr);
  server.documents.insert(tx, document);
  audit_created(tx, context, resource.item_type, document.id.str(), document.name);
  if (resource.written) resource.written(context, tx, document, true);
}

template <class T>
void replace_resource(const Server& server, const Resource<T>& resource, Context& context, store::Tx& tx,
                      const T& stored, T& document) {
  json::keep_from_stored(type_of(json::Tag<T>{}), &stored, &document);
  document.id = stored.id;
  if constexpr (InSpace<T>) document.space_id = stored.space_id;
  if (resource.check) resource.check(context, tx, document, &stored);
  if constexpr (HasSlug<T>) settle_slug<T>(server.documents, tx, context.space_id(), document, &stored);
  server.documents.update(tx, document);
  audit_modified(tx, context, resource.item_type, document.id.str(), document.name,
                 store::difference(stored, document));
  if (resource.written) resource.written(context, tx, document, false);
}

namespace detail {

template <class T>
void add_list_rows(Server& server, const std::shared_ptr<const Resource<T>>& resource) {
  server.router.add({"GET", resource->scope, resource->path, resource->permission + "View",
                     text::format("Lists {}.", resource->path.substr(1)), [&server, resource](Context& context) {
                       return server.store.read([&](const store::Tx& tx) {
                         return list_page(server, *resource, context, tx, list_query(*resource, context));
                       });
                     }});
  if (!resource->has_all) return;
  server.router.add({"GET", resource->scope, resource->path + "/all", resource->permission + "View",
                     text::format("All {} as a plain array.", resource->path.substr(1)),
                     [&server, resource](Context& context) {
                       return server.store.read([&](const store::Tx& tx) {
                         return list_array(server, *resource, tx, list_query(*resource, context));
                       });
                     }});
}

template <class T>
void add_write_rows(Server& server, const std::shared_ptr<const Resource<T>>& resource) {
  if (resource->can_create) {
    server.router.add({"POST", resource->scope, resource->path, resource->permission + "Create",
                       text::format("Creates one of {}.", resource->path.substr(1)),
                       [&server, resource](Context& context) {
                         const T incoming = context.body<T>();
                         return server.store.write([&](store::Tx& tx) {
                           T document = incoming;
                           create_resource(server, *resource, context, tx, document);
                           return created(encode_resource(*resource, tx, std::move(document)));
                         });
                       }});
  }
  if (resource->can_edit) {
    server.router.add(
        {"PUT", resource->scope, resource->path + "/{id}", resource->permission + "Edit",
         text::format("Replaces one of {}.", resource->path.substr(1)), [&server, resource](Context& context) {
           const T incoming = context.body<T>();
           return server.store.write([&](store::Tx& tx) {
             const T stored = get_in_space<T>(server.documents, tx, context.space_id(), context.parameter("id"));
             T document = incoming;
             replace_resource(server, *resource, context, tx, stored, document);
             return json_response(encode_resource(*resource, tx, std::move(document)));
           });
         }});
  }
  if (resource->can_remove) {
    server.router.add(
        {"DELETE", resource->scope, resource->path + "/{id}", resource->permission + "Delete",
         text::format("Deletes one of {}.", resource->path.substr(1)), [&server, resource](Context& context) {
           return server.store.write([&](store::Tx& tx) {
             const T stored = get_in_space<T>(server.documents, tx, context.space_id(), context.parameter("id"));
             if (resource->removing) resource->removing(context, tx, stored);
             server.documents.remove(tx, stored.id);
             audit_deleted(tx, context, resource->item_type, stored.id.str(), stored.name);
             return json_response("{}");
           });
         }});
  }
}

}  // namespace detail

// Adds the rows. The resource is copied; the result is shared with them, for slices that need it again.
template <class T>
std::shared_ptr<const Resource<T>> add_resource(Server& server, Resource<T> resource) {
  auto shared = std::make_shared<const Resource<T>>(std::move(resource));
  detail::add_list_rows<T>(server, shared);
  server.router.add(
      {"GET", shared->scope, shared->path + "/{id}", shared->permission + "View",
       text::format("One of {} by id or slug.", shared->path.substr(1)), [&server, shared](Context& context) {
         return server.store.read([&](const store::Tx& tx) {
           return json_response(encode_resource(
               *shared, tx, get_in_space<T>(server.documents, tx, context.space_id(), context.parameter("id"))));
         });
       }});
  detail::add_write_rows<T>(server, shared);
  return shared;
}

}  // namespace fairlead::api
