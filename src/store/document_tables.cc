// SPDX-License-Identifier: Apache-2.0
// Documents::prepare: makes tables and columns from the type tables and fills what is new.
#include <set>

#include "base/error.h"
#include "base/log.h"
#include "base/text.h"
#include "store/document_kind.h"
#include "store/documents.h"

namespace fairlead::store {

namespace {

// Documents read at once while new columns are filled.
constexpr int kBackfillPage = 200;
// In document_column, before the path of a reference field that has been collected.
constexpr std::string_view kReferenceMark = "refers:";

std::set<std::string> known_columns(const Tx& tx, const std::string& table) {
  std::set<std::string> names;
  for (Statement rows = tx.query("SELECT name FROM document_column WHERE document=?", table); rows.next();) {
    names.insert(rows.text(0));
  }
  return names;
}

void remember(Tx& tx, const std::string& table, const std::string& name) {
  tx.run("INSERT INTO document_column (document, name) VALUES (?,?)", table, name);
}

// Writes columns and references of one stored document as the type table wants them now.
void refill(Tx& tx, const Documents::Kind& kind, const std::string& id, const std::string& text) {
  const std::shared_ptr<void> document = kind.make();
  json::decode_into(kind.type(), text, json::Mode::store, document.get());
  const std::vector<std::string> names = kind.column_names();
  if (!names.empty()) {
    SqlText sql;
    sql.add("UPDATE ").add(kind.table()).add(" SET ");
    std::vector<SqlOperand> values = kind.column_values(document.get());
    for (std::size_t i = 0; i < names.size(); ++i) {
      sql.add(i == 0 ? "" : ", ").add(names[i]).add(" = ?").operand(std::move(values[i]));
    }
    sql.where("id = ?").operand(id);
    sql.query(tx).run();
  }
  tx.run("DELETE FROM document_reference WHERE owner_kind=? AND owner=?", kind.name(), id);
  for (const auto& [field, target] : kind.references_of(document.get())) {
    tx.run("INSERT INTO document_reference (owner_kind, owner, field, target) VALUES (?,?,?,?)", kind.name(), id, field,
           target);
  }
}

std::int64_t refill_all(Tx& tx, const Documents::Kind& kind) {
  std::int64_t count = 0;
  std::string last;
  while (true) {
    std::vector<std::pair<std::string, std::string>> page;
    {
      Statement rows = tx.query(text::format("SELECT id, json FROM {} WHERE id > ? ORDER BY id LIMIT ?", kind.table()),
                                last, kBackfillPage);
      while (rows.next()) page.emplace_back(rows.text(0), rows.text(1));
    }
    if (page.empty()) return count;
    for (const auto& [id, json_text] : page) refill(tx, kind, id, json_text);
    count += static_cast<std::int64_t>(page.size());
    last = page.back().first;
  }
}

void make_indexes(Tx& tx, const Documents::Kind& kind) {
  const DocumentColumn* within = kind.unique_within();
  tx.run(text::format("CREATE INDEX IF NOT EXISTS {0}_space ON {0} (space, number)", kind.table()));
  for (const std::vector<std::string>& names : kind.indexes()) {
    tx.run(text::format("CREATE INDEX IF NOT EXISTS {0}_{1} ON {0} ({2})", kind.table(), text::join(names, "_"),
                        text::join(names, ", ")));
  }
  for (const DocumentColumn& column : kind.columns()) {
    if (column.folded.empty()) {
      if (column.is_indexed)
        tx.run(text::format("CREATE INDEX IF NOT EXISTS {0}_{1} ON {0} ({1})", kind.table(), column.name));
      continue;
    }
    const std::string scope = within == nullptr ? "space" : "space, " + within->name;
    try {
      tx.run(text::format("CREATE UNIQUE INDEX IF NOT EXISTS {0}_{1} ON {0} ({2}, {1})", kind.table(), column.folded,
                          scope));
    } catch (const Error& error) {
      throw Error(error.fault(), text::format("two stored documents of {} have the same {}, which must be unique: {}",
                                              kind.type().name(), column.field->name, error.message()));
    }
  }
}

void prepare_kind(Tx& tx, const Documents::Kind& kind) {
  tx.run(
      text::format("CREATE TABLE IF NOT EXISTS {} (id TEXT PRIMARY KEY, number INTEGER NOT NULL, space TEXT NOT NULL, "
                   "version INTEGER NOT NULL, json TEXT NOT NULL)",
                   kind.table()));
  const std::set<std::string> known = known_columns(tx, kind.table());
  bool refill_needed = false;
  const auto add_column = [&](const std::string& name, bool is_text) {
    if (known.contains(name)) return;
    tx.run(text::format("ALTER TABLE {} ADD COLUMN {} {}", kind.table(), name, is_text ? "TEXT" : "INTEGER"));
    remember(tx, kind.table(), name);
    refill_needed = true;
  };
  for (const DocumentColumn& column : kind.columns()) {
    add_column(column.name, column.is_text);
    if (!column.folded.empty()) add_column(column.folded, true);
  }
  for (const std::string& field : kind.reference_fields()) {
    const std::string mark = std::string(kReferenceMark) + field;
    if (known.contains(mark)) continue;
    remember(tx, kind.table(), mark);
    refill_needed = true;
  }
  const std::int64_t filled = refill_needed ? refill_all(tx, kind) : 0;
  if (filled > 0) log::info("new columns of documents filled", {{"table", kind.table()}, {"documents", filled}});
  make_indexes(tx, kind);
}

}  // namespace

void Documents::prepare() {
  store_.write([&](Tx& tx) {
    for (const auto& [type, kind] : kinds_) prepare_kind(tx, *kind);
  });
}

}  // namespace fairlead::store
