// SPDX-License-Identifier: Apache-2.0
// Documents: aggregates kept as JSON with plain index columns, both derived from the type table of the struct.
//
//   documents.add<Project>({.table = "project", .id_prefix = "Projects", .noun = "project"});
//   documents.prepare();                                     // once, after all add() calls: makes or extends tables
//   store.write([&](Tx& tx) { documents.insert(tx, project); });
//
// What the type table must have: a field "Id" (Id<T> or string); for documents of a space a field "SpaceId". An integer
// field "Version" is kept equal to the row's version. Flags used: indexed, unique_in_space, refers (also inside nested
// objects), wire_only. Values of json::SensitiveValue and json::PropertyValue are sealed in place by insert() and
// update(). Threads: add() and prepare() at start-up by one thread; the rest is thread-safe.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/id.h"
#include "base/recent.h"
#include "json/type.h"
#include "store/sealing.h"
#include "store/store.h"

namespace fairlead::store {

// Every change of a document is an outbox event of this topic. Its key is the id, its payload
// {"Kind":"project","Id":"Projects-1","SpaceId":"Spaces-1","Version":3,"Change":"Created"|"Modified"|"Deleted"}.
inline constexpr std::string_view kDocumentTopic = "document";

struct DocumentOptions {
  std::string_view table;      // "project": the table is doc_project
  std::string_view id_prefix;  // "Projects": ids are Projects-1, Projects-2, ...
  std::string_view noun;       // "project": for texts
  bool space_scoped = true;
  std::string_view sort = "Name";       // default order: this field (must be indexed or "Id"), then the id's number
  std::string_view unique_within = {};  // an indexed field that narrows unique_in_space ("ProjectId" for channels)
  std::int64_t first_number = 1;
  bool publish = true;   // announce every change in the outbox, see kDocumentTopic
  bool history = false;  // its references are listed by usages() but do not protect what they refer to
  // Indexes over several fields with columns, for queries that ask for all of them (or the first ones) and may meet
  // many documents: {"ReleaseId", "State"}. "SpaceId" stands for what Query::in_space asks for.
  std::vector<std::vector<std::string_view>> indexes = {};
};

// One condition on an indexed field, a field that refers, or "Id". Texts of unique fields compare without case, others
// exactly.
struct Condition {
  enum class Kind { any_of, none_of, at_least, below, contains };
  using Operand = std::variant<std::string, std::int64_t>;
  std::string field;
  Kind kind = Kind::any_of;
  std::vector<Operand> operands;
};

// Which documents, in which order. Every condition must hold.
struct Query {
  static constexpr std::size_t kMaxOperands = 5'000;

  std::optional<std::string> space;
  std::optional<std::vector<std::string>> ids;  // an empty list finds nothing
  std::vector<Condition> conditions;
  std::string order;  // wire name; empty: the type's default
  bool descending = false;
  std::int64_t skip = 0;
  std::int64_t take = 30;

  Query& in_space(std::string id) {
    space = std::move(id);
    return *this;
  }
  Query& where(std::string field, std::string value);
  Query& where(std::string field, const char* value) { return where(std::move(field), std::string(value)); }
  Query& where(std::string field, std::int64_t value);
  Query& where(std::string field, bool value) { return where(std::move(field), std::int64_t{value}); }
  Query& where_any(std::string field, std::vector<std::string> values);
  Query& where_none(std::string field, std::vector<std::string> values);
  Query& containing(std::string field, std::string part);  // without case
  Query& from(std::string field, std::int64_t least);      // inclusive; times in microseconds
  Query& below(std::string field, std::int64_t limit);     // exclusive
  Query& by(std::string field, bool descends = false) {
    order = std::move(field);
    descending = descends;
    return *this;
  }
  Query& page(std::int64_t skipped, std::int64_t taken) {
    skip = skipped;
    take = taken;
    return *this;
  }
  Query& unlimited() {
    skip = 0;
    take = INT64_MAX;
    return *this;
  }
};

template <class T>
struct Page {
  std::vector<T> items;
  std::int64_t total = 0;
};

// Who refers to a document.
struct Usage {
  std::string owner_kind;  // noun of the owner's type
  std::string owner;       // id
  std::string owner_name;  // its Name where it has one
  std::string field;       // wire name
};

class Documents {
 public:
  static constexpr std::size_t kMaxDocumentBytes = 16u << 20;

  Documents(Store& store, const Sealer& sealer);
  ~Documents();

  template <class T>
  void add(DocumentOptions options) {
    add_kind(type_of(json::Tag<T>{}), options, [] { return std::shared_ptr<void>(std::make_shared<T>()); });
  }
  // Makes tables, columns and indexes that are missing and fills new columns. Columns are never dropped.
  void prepare();

  // An id for a document that others have to name before it is inserted.
  template <class T>
  std::string new_id(Tx& tx) const {
    return new_id_erased(tx, kind_of<T>());
  }
  // Gives an id where it is empty, version 0, seals, writes. Throws Error(invalid) with "A project with this name
  // already exists. Please choose a different name." when a unique field is taken, Error(conflict) when the id is.
  template <class T>
  void insert(Tx& tx, T& document) {
    insert_erased(tx, kind_of<T>(), &document);
  }
  // Writes the document over the stored one. Throws Error(not_found), Error(conflict) when `expected_version` is stale,
  // and as insert() for unique fields. Returns the new version.
  template <class T>
  std::int64_t update(Tx& tx, T& document, std::optional<std::int64_t> expected_version = {}) {
    return update_erased(tx, kind_of<T>(), &document, expected_version);
  }
  // Throws Error(not_found), or Error(invalid) naming the owners (at most ten) while something refers to it.
  template <class T>
  void remove(Tx& tx, const Id<T>& id) {
    remove_erased(tx, kind_of<T>(), id.value);
  }

