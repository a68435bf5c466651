// SPDX-License-Identifier: Apache-2.0
// Service messages in a script's output: ##octopus[name key='base64' ...], the protocol of Octopus' script functions.
// Pure.
#pragma once

#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "link/commands.h"

namespace fairlead::executor {

inline constexpr std::size_t kMaxMessageAttributes = 50;

// A line in order: texts and messages. What only looks like a message stays text. Values are decoded; one that is not
// base64 is kept as it is written.
using LinePart = std::variant<std::string, link::ServiceMessage>;
std::vector<LinePart> split_line(std::string_view line);

}  // namespace fairlead::executor
