// SPDX-License-Identifier: Apache-2.0
// skip and take, and the paging envelope of every list (api-conventions "Paging").
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "api/endpoint.h"

namespace fairlead::api {

inline constexpr std::int64_t kDefaultTake = 30;

struct Page {
  std::int64_t skip = 0;
  std::int64_t take = kDefaultTake;  // clients send 2147483647: it must not be allocated
};

// Throws Error(invalid) naming the parameter when one is negative or no number.
Page page_of(const Context& context);

// `items` are encoded objects; `total` counts all of them; the links repeat the request's other query parameters.
// `more`: members of the envelope that only this list has, each with a comma behind it.
std::string paged(const Context& context, std::string_view item_type, const std::vector<std::string>& items,
                  std::int64_t total, const Page& page, std::string_view more = {});
// "[...]": what /all routes and a few others answer.
std::string raw_array(const std::vector<std::string>& items);

}  // namespace fairlead::api
