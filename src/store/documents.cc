// SPDX-License-Identifier: Apache-2.0
#include "store/documents.h"

#include <algorithm>

#include "base/error.h"
#include "base/text.h"
#include "json/value.h"
#include "store/document_kind.h"
#include "store/outbox.h"

namespace fairlead::store {

namespace {

constexpr std::int64_t kMaxNamedOwners = 10;

// "A project", "An environment".
std::string with_article(std::string_view noun) {
  const bool vowel = !noun.empty() && std::string_view("aeiouAEIOU").find(noun.front()) != std::string_view::npos;
  return text::format("{} {}", vowel ? "An" : "A", noun);
}

// "ProjectGroupId" -> "project group id".
std::string words_of(std::string_view wire_name) {
  std::string words;
  for (const char c : wire_name) {
    const bool upper = c >= 'A' && c <= 'Z';
    if (upper && !words.empty()) words += ' ';
    words += upper ? static_cast<char>(c - 'A' + 'a') : c;
  }
  return words;
}

Error taken(const std::string& noun, std::string_view field) {
  const std::string word = words_of(field);
  return invalid(
      text::format("{} with this {} already exists. Please choose a different {}.", with_article(noun), word, word));
}

void seal(const Sealer& sealer, json::SensitiveValue& value) {
  if (value.new_value) {
    value.sealed = value.new_value->empty() ? std::string() : sealer.seal(*value.new_value);
    value.new_value.reset();
  } else if (!value.has_value) {
    value.sealed.clear();
  }
  value.has_value = !value.sealed.empty();
}

// Takes NewValue out of everything that looks like a sensitive value; true when there was one.
bool drop_new_values(json::Value& value) {
  bool dropped = false;
  if (json::Array* array = value.if_array()) {
    for (json::Value& element : *array) dropped = drop_new_values(element) || dropped;
  }
  json::Object* object = value.if_object();
  if (object == nullptr) return dropped;
  bool secret = false;
  for (auto& member : *object) {
    if (text::equals_ignoring_case(member.key(), "NewValue") && !member.value().is_null()) {
      member.value() = nullptr;
      secret = true;
    } else {
      dropped = drop_new_values(member.value()) || dropped;
    }
  }
  for (auto& member : *object) {
    if (secret && text::equals_ignoring_case(member.key(), "HasValue")) member.value() = false;
  }
  return dropped || secret;
}

// Members that no type table knows are kept as they came. A secret among them cannot be sealed, because nothing would
// ever unseal it; so it is not kept, and the answer says that there is no value.
void drop_unknown_secrets(std::string& json_text) {
  if (!text::contains_ignoring_case(json_text, "NewValue")) return;
  json::Value value = json::parse(json_text, "an unknown member");
  if (drop_new_values(value)) json_text = json::text_of(value);
}

void seal_secrets(const Sealer& sealer, const json::Type& type, void* document) {
  each_secret(type, document,
              {[&](json::SensitiveValue& value) { seal(sealer, value); },
               [](std::string& json_text) { drop_unknown_secrets(json_text); }});
}

std::string encoded(const Documents::Kind& kind, const void* document) {
  std::string text;
  json::encode_into(kind.type(), document, json::Mode::store, text);
  if (text.size() > Documents::kMaxDocumentBytes) {
    throw invalid(text::format("the {} is too large: {} bytes of at most {}", kind.noun(), text.size(),
                               Documents::kMaxDocumentBytes));
  }
  return text;
}

void refuse_taken_values(const Tx& tx, const Documents::Kind& kind, const void* document, const std::string& id) {
  const DocumentColumn* within = kind.unique_within();
  for (const DocumentColumn& column : kind.columns()) {
    if (column.folded.empty()) continue;
    const SqlOperand value = kind.value_of(column, document);
    const std::string* text = std::get_if<std::string>(&value);
    if (text == nullptr || text->empty()) continue;
    SqlText sql;
    sql.add("SELECT 1 FROM ").add(kind.table());
    sql.where("space = ?").operand(kind.space_of(document));
    if (within != nullptr) sql.where(within->name + " = ?").operand(kind.value_of(*within, document));
    sql.where(column.folded + " = ?").operand(text::lower(*text)).where("id <> ?").operand(id);
    if (sql.query(tx).next()) throw taken(kind.noun(), column.field->name);
  }
}

void write_references(Tx& tx, const Documents::Kind& kind, const std::string& id, const void* document) {
  if (kind.reference_fields().empty()) return;
  std::set<std::pair<std::string, std::string>> wanted = kind.references_of(document);
  std::vector<std::pair<std::string, std::string>> obsolete;
  Statement rows =
      tx.query("SELECT field, target FROM document_reference WHERE owner_kind=? AND owner=?", kind.name(), id);
  while (rows.next()) {
    std::pair<std::string, std::string> stored(rows.text(0), rows.text(1));
    if (wanted.erase(stored) == 0) obsolete.push_back(std::move(stored));
  }
  for (const auto& [field, target] : obsolete) {
    tx.run("DELETE FROM document_reference WHERE owner_kind=? AND owner=? AND field=? AND target=?", kind.name(), id,
           field, target);
  }
  for (const auto& [field, target] : wanted) {
    tx.run("INSERT INTO document_reference (owner_kind, owner, field, target) VALUES (?,?,?,?)", kind.name(), id, field,
           target);
  }
}

void announce(Tx& tx, const Documents::Kind& kind, const std::string& id, const std::string& space,
              std::int64_t version, std::string_view change) {
  if (!kind.publishes()) return;
  std::string payload = "{\"Kind\":";
  json::append_string(payload, kind.name());
  payload += ",\"Id\":";
  json::append_string(payload, id);
  payload += ",\"SpaceId\":";
  json::append_string(payload, space);
  payload += text::format(",\"Version\":{},\"Change\":\"{}\"}}", version, change);
  publish(tx, kDocumentTopic, id, payload);
}

// Whether a column of the current row has this value.
bool holds(const Statement& row, int column, const SqlOperand& value) {
  if (std::holds_alternative<std::nullptr_t>(value)) return row.is_null(column);
  if (row.is_null(column)) return false;
  if (const std::string* text = std::get_if<std::string>(&value)) return row.view(column) == *text;
  return row.integer(column) == std::get<std::int64_t>(value);
}

// The condition on one field, as SQL on its column or on the reference table.
void add_condition(SqlText& sql, const Documents::Kind& kind, const Condition& condition) {
  if (condition.operands.size() > Query::kMaxOperands) {
    throw invalid(text::format("too many values for {}: at most {}", condition.field, Query::kMaxOperands));
  }
  const bool negative = condition.kind == Condition::Kind::none_of;
  if (negative && condition.operands.empty()) return;
  const DocumentColumn* column = kind.column(condition.field);
  const bool is_id = text::equals_ignoring_case(condition.field, "Id");
  if (column == nullptr && !is_id) {
    const auto& fields = kind.reference_fields();
    const bool known = std::find(fields.begin(), fields.end(), condition.field) != fields.end();
    if (!known || (condition.kind != Condition::Kind::any_of && !negative)) {
      throw Error(Fault::bug, text::format("{} of {} is not indexed, so it cannot be a condition", condition.field,
                                           kind.type().name()));
    }
    sql.where(negative ? "id NOT IN " : "id IN ")
        .add("(SELECT owner FROM document_reference WHERE owner_kind = ? AND field = ?");
    sql.operand(kind.name()).operand(condition.field).add(" AND target IN ").list(condition.operands).add(")");
    return;
  }
  const bool folded = column != nullptr && !column->folded.empty() && condition.kind != Condition::Kind::at_least &&
                      condition.kind != Condition::Kind::below;
  const std::string name = is_id ? "id" : folded ? column->folded : column->name;
  std::vector<Condition::Operand> operands = condition.operands;
  for (Condition::Operand& operand : operands) {
    std::string* text = std::get_if<std::string>(&operand);
    if (text != nullptr && (folded || condition.kind == Condition::Kind::contains)) *text = text::lower(*text);
  }
  const auto first = [&] { return std::visit([](const auto& value) { return SqlOperand(value); }, operands.at(0)); };
  switch (condition.kind) {
    case Condition::Kind::any_of: sql.where(name + " IN ").list(operands); return;
    case Condition::Kind::none_of:
      sql.where(text::format("({0} IS NULL OR {0} NOT IN ", name)).list(operands).add(")");
      return;
    case Condition::Kind::at_least: sql.where(name + " >= ?").operand(first()); return;
    case Condition::Kind::below: sql.where(name + " < ?").operand(first()); return;
    case Condition::Kind::contains: sql.where(text::format("instr(lower({}), ?) > 0", name)).operand(first()); return;
  }
}

void add_conditions(SqlText& sql, const Documents::Kind& kind, const Query& query) {
  if (query.space) sql.where("space = ?").operand(*query.space);
  if (query.ids) {
    if (query.ids->size() > Query::kMaxOperands)
      throw invalid(text::format("too many ids: at most {}", Query::kMaxOperands));
    sql.where("id IN ").list(*query.ids);
  }
  for (const Condition& condition : query.conditions) add_condition(sql, kind, condition);
}

std::string usages_text(const std::vector<Usage>& named, std::int64_t total) {
  std::vector<std::string> parts;
  for (const Usage& usage : named)
    parts.push_back(text::format("{} '{}' ({})", usage.owner_kind, usage.owner_name, usage.owner));
  if (total > static_cast<std::int64_t>(named.size())) {
    parts.push_back(text::format("{} more", total - static_cast<std::int64_t>(named.size())));
  }
  if (parts.size() == 1) return parts.front();
  const std::string last = parts.back();
  parts.pop_back();
  return text::format("{} and {}", text::join(parts, ", "), last);
}

}  // namespace

Query& Query::where(std::string field, std::string value) {
  conditions.push_back({std::move(field), Condition::Kind::any_of, {std::move(value)}});
  return *this;
}
Query& Query::where(std::string field, std::int64_t value) {
  conditions.push_back({std::move(field), Condition::Kind::any_of, {value}});
  return *this;
}
Query& Query::where_any(std::string field, std::vector<std::string> values) {
  Condition condition{std::move(field), Condition::Kind::any_of, {}};
  for (std::string& value : values) condition.operands.emplace_back(std::move(value));
  conditions.push_back(std::move(condition));
  return *this;
}
Query& Query::where_none(std::string field, std::vector<std::string> values) {
  where_any(std::move(field), std::move(values));
  conditions.back().kind = Condition::Kind::none_of;
  return *this;
}
Query& Query::containing(std::string field, std::string part) {
  conditions.push_back({std::move(field), Condition::Kind::contains, {std::move(part)}});
  return *this;
}
Query& Query::from(std::string field, std::int64_t least) {
  conditions.push_back({std::move(field), Condition::Kind::at_least, {least}});
  return *this;
}
Query& Query::below(std::string field, std::int64_t limit) {
  conditions.push_back({std::move(field), Condition::Kind::below, {limit}});
  return *this;
}

Documents::Documents(Store& store, const Sealer& sealer) : store_(store), sealer_(sealer) {}
Documents::~Documents() = default;

void Documents::add_kind(const json::Type& type, DocumentOptions options, Make make) {
  for (const auto& [known, kind] : kinds_) {
    if (kind->name() == options.table || kind->prefix() == options.id_prefix) {
      throw Error(Fault::bug, text::format("{} and {} want the same table or id prefix", known->name(), type.name()));
    }
  }
  if (!kinds_.emplace(&type, std::make_unique<Kind>(type, options, make)).second) {
    throw Error(Fault::bug, text::format("the document type {} was added twice", type.name()));
  }
}

const Documents::Kind& Documents::kind_of(const json::Type& type) const {
  const auto found = kinds_.find(&type);
  if (found == kinds_.end())
    throw Error(Fault::bug, text::format("the document type {} was not added to the store", type.name()));
  return *found->second;
}

void Documents::throw_not_found(std::string_view id) {
  throw not_found(text::format("The resource '{}' was not found.", text::shorten(id, 200)));
}

std::string Documents::new_id_erased(Tx& tx, const Kind& kind) {
  return text::format("{}-{}", kind.prefix(), tx.next_number(kind.prefix(), kind.first_number()));
}

void Documents::insert_erased(Tx& tx, const Kind& kind, void* document) {
  std::string id = kind.id_of(document);
  std::int64_t number = kind.number_of(id);
  if (id.empty()) {
    id = new_id_erased(tx, kind);
    number = kind.number_of(id);
    kind.set_id(document, id);
  } else if (number > 0) {
    // An id that was given: numbers given out later must be above it.
    tx.run(
        "INSERT INTO sequence (name, next) VALUES (?,?) ON CONFLICT (name) DO UPDATE SET next = excluded.next "
        "WHERE excluded.next > sequence.next",
        kind.prefix(), number + 1);
  }
  if (version_erased(tx, kind, id)) throw Error(Fault::conflict, text::format("The resource '{}' already exists.", id));
  seal_secrets(sealer_, kind.type(), document);
  kind.set_version(document, 0);
  refuse_taken_values(tx, kind, document, id);

  SqlText sql;
  sql.add("INSERT INTO ").add(kind.table()).add(" (id, number, space, version, json");
  for (const std::string& name : kind.column_names()) sql.add(", ").add(name);
  sql.add(") VALUES (?,?,?,0,?")
      .operand(id)
      .operand(number)
      .operand(kind.space_of(document))
      .operand(encoded(kind, document));
  for (SqlOperand& value : kind.column_values(document)) sql.add(",?").operand(std::move(value));
  sql.add(")");
  sql.query(tx).run();
  write_references(tx, kind, id, document);
  announce(tx, kind, id, kind.space_of(document), 0, "Created");
}

std::int64_t Documents::update_erased(Tx& tx, const Kind& kind, void* document,
                                      std::optional<std::int64_t> expected_version) {
  const std::string id = kind.id_of(document);
  const std::vector<std::string> names = kind.column_names();
  std::vector<SqlOperand> values = kind.column_values(document);
  std::vector<std::size_t> changed;
  std::int64_t stored = 0;
  {
    SqlText sql;
    sql.add("SELECT version");
    for (const std::string& name : names) sql.add(", ").add(name);
    sql.add(" FROM ").add(kind.table()).where("id = ?").operand(id);
    Statement row = sql.query(tx);
    if (!row.next()) throw_not_found(id);
    stored = row.integer(0);
    for (std::size_t i = 0; i < names.size(); ++i) {
      if (!holds(row, static_cast<int>(i) + 1, values[i])) changed.push_back(i);
    }
  }
  if (expected_version && *expected_version != stored) {
    throw Error(Fault::conflict, text::format("The {} '{}' was changed by somebody else: its version is {}, not {}.",
                                              kind.noun(), id, stored, *expected_version))
        .with_help("load it again and repeat the change");
  }
  const std::int64_t version = stored + 1;
  seal_secrets(sealer_, kind.type(), document);
  kind.set_version(document, version);
  refuse_taken_values(tx, kind, document, id);

  // Only what has changed: SQLite makes every index anew whose column is named here.
  SqlText sql;
  sql.add("UPDATE ").add(kind.table()).add(" SET space = ?, version = ?, json = ?");
  sql.operand(kind.space_of(document)).operand(version).operand(encoded(kind, document));
  for (const std::size_t i : changed) sql.add(", ").add(names[i]).add(" = ?").operand(std::move(values[i]));
  sql.where("id = ?").operand(id);
  sql.query(tx).run();
  write_references(tx, kind, id, document);
  announce(tx, kind, id, kind.space_of(document), version, "Modified");
  return version;
}

void Documents::refuse_used(const Tx& tx, const Kind& kind, std::string_view id) const {
  std::vector<std::string> history;
  for (const auto& [type, other] : kinds_) {
    if (other->history()) history.push_back(other->name());
  }
  const auto owners = [&](std::string_view what) {
    SqlText sql;
    sql.add("SELECT ").add(what).add(" FROM (SELECT DISTINCT owner_kind, owner FROM document_reference");
    sql.where("target = ?").operand(std::string(id)).where("owner <> ?").operand(std::string(id));
    if (!history.empty()) sql.where("owner_kind NOT IN ").list(history);
    return std::move(sql.add(") AS owners"));
  };
  Statement counted = owners("count(*)").query(tx);
  counted.next();
  const std::int64_t total = counted.integer(0);
  if (total == 0) return;
  std::vector<Usage> named;
  Statement rows =
      owners("owner_kind, owner").add(" ORDER BY owner_kind, owner LIMIT ?").operand(kMaxNamedOwners).query(tx);
  while (rows.next()) named.push_back(usage_of(tx, rows.text(0), rows.text(1), {}));
  throw invalid(text::format("This {} cannot be deleted: it is used by {}.", kind.noun(), usages_text(named, total)))
      .with_help("remove it there first");
}

void Documents::remove_erased(Tx& tx, const Kind& kind, std::string_view id) {
  const std::optional<std::int64_t> version = version_erased(tx, kind, id);
  if (!version) throw_not_found(id);
  refuse_used(tx, kind, id);
  const std::string space =
      tx.text(text::format("DELETE FROM {} WHERE id=? RETURNING space", kind.table()), id).value_or(std::string());
  tx.run("DELETE FROM document_reference WHERE owner_kind=? AND owner=?", kind.name(), id);
  announce(tx, kind, std::string(id), space, *version, "Deleted");
}

Documents::Decoded& Documents::decoded_of(const Kind& kind) { return kind.decoded(); }

std::optional<std::string> Documents::find_json(const Tx& tx, const Kind& kind, std::string_view id) const {
  return tx.text(text::format("SELECT json FROM {} WHERE id=?", kind.table()), id);
}

std::optional<std::int64_t> Documents::version_erased(const Tx& tx, const Kind& kind, std::string_view id) const {
  return tx.integer(text::format("SELECT version FROM {} WHERE id=?", kind.table()), id);
}

std::int64_t Documents::count_erased(const Tx& tx, const Kind& kind, const Query& query) const {
  SqlText sql;
  sql.add("SELECT count(*) FROM ").add(kind.table());
  add_conditions(sql, kind, query);
  Statement row = sql.query(tx);
  row.next();
  return row.integer(0);
}

std::map<std::string, std::int64_t> Documents::count_by_erased(const Tx& tx, const Kind& kind, const Query& query,
                                                               std::string_view field) const {
  const DocumentColumn* column = kind.column(field);
  if (column == nullptr || !column->is_text)
    throw Error(Fault::bug, text::format("{} of {} has no column of texts to count by", field, kind.type().name()));
  SqlText sql;
  sql.add("SELECT ").add(column->name).add(", count(*) FROM ").add(kind.table());
  add_conditions(sql, kind, query);
  sql.add(" GROUP BY ").add(column->name);
  std::map<std::string, std::int64_t> counts;
  for (Statement rows = sql.query(tx); rows.next();) counts[rows.text(0)] = rows.integer(1);
  return counts;
}

std::vector<std::string> Documents::list_json(const Tx& tx, const Kind& kind, const Query& query,
                                              std::int64_t* total) const {
  if (total != nullptr) *total = count_erased(tx, kind, query);
  SqlText sql;
  sql.add("SELECT json FROM ").add(kind.table());
  add_conditions(sql, kind, query);
  sql.add(kind.order_by(query)).add(" LIMIT ? OFFSET ?");
  sql.operand(std::max<std::int64_t>(query.take, 0)).operand(std::max<std::int64_t>(query.skip, 0));
  std::vector<std::string> texts;
  for (Statement rows = sql.query(tx); rows.next();) texts.push_back(rows.text(0));
  return texts;
}

std::optional<std::string> Documents::name_of(const Tx& tx, std::string_view id) const {
  const auto look = [&](const Kind& kind) -> std::optional<std::string> {
    if (const DocumentColumn* name = kind.column("Name"); name != nullptr && name->is_text) {
      return tx.text(text::format("SELECT {} FROM {} WHERE id=?", name->name, kind.table()), id);
    }
    const std::optional<std::string> text = find_json(tx, kind, id);
    if (!text) return std::nullopt;
    return json::string_or(json::parse(*text, kind.noun()), "Name", id);
  };
  for (const auto& [type, kind] : kinds_) {
    if (kind->number_of(id) > 0) return look(*kind);
  }
  for (const auto& [type, kind] : kinds_) {
    if (std::optional<std::string> name = look(*kind)) return name;
  }
  return std::nullopt;
}

std::vector<Usage> Documents::usages(const Tx& tx, std::string_view id, int limit) const {
  std::vector<Usage> found;
  Statement rows = tx.query(
      "SELECT owner_kind, owner, field FROM document_reference WHERE target=? ORDER BY owner_kind, owner, field LIMIT "
      "?",
      id, limit);
  while (rows.next()) found.push_back(usage_of(tx, rows.text(0), rows.text(1), rows.text(2)));
  return found;
}

Usage Documents::usage_of(const Tx& tx, std::string owner_kind, std::string owner, std::string field) const {
  Usage usage{std::move(owner_kind), std::move(owner), {}, std::move(field)};
  usage.owner_name = usage.owner;
  for (const auto& [type, kind] : kinds_) {
    if (kind->name() != usage.owner_kind) continue;
    usage.owner_kind = kind->noun();
    if (const std::optional<std::string> text = find_json(tx, *kind, usage.owner)) {
      usage.owner_name = json::string_or(json::parse(*text, kind->noun()), "Name", usage.owner);
    }
    break;
  }
  return usage;
}

}  // namespace fairlead::store
