// SPDX-License-Identifier: Apache-2.0
#include "executor/flags.h"

#include <algorithm>
#include <cstdlib>

#include "base/error.h"
#include "base/text.h"

namespace fairlead::executor {

Flags::Flags(std::string_view verb, std::vector<Flag> known, const std::vector<std::string>& arguments)
    : verb_(verb), known_(std::move(known)) {
  for (const Flag& flag : known_) {
    std::string variable = "FAIRLEAD_";
    for (const char c : flag.name)
      variable += c == '-' ? '_' : static_cast<char>(c >= 'a' && c <= 'z' ? c - 'a' + 'A' : c);
    const char* value = std::getenv(variable.c_str());  // NOLINT: before any thread is started
    if (value != nullptr && !flag.value.empty()) values_[std::string(flag.name)] = value;
  }
  for (std::size_t i = 0; i < arguments.size(); ++i) {
    const std::string& argument = arguments[i];
    if (argument == "--help" || argument == "-h") {
      values_["help"];
      continue;
    }
    if (!argument.starts_with("--"))
      throw invalid(text::format("\"{}\" is no option; options begin with --", text::shorten(argument, 60)));
    const std::size_t equals = argument.find('=');
    const std::string name = argument.substr(2, equals == std::string::npos ? equals : equals - 2);
    const auto flag =
        std::find_if(known_.begin(), known_.end(), [&](const Flag& candidate) { return candidate.name == name; });
    if (flag == known_.end())
      throw invalid(text::format("{} has no option --{}; --help lists them", verb_, text::shorten(name, 60)));
    if (flag->value.empty()) {
      values_[name];
    } else if (equals != std::string::npos) {
      values_[name] = argument.substr(equals + 1);
    } else if (i + 1 < arguments.size()) {
      values_[name] = arguments[++i];
    } else {
      throw invalid(text::format("--{} needs a value: {}", name, flag->value));
    }
  }
}

std::string Flags::help_text() const {
  std::string out = text::format("{} [OPTION]...\n\n", verb_);
  for (const Flag& flag : known_) {
    out += text::format("  {:<28}{}\n", text::format("--{} {}", flag.name, flag.value), flag.help);
  }
  return out;
}

std::string Flags::get(std::string_view name, std::string_view otherwise) const {
  const auto found = values_.find(std::string(name));
  return found == values_.end() ? std::string(otherwise) : found->second;
}

std::string Flags::required(std::string_view name) const {
  const std::string value = get(name);
  if (value.empty()) throw invalid(text::format("{} needs --{}; --help says what for", verb_, name));
  return value;
}

}  // namespace fairlead::executor
