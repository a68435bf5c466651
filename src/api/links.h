// SPDX-License-Identifier: Apache-2.0
// The Links of a resource: names are case-sensitive, order is kept, values are URLs or RFC 6570 templates.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace fairlead::api {

class Links {
 public:
  Links& add(std::string name, std::string url) {
    links_.emplace_back(std::move(name), std::move(url));
    return *this;
  }
  // {"Self":"/api/..."}
  std::string text() const;

 private:
  std::vector<std::pair<std::string, std::string>> links_;
};

// "{...}" with ,"Links":{...} before its last brace.
std::string with_links(std::string object, const Links& links);

}  // namespace fairlead::api
