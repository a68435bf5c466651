// SPDX-License-Identifier: Apache-2.0
#include "store/instance.h"

#include "base/bytes.h"
#include "base/error.h"
#include "base/text.h"

namespace fairlead::store {

namespace {

constexpr std::size_t kInstanceIdCharacters = 6;

template <class Make>
std::string made_once(Tx& tx, std::string_view name, Make make) {
  if (std::optional<std::string> value = instance_fact(tx, name)) return *std::move(value);
  std::string value = make();
  set_instance_fact(tx, name, value);
  return value;
}

}  // namespace

std::optional<std::string> instance_fact(const Tx& tx, std::string_view name) {
  return tx.text("SELECT value FROM instance WHERE name=?", name);
}

void set_instance_fact(Tx& tx, std::string_view name, std::string_view value) {
  tx.run("INSERT INTO instance (name, value) VALUES (?,?) ON CONFLICT (name) DO UPDATE SET value = excluded.value",
         name, value);
}

std::string instance_id(Tx& tx) {
  return made_once(tx, "id", [] { return text::lower(random_base32(kInstanceIdCharacters)); });
}

std::string incarnation(Tx& tx) {
  return made_once(tx, "incarnation", [] { return random_id(); });
}

std::string new_incarnation(Tx& tx) {
  std::string value = random_id();
  set_instance_fact(tx, "incarnation", value);
  return value;
}

void check_master_key(Tx& tx, const Sealer& sealer, std::string_view key_path) {
  const std::string expected = made_once(tx, "master_key", [&] { return sealer.key_id(); });
  if (expected == sealer.key_id()) return;
  throw invalid(text::format("the database was sealed with the master key {}, but {} holds the key {}", expected,
                             key_path, sealer.key_id()))
      .with_help("restore the master key that belongs to this database: without it its secrets cannot be read");
}

}  // namespace fairlead::store
