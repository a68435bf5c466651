// SPDX-License-Identifier: Apache-2.0
#include "features/releases/rules.h"

#include "base/error.h"
#include "base/text.h"
#include "domain/version.h"
#include "features/variables/rules.h"

namespace fairlead::features::releases {

std::optional<Release> find_by_version(const store::Documents& documents, const store::Tx& tx,
                                       const std::string& project, const std::string& version) {
  std::optional<Release> exact =
      documents.first<Release>(tx, store::Query().where("ProjectId", project).where("Version", version));
  if (exact) return exact;
  for (Release& release : documents.all<Release>(tx, store::Query().where("ProjectId", project))) {
    if (domain::same_version(release.version, version)) return std::move(release);
  }
  return std::nullopt;
}

Release get_by_version(const store::Documents& documents, const store::Tx& tx, const std::string& project,
                       const std::string& version) {
  std::optional<Release> release = find_by_version(documents, tx, project, version);
  if (!release) throw invalid(text::format("The project has no release {}.", text::shorten(version, 100)));
  return *std::move(release);
}

void refresh_variables(store::Documents& documents, store::Tx& tx, Release& release) {
  std::string now = variables::take_snapshot(documents, tx, release.project_id).id.str();
  if (now == release.variable_snapshot_id) return;
  release.variable_snapshot_id = std::move(now);
  documents.update(tx, release);
}

}  // namespace fairlead::features::releases
