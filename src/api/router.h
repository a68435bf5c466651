// SPDX-License-Identifier: Apache-2.0
// From method and path to an endpoint row. Literal segments match without case and win over parameters; the three
// prefixes of space-scoped routes (api-conventions: wire trap 9) are handled here and nowhere else. Filled at start-up
// by the slices' install(); after that read-only and thread-safe.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "api/endpoint.h"

namespace fairlead::api {

class Router {
 public:
  // Two rows with the same method, scope and shape are a bug.
  void add(Endpoint endpoint);

  struct Match {
    const Endpoint* endpoint = nullptr;  // nullptr: no such route, or only with other methods
    std::vector<std::string> allowed;    // methods of rows whose path matches, when none matches the method
    std::map<std::string, std::string> parameters;
    std::string space;  // id or slug as written; empty: the default space, or a system route
    bool space_scoped = false;
  };
  // `path` is the raw path of the request target. A broken percent escape matches nothing.
  Match match(std::string_view method, std::string_view path) const;

  const std::vector<std::unique_ptr<Endpoint>>& endpoints() const { return endpoints_; }

 private:
  struct Row {
    const Endpoint* endpoint;
    std::vector<std::string> segments;  // lower case literals, or "{name}"
    int literals = 0;
  };
  struct Found {
    const Row* row = nullptr;
    std::vector<std::string> allowed;
  };
  Found find(Scope scope, std::string_view method, const std::vector<std::string>& segments, std::size_t from) const;

  std::vector<std::unique_ptr<Endpoint>> endpoints_;
  std::map<std::pair<Scope, std::size_t>, std::vector<Row>>
      rows_;  // by scope and number of segments, most literal first
};

}  // namespace fairlead::api
