// SPDX-License-Identifier: Apache-2.0
// The one error type of Fairlead. It is thrown to end a unit of work (a request, a wake of a run, a command of an
// executor, a command line) and caught only there; where absence is normal, functions return std::optional instead.
#pragma once

#include <exception>
#include <string>
#include <string_view>
#include <vector>

namespace fairlead {

// What kind of thing went wrong. One switch per consumer (HTTP status, Octopus error body, task log) maps it.
enum class Fault {
  invalid,          // the input is wrong; sending it again cannot help
  unauthenticated,  // nobody is signed in, or the key is unknown
  forbidden,        // signed in, but lacks a permission
  not_found,
  conflict,     // version conflict or a rule between documents
  too_many,     // the caller's own limit
  unavailable,  // overload or an unreachable peer; trying again may help
  timeout,
  cancelled,
  unsupported,  // a real feature that this build does not have
  bug,          // our own fault; the details go to the log
};

std::string_view name_of(Fault fault);

// One place and what is wrong there. `where` is a JSON path ("Steps[0].Actions[1].Properties"), a "file:line" or an
// object reference ("Deployment default/web"); it may be empty.
struct ErrorDetail {
  std::string where;
  std::string text;
};

class Error : public std::exception {
 public:
  Error(Fault fault, std::string message);

  // Chainable additions, so that a throw reads as one expression: `throw Error(...).at("Name",
  // "...").with_help("...")`.
  Error&& at(std::string where, std::string text) &&;
  Error&& with_help(std::string help) &&;
  Error&& retry_after(int seconds) &&;
  Error& at(std::string where, std::string text) &;

  Fault fault() const { return fault_; }
  const std::string& message() const { return message_; }
  const std::vector<ErrorDetail>& details() const { return details_; }
  const std::string& help() const { return help_; }
  int retry_after_seconds() const { return retry_after_seconds_; }  // 0: no advice
  bool retryable() const {
    return fault_ == Fault::unavailable || fault_ == Fault::timeout || fault_ == Fault::too_many;
  }

  const char* what() const noexcept override { return message_.c_str(); }
  // Message, details and help on several lines: for terminals and logs.
  std::string text() const;

 private:
  Fault fault_;
  std::string message_;
  std::vector<ErrorDetail> details_;
  std::string help_;
  int retry_after_seconds_ = 0;
};

// Shorthands for the commonest throws.
Error invalid(std::string message);
Error invalid_at(std::string where, std::string text);
Error not_found(std::string message);

// The Error that an arbitrary caught exception stands for: itself, or a `bug` with the exception's text.
Error error_of(std::exception_ptr caught);

}  // namespace fairlead
