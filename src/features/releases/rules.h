// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>

#include "features/releases/model.h"
#include "store/documents.h"

namespace fairlead::features::releases {

// The release of the project with that version: by its exact text, else by its meaning ("1.0" finds "1.0.0").
std::optional<Release> find_by_version(const store::Documents& documents, const store::Tx& tx,
                                       const std::string& project, const std::string& version);
// Throws Error(invalid) naming the version.
Release get_by_version(const store::Documents& documents, const store::Tx& tx, const std::string& project,
                       const std::string& version);

// Gives the release a snapshot of the variables as they are now, and writes it where that changes it.
void refresh_variables(store::Documents& documents, store::Tx& tx, Release& release);

}  // namespace fairlead::features::releases