  template <class T>
  std::optional<T> find(const Tx& tx, const Id<T>& id) const {
    return find<T>(tx, std::string_view(id.value));
  }
  template <class T>
  std::optional<T> find(const Tx& tx, std::string_view id) const {
    const std::optional<std::string> text = find_json(tx, kind_of<T>(), id);
    return text ? std::optional<T>(decoded<T>(*text)) : std::nullopt;
  }
  // Throws Error(not_found): "The resource 'Projects-99' was not found."
  template <class T>
  T get(const Tx& tx, const Id<T>& id) const {
    return get<T>(tx, std::string_view(id.value));
  }
  template <class T>
  T get(const Tx& tx, std::string_view id) const {
    std::optional<T> found = find<T>(tx, id);
    if (!found) throw_not_found(id);
    return *std::move(found);
  }
  // The first document of the query.
  template <class T>
  std::optional<T> first(const Tx& tx, Query query) const {
    query.take = 1;
    const std::vector<std::string> texts = list_json(tx, kind_of<T>(), query, nullptr);
    return texts.empty() ? std::nullopt : std::optional<T>(decoded<T>(texts.front()));
  }
  template <class T>
  Page<T> list(const Tx& tx, const Query& query) const {
    Page<T> page;
    for (const std::string& text : list_json(tx, kind_of<T>(), query, &page.total)) {
      page.items.push_back(decoded<T>(text));
    }
    return page;
  }
  // Every document of the query, whatever its skip and take.
  template <class T>
  std::vector<T> all(const Tx& tx, Query query = {}) const {
    std::vector<T> items;
    for (const std::string& text : list_json(tx, kind_of<T>(), query.unlimited(), nullptr)) {
      items.push_back(decoded<T>(text));
    }
    return items;
  }
  template <class T>
  std::int64_t count(const Tx& tx, const Query& query = {}) const {
    return count_erased(tx, kind_of<T>(), query);
  }
  // How many there are of each value of a text field that has a column.
  template <class T>
  std::map<std::string, std::int64_t> count_by(const Tx& tx, const Query& query, std::string_view field) const {
    return count_by_erased(tx, kind_of<T>(), query, field);
  }
  template <class T>
  bool exists(const Tx& tx, std::string_view id) const {
    return version_erased(tx, kind_of<T>(), id).has_value();
  }
  // The row's version: what update() compares with.
  template <class T>
  std::optional<std::int64_t> version(const Tx& tx, std::string_view id) const {
    return version_erased(tx, kind_of<T>(), id);
  }
  // A document's Name (its id where the type has none), for texts; nullopt when no type knows the id.
  std::optional<std::string> name_of(const Tx& tx, std::string_view id) const;
  std::vector<Usage> usages(const Tx& tx, std::string_view id, int limit = 1'000) const;

  const Sealer& sealer() const { return sealer_; }

  class Kind;  // what is known of one document type

 private:
  using Make = std::shared_ptr<void> (*)();
  void add_kind(const json::Type& type, DocumentOptions options, Make make);
  const Kind& kind_of(const json::Type& type) const;
  template <class T>
  const Kind& kind_of() const {
    return kind_of(type_of(json::Tag<T>{}));
  }
  // What was decoded lately, by its text: a request or a wake reads the same projects, environments and users again and
  // again, and decoding costs more than reading.
  using Decoded = Recent<std::shared_ptr<const void>>;
  static constexpr std::size_t kMaxRememberedBytes = 8u << 10;
  static Decoded& decoded_of(const Kind& kind);
  template <class T>
  T decoded(const std::string& text) const {
    if (text.size() > kMaxRememberedBytes) return json::decode<T>(text, json::Mode::store);
    const auto value = decoded_of(kind_of<T>()).get(text, [&]() -> std::shared_ptr<const void> {
      return std::make_shared<const T>(json::decode<T>(text, json::Mode::store));
    });
    return *static_cast<const T*>(value->get());
  }
  [[noreturn]] static void throw_not_found(std::string_view id);
  static std::string new_id_erased(Tx& tx, const Kind& kind);
  void insert_erased(Tx& tx, const Kind& kind, void* document);
  std::int64_t update_erased(Tx& tx, const Kind& kind, void* document, std::optional<std::int64_t> expected_version);
  void remove_erased(Tx& tx, const Kind& kind, std::string_view id);
  void refuse_used(const Tx& tx, const Kind& kind, std::string_view id) const;
  Usage usage_of(const Tx& tx, std::string owner_kind, std::string owner, std::string field) const;
  std::optional<std::string> find_json(const Tx& tx, const Kind& kind, std::string_view id) const;
  std::vector<std::string> list_json(const Tx& tx, const Kind& kind, const Query& query, std::int64_t* total) const;
  std::int64_t count_erased(const Tx& tx, const Kind& kind, const Query& query) const;
  std::map<std::string, std::int64_t> count_by_erased(const Tx& tx, const Kind& kind, const Query& query,
                                                      std::string_view field) const;
  std::optional<std::int64_t> version_erased(const Tx& tx, const Kind& kind, std::string_view id) const;

  Store& store_;
  const Sealer& sealer_;
  std::map<const json::Type*, std::unique_ptr<Kind>> kinds_;
};

}  // namespace fairlead::store
