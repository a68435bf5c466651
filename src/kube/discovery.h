// SPDX-License-Identifier: Apache-2.0
// What a cluster serves: kind -> resource, scope, versions. Source: aggregated discovery v2 (KEP-3352), falling back to
// the unaggregated endpoints. Thread-safe; at most one refresh is under way.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/cancel.h"
#include "base/clock.h"

namespace fairlead::kube {

class KubeClient;

struct Resource {
  std::string group, version, kind;
  std::string plural;  // "deployments"
  bool namespaced = true;
  bool listable = true;   // verbs list and watch
  bool patchable = true;  // verb patch

  std::string api_version() const { return group.empty() ? version : group + "/" + version; }
  // "/apis/apps/v1/namespaces/default/deployments/web"; namespace and name may be empty for collections.
  std::string path(std::string_view namespace_name, std::string_view name = {}) const;
  // "deployments.apps", as RBAC texts write it.
  std::string text() const { return group.empty() ? plural : plural + "." + group; }
  bool operator==(const Resource&) const = default;
};

class Discovery {
 public:
  Discovery(KubeClient& client, const Clock& clock);
  ~Discovery();

  // The resource of a kind; refreshes once (bounded in rate) where it is unknown. Throws Error(invalid) that names the
  // kind, the cluster's alternatives (other versions, similar kinds) and what to do.
  Resource resolve(std::string_view group, std::string_view version, std::string_view kind, const CancelToken& cancel);
  // The same from what is known; nullopt where absent. Loads once when nothing has been loaded yet.
  std::optional<Resource> find(std::string_view group, std::string_view version, std::string_view kind,
                               const CancelToken& cancel);
  // In the version that the server prefers.
  std::optional<Resource> find_preferred(std::string_view group, std::string_view kind, const CancelToken& cancel);
  // Asks again (conditional requests).
  void refresh(const CancelToken& cancel);
  std::vector<Resource> all(const CancelToken& cancel);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace fairlead::kube
