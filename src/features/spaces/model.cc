// SPDX-License-Identifier: Apache-2.0
#include "features/spaces/model.h"

namespace fairlead::features::spaces {

const json::Type& type_of(json::Tag<Space>) {
  static const json::Type type = json::Type::of<Space>("Space")
                                     .field("Id", &Space::id, json::read_only)
                                     .field("Name", &Space::name, json::required | json::unique_in_space)
                                     .field("Slug", &Space::slug, json::indexed)
                                     .field("Description", &Space::description, json::null_when_empty)
                                     .field("IsDefault", &Space::is_default, json::read_only | json::indexed)
                                     .field("TaskQueueStopped", &Space::task_queue_stopped)
                                     .field("SpaceManagersTeams", &Space::manager_teams)
                                     .field("SpaceManagersTeamMembers", &Space::manager_members)
                                     .extra(&Space::extra);
  return type;
}

}  // namespace fairlead::features::spaces
