// SPDX-License-Identifier: Apache-2.0
// The conformance suite: what every driver of Store must do, stated once. A driver joins by a line in
// conformance/drivers_test.cc.
#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/error.h"
#include "base/file.h"
#include "store/sealing.h"
#include "store/store.h"

namespace fairlead::store::conformance {

struct Driver {
  std::string name;
  // Opens the database that lives in the folder, making it when it is not there.
  std::unique_ptr<Store> (*open)(const std::string& folder, Clock& clock);
};

const std::vector<Driver>& drivers();

class StoreConformance : public testing::TestWithParam<Driver> {
 protected:
  void SetUp() override {
    folder = file::make_temporary_folder("fairlead-store");
    store = GetParam().open(folder, clock);
  }
  void TearDown() override {
    store.reset();
    file::remove_tree(folder);
  }
  // As a restart of the server does.
  void reopen() {
    store.reset();
    store = GetParam().open(folder, clock);
  }

  ManualClock clock;
  std::string folder;
  std::unique_ptr<Store> store;
  const Sealer sealer{Secret(std::string(32, 'k'))};
};

// The Error that `f` throws; a test failure when it throws none.
template <class F>
Error error_from(F f) {
  try {
    f();
  } catch (const Error& error) {
    return error;
  }
  ADD_FAILURE() << "no Error was thrown";
  return Error(Fault::bug, "");
}

}  // namespace fairlead::store::conformance

// Runs the tests of a class derived from StoreConformance on every driver.
#define FAIRLEAD_ON_ALL_DRIVERS(Suite)                                                                   \
  INSTANTIATE_TEST_SUITE_P(Drivers, Suite, testing::ValuesIn(::fairlead::store::conformance::drivers()), \
                           [](const auto& instance) { return instance.param.name; })
