// SPDX-License-Identifier: Apache-2.0
#include "features/releases/view.h"

#include "api/links.h"

namespace fairlead::features::releases {

std::string encode_release(const Release& release) {
  const std::string space = "/api/" + release.space_id;
  const std::string self = space + "/releases/" + release.id.str();
  return api::with_links(
      json::encode(release),
      api::Links()
          .add("Self", self)
          .add("Project", space + "/projects/" + release.project_id)
          .add("Progression", self + "/progression")
          .add("Deployments", self + "/deployments{?skip,take}")
          .add("DeploymentTemplate", self + "/deployments/template")
          .add("Artifacts", space + "/artifacts?regarding=" + release.id.str())
          .add("ProjectVariableSnapshot", space + "/variables/" + release.variable_snapshot_id)
          .add("ProjectDeploymentProcessSnapshot", space + "/deploymentprocesses/" + release.process_snapshot_id)
          .add("Web", "/app#/" + release.space_id + "/releases/" + release.id.str())
          .add("SnapshotVariables", self + "/snapshot-variables")
          .add("Defects", self + "/defects")
          .add("ReportDefect", self + "/defects")
          .add("ResolveDefect", self + "/defects/resolve"));
}

}  // namespace fairlead::features::releases
