// SPDX-License-Identifier: Apache-2.0
#include "features/releases/packages.h"

#include <algorithm>

#include "base/error.h"
#include "base/text.h"
#include "domain/version.h"

namespace fairlead::features::releases {

namespace {

// One text of Packages, by its parts. An empty name or reference stands for any.
struct Override {
  std::string name, reference, version;
};

// Parts between ':', '/' and '='; a backslash takes its meaning from one of these and from itself.
std::vector<std::string> override_parts(std::string_view text) {
  constexpr std::string_view kSeparators = ":/=";
  std::vector<std::string> parts(1);
  for (std::size_t i = 0; i < text.size(); ++i) {
    const bool escapes = text[i] == '\\' && i + 1 < text.size() &&
                         (text[i + 1] == '\\' || kSeparators.find(text[i + 1]) != std::string_view::npos);
    if (escapes) {
      parts.back() += text[++i];
    } else if (kSeparators.find(text[i]) != std::string_view::npos) {
      parts.emplace_back();
    } else {
      parts.back() += text[i];
    }
  }
  for (std::string& part : parts) part = std::string(text::trim(part));
  return parts;
}

Override parse_override(const std::string& text, const std::string& place) {
  const std::vector<std::string> parts = override_parts(text);
  if (parts.size() < 2 || parts.size() > 3) {
    throw invalid_at(place, text::format("must be \"Step:Version\" or \"Step:Reference:Version\", but is \"{}\"",
                                         text::shorten(text, 100)));
  }
  if (!domain::parse_version(parts.back())) {
    throw invalid_at(place, text::format("\"{}\" is no version", text::shorten(parts.back(), 100)));
  }
  const auto unless_any = [](const std::string& part) { return part == "*" ? std::string() : part; };
  return {unless_any(parts.front()), parts.size() == 3 ? unless_any(parts[1]) : "", parts.back()};
}

// The packages (positions) that an override is about: those of the step or action it names, else those with that id.
std::vector<std::size_t> named_by(const Override& override, const std::vector<ProcessPackage>& packages) {
  std::vector<std::size_t> by_step;
  std::vector<std::size_t> by_id;
  for (std::size_t i = 0; i < packages.size(); ++i) {
    const ProcessPackage& package = packages[i];
    if (!override.reference.empty() && !text::equals_ignoring_case(override.reference, package.reference)) continue;
    const bool step = override.name.empty() || text::equals_ignoring_case(override.name, package.step) ||
                      text::equals_ignoring_case(override.name, package.action);
    if (step) by_step.push_back(i);
    if (text::equals_ignoring_case(override.name, package.package_id)) by_id.push_back(i);
  }
  return by_step.empty() ? by_id : by_step;
}

std::string described(const ProcessPackage& package) {
  std::string out = text::format("package {} of step {}",
                                 package.package_id.empty() ? "without an id" : package.package_id, package.step);
  if (!package.reference.empty()) out += text::format(" (reference {})", package.reference);
  return out;
}

}  // namespace

std::vector<ProcessPackage> packages_of(const std::vector<processes::Step>& steps, const std::string& channel) {
  std::vector<ProcessPackage> out;
  for (const processes::Step& step : steps) {
    for (const processes::Action& action : step.actions) {
      const bool other_channel = !action.channels.empty() && std::find(action.channels.begin(), action.channels.end(),
                                                                       channel) == action.channels.end();
      if (action.is_disabled || other_channel) continue;
      for (const processes::PackageReference& package : action.packages) {
        const bool variables =
            package.package_id.find("#{") != std::string::npos || package.feed_id.find("#{") != std::string::npos;
        out.push_back(
            {step.name, action.name, package.name, package.package_id, package.feed_id, package.version, !variables});
      }
    }
  }
  return out;
}

std::vector<SelectedPackage> select_packages(const std::vector<ProcessPackage>& packages,
                                             const std::vector<SelectedPackage>& given, const PackageChoice& choice) {
  std::vector<std::string> versions(packages.size(), choice.default_version);
  for (std::size_t i = 0; i < choice.overrides.size(); ++i) {
    const std::string place = text::format("Packages[{}]", i);
    const Override override = parse_override(choice.overrides[i], place);
    const std::vector<std::size_t> named = named_by(override, packages);
    if (named.empty()) {
      throw invalid_at(place,
                       text::format("no package of the process fits \"{}\"", text::shorten(choice.overrides[i], 100)));
    }
    for (const std::size_t position : named) versions[position] = override.version;
  }
  std::vector<SelectedPackage> out;
  Error missing(Fault::invalid, "Packages of the process have no version.");
  for (std::size_t i = 0; i < packages.size(); ++i) {
    const ProcessPackage& package = packages[i];
    const auto chosen = std::find_if(given.begin(), given.end(), [&](const SelectedPackage& one) {
      const std::string& action = one.action_name.empty() ? one.step_name : one.action_name;
      return text::equals_ignoring_case(action, package.action) &&
             text::equals_ignoring_case(one.package_reference_name, package.reference);
    });
    std::string version = package.fixed_version;
    if (version.empty() && chosen != given.end()) version = chosen->version;
    if (version.empty()) version = versions[i];
    if (version.empty()) {
      missing.at("SelectedPackages",
                 described(package) + " needs a version; give it with the release, as this server has no feed to ask");
    }
    out.push_back({package.action, package.reference, package.step, std::move(version)});
  }
  if (!missing.details().empty()) throw std::move(missing);
  return out;
}

}  // namespace fairlead::features::releases
