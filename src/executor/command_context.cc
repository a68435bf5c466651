// SPDX-License-Identifier: Apache-2.0
#include "executor/command_context.h"

#include "base/text.h"

namespace fairlead::executor {

Error masked(const Error& error, const Mask& mask) {
  if (mask.empty()) return error;
  Error out(error.fault(), mask.apply(error.message()));
  for (const ErrorDetail& detail : error.details()) out.at(mask.apply(detail.where), mask.apply(detail.text));
  return std::move(out).with_help(error.help()).retry_after(error.retry_after_seconds());
}

std::string detail_text(const Error& error) {
  std::string out;
  const auto add = [&](std::string_view line) {
    if (!out.empty()) out += '\n';
    out += line;
  };
  for (const ErrorDetail& detail : error.details()) {
    add(detail.where.empty() ? detail.text : text::format("{}: {}", detail.where, detail.text));
  }
  if (!error.help().empty()) add(error.help());
  return out;
}

}  // namespace fairlead::executor
