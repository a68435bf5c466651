// SPDX-License-Identifier: Apache-2.0
#include "api/paging.h"

#include <algorithm>

#include "api/links.h"
#include "base/text.h"
#include "json/type.h"

namespace fairlead::api {

namespace {

constexpr std::int64_t kMostTake = 2'147'483'647;

// The request's query without skip and take, ready to be continued.
std::string other_parameters(const Context& context) {
  std::string out;
  for (const auto& [name, value] : net::query_parameters(context.request().query)) {
    if (text::equals_ignoring_case(name, "skip") || text::equals_ignoring_case(name, "take")) continue;
    out += text::percent_encode(name) + "=" + text::percent_encode(value) + "&";
  }
  return out;
}

}  // namespace

Page page_of(const Context& context) {
  Page page;
  page.skip = context.query_int("skip", 0, 0, kMostTake);
  page.take = context.query_int("take", kDefaultTake, 0, kMostTake);
  return page;
}

std::string paged(const Context& context, std::string_view item_type, const std::vector<std::string>& items,
                  std::int64_t total, const Page& page, std::string_view more) {
  const std::int64_t take = std::max<std::int64_t>(page.take, 1);
  const std::int64_t pages = std::max<std::int64_t>((total + take - 1) / take, 1);
  const std::string base = context.request().path + "?" + other_parameters(context);
  const auto url = [&](std::int64_t skip, std::int64_t count) {
    return text::format("{}skip={}&take={}", base, skip, count);
  };
  Links links;
  links.add("Self", url(page.skip, page.take));
  links.add("Template", context.request().path + "{?skip,take,ids,partialName}");
  links.add("Page.All", url(0, kMostTake));
  links.add("Page.Current", url(page.skip, page.take));
  if (page.take > 0 && page.skip + page.take < total) links.add("Page.Next", url(page.skip + page.take, page.take));
  links.add("Page.Last", url((pages - 1) * take, page.take));

  std::string out = "{\"ItemType\":";
  json::append_string(out, item_type);
  out += text::format(
      ",\"TotalResults\":{},\"ItemsPerPage\":{},\"NumberOfPages\":{},\"LastPageNumber\":{},\"IsStale\":false,", total,
      page.take, pages, pages - 1);
  out += more;
  out += "\"Items\":" + raw_array(items) + ",\"Links\":" + links.text() + "}";
  return out;
}

std::string raw_array(const std::vector<std::string>& items) {
  std::string out = "[";
  for (const std::string& item : items) {
    if (&item != &items.front()) out += ',';
    out += item;
  }
  out += ']';
  return out;
}

}  // namespace fairlead::api
