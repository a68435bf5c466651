// SPDX-License-Identifier: Apache-2.0
#include "base/error.h"

#include <utility>

namespace fairlead {

std::string_view name_of(Fault fault) {
  switch (fault) {
    case Fault::invalid: return "invalid";
    case Fault::unauthenticated: return "unauthenticated";
    case Fault::forbidden: return "forbidden";
    case Fault::not_found: return "not_found";
    case Fault::conflict: return "conflict";
    case Fault::too_many: return "too_many";
    case Fault::unavailable: return "unavailable";
    case Fault::timeout: return "timeout";
    case Fault::cancelled: return "cancelled";
    case Fault::unsupported: return "unsupported";
    case Fault::bug: return "bug";
  }
  return "bug";
}

Error::Error(Fault fault, std::string message) : fault_(fault), message_(std::move(message)) {}

Error&& Error::at(std::string where, std::string text) && {
  details_.push_back({std::move(where), std::move(text)});
  return std::move(*this);
}

Error& Error::at(std::string where, std::string text) & {
  details_.push_back({std::move(where), std::move(text)});
  return *this;
}

Error&& Error::with_help(std::string help) && {
  help_ = std::move(help);
  return std::move(*this);
}

Error&& Error::retry_after(int seconds) && {
  retry_after_seconds_ = seconds;
  return std::move(*this);
}

std::string Error::text() const {
  std::string out = message_;
  for (const ErrorDetail& detail : details_) {
    out += "\n  ";
    if (!detail.where.empty()) out += detail.where + ": ";
    out += detail.text;
  }
  if (!help_.empty()) out += "\n  " + help_;
  return out;
}

Error invalid(std::string message) { return Error(Fault::invalid, std::move(message)); }

Error invalid_at(std::string where, std::string text) {
  std::string message = where.empty() ? text : where + ": " + text;
  return Error(Fault::invalid, std::move(message)).at(std::move(where), std::move(text));
}

Error not_found(std::string message) { return Error(Fault::not_found, std::move(message)); }

Error error_of(std::exception_ptr caught) {
  try {
    std::rethrow_exception(std::move(caught));
  } catch (const Error& error) {
    return error;
  } catch (const std::exception& error) {
    return Error(Fault::bug, error.what());
  } catch (...) {
    return Error(Fault::bug, "unknown exception");
  }
}

}  // namespace fairlead
