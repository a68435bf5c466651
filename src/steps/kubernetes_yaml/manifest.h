// SPDX-License-Identifier: Apache-2.0
// From the YAML of a step to the text that is applied: variables substituted, unresolved tokens judged. Pure.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "domain/octostache/template.h"
#include "domain/octostache/variable_set.h"

namespace fairlead::steps::kubernetes_yaml {

struct Manifest {
  std::string text;
  std::vector<std::string> sensitive_variables;  // that took part: the text may hold their values
};

enum class Unresolved {
  fail,  // a token in a value or key of a document is an error; in comments it is kept
  keep,
};

// Throws Error(invalid) with one detail "name:line" for each unresolved token, for broken syntax of a template and for
// variables that refer to themselves.
Manifest substitute(std::string_view yaml, std::string_view name, const domain::octostache::VariableSet& variables,
                    Unresolved unresolved);

}  // namespace fairlead::steps::kubernetes_yaml
