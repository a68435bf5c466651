// SPDX-License-Identifier: Apache-2.0
// Lists of thousands of objects: simdjson finds the items, one at a time becomes a value, so that memory follows the
// text and the largest object only.
#include <simdjson.h>
#include <boost/json.hpp>

#include "base/text.h"
#include "kube/client.h"

namespace fairlead::kube {

namespace {

constexpr std::size_t kItemDepth = 200;

[[noreturn]] void broken(const Resource& resource, std::string_view why) {
  throw Error(Fault::unavailable,
              text::format("the answer of the cluster for the list of {} is broken: {}", resource.text(), why));
}

Object item_of(std::string_view raw, const Resource& resource) {
  boost::json::parse_options options;
  options.max_depth = kItemDepth;
  boost::system::error_code error;
  json::Value value = boost::json::parse(raw, error, {}, options);
  if (error || !value.is_object()) broken(resource, error ? error.message() : "an item is no object");
  value.get_object()["apiVersion"] = resource.api_version();
  value.get_object()["kind"] = resource.kind;
  return Object(std::move(value));
}

}  // namespace

ListHead read_list(std::string_view body, const Resource& resource, const std::function<void(Object&&)>& each) {
  ListHead head;
  try {
    const simdjson::padded_string padded(body);
    simdjson::ondemand::parser parser;
    simdjson::ondemand::document document = parser.iterate(padded);
    for (auto field : document.get_object()) {
      const std::string_view key = field.unescaped_key();
      if (key == "metadata") {
        for (auto entry : field.value().get_object()) {
          const std::string_view name = entry.unescaped_key();
          if (name == "resourceVersion") head.resource_version = std::string_view(entry.value().get_string());
          if (name == "continue") head.continue_token = std::string_view(entry.value().get_string());
        }
      } else if (key == "items") {
        if (field.value().is_null()) continue;
        for (auto item : field.value().get_array()) {
          simdjson::ondemand::object object = item.get_object();
          each(item_of(object.raw_json(), resource));
        }
      }
    }
  } catch (const simdjson::simdjson_error& error) {
    broken(resource, error.what());
  }
  return head;
}

}  // namespace fairlead::kube
