// SPDX-License-Identifier: Apache-2.0
#include "cli/arguments.h"

#include <unistd.h>

#include <algorithm>

#include "base/error.h"
#include "base/text.h"

namespace fairlead::cli {

std::map<std::string, std::string> parse_options(const std::vector<std::string>& arguments,
                                                 const std::vector<std::string>& with_value,
                                                 const std::vector<std::string>& switches) {
  const auto among = [](const std::vector<std::string>& list, const std::string& name) {
    return std::find(list.begin(), list.end(), name) != list.end();
  };
  std::map<std::string, std::string> options;
  for (std::size_t i = 0; i < arguments.size(); ++i) {
    const std::string& argument = arguments[i];
    if (!argument.starts_with("--"))
      throw invalid(text::format("\"{}\" is no option; options begin with --", text::shorten(argument, 60)));
    const std::size_t equals = argument.find('=');
    const std::string name = argument.substr(2, equals == std::string::npos ? equals : equals - 2);
    if (among(switches, name)) {
      options[name] = equals == std::string::npos ? "" : argument.substr(equals + 1);
    } else if (!among(with_value, name)) {
      throw invalid(text::format("there is no option --{}; --help lists them", text::shorten(name, 60)));
    } else if (equals != std::string::npos) {
      options[name] = argument.substr(equals + 1);
    } else if (i + 1 < arguments.size()) {
      options[name] = arguments[++i];
    } else {
      throw invalid(text::format("--{} needs a value", name));
    }
  }
  return options;
}

std::map<std::string, std::string> fairlead_environment() {
  std::map<std::string, std::string> out;
  for (char** entry = environ; *entry != nullptr; ++entry) {
    const std::string_view text(*entry);
    const std::size_t equals = text.find('=');
    if (text.starts_with("FAIRLEAD_") && equals != std::string_view::npos) {
      out[std::string(text.substr(0, equals))] = text.substr(equals + 1);
    }
  }
  return out;
}

}  // namespace fairlead::cli
