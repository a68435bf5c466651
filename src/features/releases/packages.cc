// SPDX-License-Identifier: Apache-2.0
#include "features/releases/packages.h"

#include <algorithm>
#include <optional>

#include "base/error.h"
#include "base/text.h"

namespace fairlead::features::releases {

namespace {

constexpr std::string_view kEvery = "*";

struct Override {
  std::string name, reference, version;
  bool has_reference = false;
  bool used = false;
};

Override parse_override(const std::string& text, std::size_t position) {
  std::vector<std::string> parts = text::split(text, ':');
  for (std::string& part : parts) part = std::string(text::trim(part));
  const bool complete = (parts.size() == 2 || parts.size() == 3) && !parts.front().empty() && !parts.back().empty();
  if (!complete) {
    throw invalid_at(text::format("Packages[{}]", position),
                     text::format("must be \"Step:Version\" or \"Step:Reference:Version\", but is \"{}\"",
                                  text::shorten(text, 100)));
  }
  return {parts.front(), parts.size() == 3 ? parts[1] : "", parts.back(), parts.size() == 3, false};
}

bool names(const Override& override, const ProcessPackage& package) {
  if (override.has_reference && override.reference != kEvery &&
      !text::equals_ignoring_case(override.reference, package.reference)) {
    return false;
  }
  if (override.name == kEvery) return true;
  return text::equals_ignoring_case(override.name, package.step) ||
         text::equals_ignoring_case(override.name, package.action) ||
         text::equals_ignoring_case(override.name, package.package_id);
}

// The last override that names the package by more than "*", else the last "*".
std::optional<std::string> overridden(std::vector<Override>& overrides, const ProcessPackage& package) {
  std::optional<std::string> version;
  bool by_name = false;
  for (Override& override : overrides) {
    if (!names(override, package)) continue;
    override.used = true;
    if (by_name && override.name == kEvery) continue;
    by_name = by_name || override.name != kEvery;
    version = override.version;
  }
  return version;
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
  std::vector<Override> overrides;
  for (std::size_t i = 0; i < choice.overrides.size(); ++i) overrides.push_back(parse_override(choice.overrides[i], i));
  std::vector<SelectedPackage> out;
  Error missing(Fault::invalid, "Packages of the process have no version.");
  for (const ProcessPackage& package : packages) {
    SelectedPackage selected{package.action, package.reference, package.step, ""};
    const auto chosen = std::find_if(given.begin(), given.end(), [&](const SelectedPackage& one) {
      const std::string& action = one.action_name.empty() ? one.step_name : one.action_name;
      return text::equals_ignoring_case(action, package.action) &&
             text::equals_ignoring_case(one.package_reference_name, package.reference);
    });
    const std::optional<std::string> named = overridden(overrides, package);
    if (chosen != given.end() && !chosen->version.empty()) {
      selected.version = chosen->version;
    } else if (named) {
      selected.version = *named;
    } else {
      selected.version = package.fixed_version.empty() ? choice.default_version : package.fixed_version;
    }
    if (selected.version.empty()) {
      missing.at("SelectedPackages",
                 described(package) + " needs a version; give it with the release, as this server has no feed to ask");
    }
    out.push_back(std::move(selected));
  }
  for (std::size_t i = 0; i < overrides.size(); ++i) {
    if (!overrides[i].used)
      missing.at(text::format("Packages[{}]", i),
                 text::format("no package of the process is called '{}'", overrides[i].name));
  }
  if (!missing.details().empty()) throw std::move(missing);
  return out;
}

}  // namespace fairlead::features::releases
