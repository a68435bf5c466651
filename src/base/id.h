// SPDX-License-Identifier: Apache-2.0
// Strong identifiers. `Id<Project>` cannot be passed where `Id<Environment>` is wanted; on the wire both are plain
// strings such as "Projects-12".
#pragma once

#include <compare>
#include <functional>
#include <string>
#include <string_view>
#include <utility>

namespace fairlead {

template <class T>
struct Id {
  std::string value;

  Id() = default;
  explicit Id(std::string text) : value(std::move(text)) {}
  explicit Id(std::string_view text) : value(text) {}
  explicit Id(const char* text) : value(text) {}

  bool empty() const { return value.empty(); }
  const std::string& str() const { return value; }
  auto operator<=>(const Id&) const = default;
};

}  // namespace fairlead

template <class T>
struct std::hash<fairlead::Id<T>> {
  std::size_t operator()(const fairlead::Id<T>& id) const noexcept { return std::hash<std::string>{}(id.value); }
};
