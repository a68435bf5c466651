// SPDX-License-Identifier: Apache-2.0
// The filters of `#{Name | Filter option}`. Private to this folder. Pure: the time comes with the options.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "domain/octostache/template.h"

namespace fairlead::domain::octostache {

struct FilterCall {
  std::optional<std::string_view> input;  // absent for a chain without input or a missing variable
  const std::vector<std::string>& options;
  const EvaluateOptions& environment;
};

using FilterFunction = std::optional<std::string> (*)(const FilterCall&);

struct FilterRow {
  std::string_view name;
  std::size_t minimum = 0, maximum = 0;  // number of options
  enum class Input { required, allowed, refused } input = Input::required;
  FilterFunction apply = nullptr;
};

inline constexpr std::size_t kAnyCount = static_cast<std::size_t>(-1);

// Null for a name that is no filter; names ignore case.
const FilterRow* find_filter(std::string_view name);
// nullopt when the input, the options or the value do not fit.
std::optional<std::string> apply_filter(const FilterRow& filter, const FilterCall& call);

// The rows of each file.
const std::vector<FilterRow>& text_filters();
const std::vector<FilterRow>& escape_filters();
const std::vector<FilterRow>& encoding_filters();
const std::vector<FilterRow>& date_filters();
const std::vector<FilterRow>& version_filters();

}  // namespace fairlead::domain::octostache
