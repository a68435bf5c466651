// SPDX-License-Identifier: Apache-2.0
#include "store/conformance/suite.h"
#include "store/sqlite/sqlite_store.h"

namespace fairlead::store::conformance {

const std::vector<Driver>& drivers() {
  static const std::vector<Driver> all = {
      {"Sqlite",
       [](const std::string& folder, Clock& clock) { return open_sqlite({.path = folder + "/fairlead.db"}, clock); }},
  };
  return all;
}

}  // namespace fairlead::store::conformance
