// SPDX-License-Identifier: Apache-2.0
#include "features/worker_pools/model.h"

namespace fairlead::features::worker_pools {

const json::Type& type_of(json::Tag<WorkerPool>) {
  static const json::Type type = json::Type::of<WorkerPool>("WorkerPool")
                                     .field("Id", &WorkerPool::id, json::read_only)
                                     .field("Name", &WorkerPool::name, json::required | json::unique_in_space)
                                     .field("Description", &WorkerPool::description)
                                     .field("IsDefault", &WorkerPool::is_default, json::indexed)
                                     .field("SortOrder", &WorkerPool::sort_order, json::indexed)
                                     .field("WorkerPoolType", &WorkerPool::worker_pool_type)
                                     .field("CanAddWorkers", &WorkerPool::can_add_workers, json::read_only)
                                     .field("Slug", &WorkerPool::slug, json::indexed)
                                     .field("SpaceId", &WorkerPool::space_id, json::indexed | json::read_only);
  return type;
}

}  // namespace fairlead::features::worker_pools
