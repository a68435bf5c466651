// SPDX-License-Identifier: Apache-2.0
// Evaluation of parsed templates. Private to this folder; callers use template.h.
#pragma once

#include "domain/octostache/syntax.h"

namespace fairlead::domain::octostache {

Evaluation evaluate_parsed(const ParsedTemplate& parsed, const VariableSet& variables, const EvaluateOptions& options);

// A number as .NET reads it in the invariant culture: white space around, sign, ',' between thousands, exponent.
std::optional<double> parse_number(std::string_view text);

}  // namespace fairlead::domain::octostache
