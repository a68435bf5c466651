// SPDX-License-Identifier: Apache-2.0
#include "api/links.h"

#include "json/type.h"

namespace fairlead::api {

std::string Links::text() const {
  std::string out = "{";
  for (const auto& [name, url] : links_) {
    if (out.size() > 1) out += ',';
    json::append_string(out, name);
    out += ':';
    json::append_string(out, url);
  }
  out += '}';
  return out;
}

std::string with_links(std::string object, const Links& links) {
  object.pop_back();
  if (object.size() > 1) object += ',';
  object += "\"Links\":" + links.text() + "}";
  return object;
}

}  // namespace fairlead::api
