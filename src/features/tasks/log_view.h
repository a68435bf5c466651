// SPDX-License-Identifier: Apache-2.0
// The log of a task as the API shows it: the tree of activity elements, and what was added after a position.
#pragma once

#include <string>

#include "features/services.h"
#include "features/tasks/model.h"

namespace fairlead::features::tasks {

// One ActivityElement for the whole task; without `verbose` its lines of the categories Verbose and Trace are left out.
std::string activity_log(const engine::LogNode& root, const Task& task, bool verbose);

// How far a task that has not ended is: the part of its steps that have, from 0 to 99.
int progress_percent(const engine::LogNode& root);

// GET /ui/v1/tasks/{id}/log?position=N: {"Entries":[...],"Position":M,"AtEnd":true}. An entry is a line or a change of
// an element.
net::Response log_after(Services& services, const api::Context& context);

}  // namespace fairlead::features::tasks
