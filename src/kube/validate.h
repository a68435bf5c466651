// SPDX-License-Identifier: Apache-2.0
// Everything that is checked before the first write (design: "validation before the first write"). All findings are
// reported at once: one Error(invalid) whose details each name file, line and what to do.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "kube/discovery.h"
#include "kube/yaml.h"

namespace fairlead::kube {

// Pure part: apiVersion, kind and name present and valid by kind, generateName refused, namespace name valid, labels
// and annotations are text, no managedFields, no resourceVersion or uid. Throws Error(invalid).
void check_documents(const std::vector<Document>& documents);

struct Prepared {
  Object object;  // namespace resolved
  Resource resource;
  std::string place;         // "web.yaml:12 (document 2)"
  bool of_new_kind = false;  // its CRD is among the documents: the resource is derived from it, not from the cluster
};

struct PrepareResult {
  std::vector<Prepared> objects;     // in the order of the documents
  std::vector<std::string> notices;  // for the task log, one line each
};

// How a kind is looked up; nullopt where the cluster does not serve it.
using ResourceLookup =
    std::function<std::optional<Resource>(std::string_view group, std::string_view version, std::string_view kind)>;

// check_documents, then kinds against the cluster (kinds of CustomResourceDefinitions among the documents count as
// known), namespaces (a namespaced object without one gets `default_namespace`; a cluster-scoped one loses it, with a
// notice), and duplicates: the same object twice, naming both places.
PrepareResult prepare(std::vector<Document> documents, const ResourceLookup& lookup,
                      const std::string& default_namespace);
PrepareResult prepare(std::vector<Document> documents, Discovery& discovery, const std::string& default_namespace,
                      const CancelToken& cancel);

}  // namespace fairlead::kube
