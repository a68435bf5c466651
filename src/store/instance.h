// SPDX-License-Identifier: Apache-2.0
// Facts about this installation, one row each.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "store/sealing.h"
#include "store/store.h"

namespace fairlead::store {

std::optional<std::string> instance_fact(const Tx& tx, std::string_view name);
void set_instance_fact(Tx& tx, std::string_view name, std::string_view value);

// Six lower-case letters and digits, made once: tells the objects of two installations in one cluster apart.
std::string instance_id(Tx& tx);
// The server's incarnation: a random id, made once and changed by new_incarnation() after a restore, so that keys made
// before and after it never meet.
std::string incarnation(Tx& tx);
std::string new_incarnation(Tx& tx);

// At every start: remembers which master key sealed this database, and throws Error(invalid) when another one was
// given. Without this a lost key would be replaced by a new one in silence, and be noticed only when the first secret
// is needed.
void check_master_key(Tx& tx, const Sealer& sealer, std::string_view key_path);

}  // namespace fairlead::store
