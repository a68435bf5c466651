// SPDX-License-Identifier: Apache-2.0
#include "features/channels/rules.h"

#include <set>

#include "base/error.h"
#include "base/text.h"
#include "json/value.h"

namespace fairlead::features::channels {

std::vector<PackageRule> package_rules_of(const Channel& channel) {
  Error problem(Fault::invalid, text::format("The version rules of the channel {} are not valid.", channel.name));
  std::set<std::pair<std::string, std::string>> named;
  std::vector<PackageRule> out;
  for (std::size_t i = 0; i < channel.rules.size(); ++i) {
    const std::string place = text::format("Rules[{}]", i);
    const json::Value given = json::parse(channel.rules[i].text, place);
    const domain::VersionRule rule{json::string_or(given, "VersionRange"), json::string_or(given, "Tag")};
    if (const auto text = domain::problem_of(rule)) problem.at(place, *text);
    const json::Value* packages = json::find(given, "ActionPackages");
    if (packages == nullptr || !packages->is_array()) continue;
    for (const json::Value& package : packages->get_array()) {
      PackageRule& made = out.emplace_back();
      made.action = json::string_or(package, "DeploymentAction");
      made.reference = json::string_or(package, "PackageReference");
      made.rule = rule;
      if (!named.emplace(text::lower(made.action), text::lower(made.reference)).second) {
        problem.at(place, text::format("another rule speaks of the same package of {} already", made.action));
      }
    }
  }
  if (!problem.details().empty()) throw std::move(problem);
  return out;
}

}  // namespace fairlead::features::channels
