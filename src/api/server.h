// SPDX-License-Identifier: Apache-2.0
// What every endpoint row may use. One instance lives as long as the process; members are thread-safe as their classes
// say.
#pragma once

#include "api/router.h"
#include "base/clock.h"
#include "store/documents.h"
#include "store/store.h"

namespace fairlead::api {

struct Server {
  Router& router;  // filled at start-up, read-only afterwards
  store::Store& store;
  store::Documents& documents;
  Clock& clock;
};

}  // namespace fairlead::api
