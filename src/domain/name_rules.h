// SPDX-License-Identifier: Apache-2.0
// What may be called how: names that people give, slugs made from them, names of ephemeral environments.
#pragma once

#include <cstddef>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

namespace fairlead::domain {

struct NameLimits {
  std::size_t characters = 200;
};
inline constexpr std::size_t kMaxSlugBytes = 210;
inline constexpr std::size_t kMaxSpaceNameCharacters = 20;
inline constexpr std::size_t kMaxEphemeralNameCharacters = 50;

// nullopt when the name is fine; else one sentence: empty, white space around, too long, control characters, not UTF-8.
std::optional<std::string> name_problem(std::string_view name, const NameLimits& limits = {});
// Throws Error(invalid) at `where` ("Name") with that sentence.
void require_name(std::string_view name, std::string_view where, const NameLimits& limits = {});

// Lower-case letters, digits and single hyphens between them.
bool is_slug(std::string_view text);
// nullopt when fine; else one sentence.
std::optional<std::string> slug_problem(std::string_view text);
// slug(name), or with the first free suffix "-1", "-2", ... `taken` is asked per candidate.
std::string unique_slug(std::string_view name, const std::function<bool(std::string_view)>& taken);

// The name of an ephemeral environment from an evaluated template: < > : " / \ | ? * { } become '-', '-' and '_' are
// trimmed at both ends, at most 50 characters. Throws Error(invalid) when nothing is left.
std::string ephemeral_environment_name(std::string_view evaluated);

}  // namespace fairlead::domain
