// SPDX-License-Identifier: Apache-2.0
#include "store/migrate.h"

#include <map>

#include "base/bytes.h"
#include "base/error.h"
#include "base/log.h"
#include "base/text.h"

namespace fairlead::store {

namespace {

struct Applied {
  std::string name;
  std::string checksum;
};

std::map<int, Applied> applied_migrations(Connection& connection) {
  std::map<int, Applied> applied;
  Statement rows(connection, "SELECT number, name, checksum FROM schema_migration ORDER BY number");
  while (rows.next()) applied[static_cast<int>(rows.integer(0))] = {rows.text(1), rows.text(2)};
  return applied;
}

void refuse_foreign_history(const std::map<int, Applied>& applied, const std::vector<Migration>& migrations,
                            const std::string& place) {
  std::map<int, const Migration*> known;
  for (const Migration& migration : migrations) known[migration.number] = &migration;
  for (const auto& [number, row] : applied) {
    const auto found = known.find(number);
    if (found == known.end()) {
      throw invalid(
          text::format("the database {} is newer than this program: it has the schema change {}", place, row.name))
          .with_help(
              "start the version of Fairlead that last used this database, or a newer one; or restore a backup that "
              "was "
              "made before the upgrade");
    }
    if (row.checksum != sha256_hex(found->second->sql)) {
      throw invalid(
          text::format("the schema change {} of the database {} is not the one in this program", row.name, place))
          .with_help("this database was made by another build; use that build, or restore a backup made by this one");
    }
  }
}

}  // namespace

int migrate(const MigrationTarget& target, const std::vector<Migration>& migrations) {
  target.run_script(
      "CREATE TABLE IF NOT EXISTS schema_migration ("
      "number INTEGER PRIMARY KEY, name TEXT NOT NULL, checksum TEXT NOT NULL, applied INTEGER NOT NULL)");
  const std::map<int, Applied> applied = applied_migrations(target.connection);
  refuse_foreign_history(applied, migrations, target.place);
  int count = 0;
  for (const Migration& migration : migrations) {
    if (applied.contains(migration.number)) continue;
    if (!applied.empty() && migration.number < applied.rbegin()->first) {
      throw Error(Fault::bug,
                  text::format("the schema change {} is numbered before {}, which the database {} already has",
                               migration.name, applied.rbegin()->second.name, target.place));
    }
    target.run_script("BEGIN");
    try {
      target.run_script(std::string(migration.sql));
      Statement insert(target.connection,
                       "INSERT INTO schema_migration (number, name, checksum, applied) VALUES (?,?,?,?)");
      insert.bind(migration.number);
      insert.bind(migration.name);
      insert.bind(sha256_hex(migration.sql));
      insert.bind(target.now_us);
      insert.run();
    } catch (const Error& error) {
      target.run_script("ROLLBACK");
      throw Error(error.fault(), text::format("the schema change {} could not be applied to {}: {}", migration.name,
                                              target.place, error.message()))
          .with_help(error.help());
    }
    target.run_script("COMMIT");
    log::info("schema change applied", {{"name", migration.name}, {"database", target.place}});
    ++count;
  }
  return count;
}

}  // namespace fairlead::store
