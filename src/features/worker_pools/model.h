// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "json/type.h"

namespace fairlead::features::worker_pools {

struct WorkerPool {
  Id<WorkerPool> id;
  std::string space_id, name, slug, description, worker_pool_type = "StaticWorkerPool";
  bool is_default = false, can_add_workers = true;
  int sort_order = 0;
};
const json::Type& type_of(json::Tag<WorkerPool>);

}  // namespace fairlead::features::worker_pools
