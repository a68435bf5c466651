// SPDX-License-Identifier: Apache-2.0
#include "domain/octostache/filters.h"

#include <map>

#include "base/text.h"

namespace fairlead::domain::octostache {

namespace {

using Table = std::map<std::string_view, FilterRow, text::LessIgnoringCase>;

Table make_table() {
  Table table;
  for (const auto* rows :
       {&text_filters(), &escape_filters(), &encoding_filters(), &date_filters(), &version_filters()}) {
    for (const FilterRow& row : *rows) table.emplace(row.name, row);
  }
  return table;
}

}  // namespace

const FilterRow* find_filter(std::string_view name) {
  static const Table table = make_table();
  const auto found = table.find(name);
  return found == table.end() ? nullptr : &found->second;
}

std::optional<std::string> apply_filter(const FilterRow& filter, const FilterCall& call) {
  if (call.options.size() < filter.minimum || call.options.size() > filter.maximum) return std::nullopt;
  if (!call.input && filter.input == FilterRow::Input::required) return std::nullopt;
  if (call.input && filter.input == FilterRow::Input::refused) return std::nullopt;
  return filter.apply(call);
}

}  // namespace fairlead::domain::octostache
