// SPDX-License-Identifier: Apache-2.0
#include "store/instance.h"

#include "store/conformance/suite.h"

namespace fairlead::store::conformance {

namespace {

class Instance : public StoreConformance {};
FAIRLEAD_ON_ALL_DRIVERS(Instance);

TEST_P(Instance, IdAndIncarnationAreMadeOnce) {
  const std::string id = store->write([](Tx& tx) { return instance_id(tx); });
  const std::string first = store->write([](Tx& tx) { return incarnation(tx); });
  EXPECT_EQ(id.size(), 6u);
  EXPECT_EQ(id.find_first_not_of("abcdefghijklmnopqrstuvwxyz234567"), std::string::npos) << id;
  reopen();
  EXPECT_EQ(store->write([](Tx& tx) { return instance_id(tx); }), id);
  EXPECT_EQ(store->write([](Tx& tx) { return incarnation(tx); }), first);
  const std::string second = store->write([](Tx& tx) { return new_incarnation(tx); });
  EXPECT_NE(second, first);
  EXPECT_EQ(store->write([](Tx& tx) { return incarnation(tx); }), second);
}

TEST_P(Instance, AnotherMasterKeyIsRefused) {
  const auto check = [&](const Sealer& key) {
    store->write([&](Tx& tx) { check_master_key(tx, key, "keys/master.key"); });
  };
  check(sealer);
  check(sealer);
  const Error error = error_from([&] { check(Sealer(Secret(std::string(32, 'x')))); });
  EXPECT_EQ(error.fault(), Fault::invalid);
  EXPECT_NE(error.message().find("keys/master.key"), std::string::npos) << error.message();
  EXPECT_NE(error.message().find(sealer.key_id()), std::string::npos) << error.message();
}

}  // namespace

}  // namespace fairlead::store::conformance
