// SPDX-License-Identifier: Apache-2.0
// Schema changes: the files of store/migrations/ in the order of their numbers, embedded when the program is built.
// Forward only, one transaction each, recorded with a checksum. The calling connection must be the only writer.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "store/statement.h"

namespace fairlead::store {

struct Migration {
  int number;
  std::string_view name;  // "0001_begin"
  std::string_view sql;
};

// All embedded migrations, ascending.
const std::vector<Migration>& embedded_migrations();

// What migrate() asks of a driver.
struct MigrationTarget {
  Connection& connection;
  std::function<void(const std::string& sql)> run_script;  // several statements, no results
  std::string place;                                       // for messages
  std::int64_t now_us;
};

// Applies what is missing and returns how many were applied. Throws Error(invalid) when the database knows a migration
// that this program does not (it is newer) or one whose text has changed.
int migrate(const MigrationTarget& target, const std::vector<Migration>& migrations);

}  // namespace fairlead::store
