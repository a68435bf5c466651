// SPDX-License-Identifier: Apache-2.0
// The template language of Octopus (`#{Name}`, filters, `if`, `unless`, `each`, `calc`): parse once, evaluate often.
// The language follows Octostache, with its odd cases; README.md here lists what differs.
//
// Templates and options are immutable values; evaluate() may be called by any number of threads at once.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "domain/octostache/variable_set.h"

namespace fairlead::domain::octostache {

struct ParsedTemplate;  // the parsed form, private to the folder

struct Limits {
  std::size_t template_bytes = 16u << 20;  // text of one template
  std::size_t output_bytes = 32u << 20;    // text of one result, and of every intermediate value
  std::size_t nesting = 100;               // blocks in blocks, brackets in brackets, at parse time
  std::size_t value_depth = 60;            // values that refer to values
  std::size_t steps = 500'000;             // tokens evaluated, loop bodies counted each time
  std::size_t missing = 200;               // tokens reported; more are counted only
};

// 1-based; columns count bytes.
struct Position {
  std::size_t line = 1;
  std::size_t column = 1;
};
Position position_of(std::string_view text, std::size_t offset);

struct SyntaxError {
  std::size_t offset = 0;  // byte in the template where parsing could not go on
  Position position;
  std::string text;  // "unexpected '}'; expected a variable name (Line 1, Column 7)"
};

enum class OnSyntaxError {
  keep_whole,  // the whole text is returned unchanged and the result carries the error
  keep_piece,  // what does not parse stays as text, the rest is evaluated, no error
};

// A token that could not be evaluated and was therefore left in the text.
struct Missing {
  std::string token;               // "#{Db.Host}", as it stands in the result
  std::string reason;              // one sentence: 'There is no variable "Db.Host" in scope.'
  std::vector<std::string> chain;  // variables on the way to it when the token stands in a value: {"ConnectionString"}
  std::size_t offset = 0;          // first byte of the template's own token that led here
  std::size_t length = 0;          // of that token
  std::size_t output_offset = 0;   // where in the result what that token became begins
};

struct EvaluateOptions {
  Limits limits;
  // Strict, for values in manifests: items of `each` are trimmed.
  bool strict = false;
  Time now;                    // for NowDate, NowDateUtc
  int utc_offset_minutes = 0;  // of NowDate
};

struct Evaluation {
  std::string text;
  bool is_null = false;  // a filter `| null` made the whole result null: not the same as empty
  std::vector<Missing> missing;
  std::size_t missing_count = 0;  // at least missing.size()
  std::optional<SyntaxError> syntax_error;
  // Variables marked sensitive that took part in the text, sorted. What they became may stand in `text` in any form.
  std::vector<std::string> sensitive_variables;

  bool sensitive() const { return !sensitive_variables.empty(); }
  bool ok() const { return missing_count == 0 && !syntax_error; }
  // Empty when ok(); else the wording of Octostache: "The following tokens were unable to be evaluated: '#{A}',
  // '#{B}'".
  std::string error_text() const;
  // The byte of the template that produced this byte of the result: exact in literal text, else the token's first byte.
  std::size_t source_offset(std::size_t output_offset) const;

  struct Piece {
    std::size_t output = 0;
    std::size_t source = 0;
    bool literal = false;
  };
  std::vector<Piece> pieces;  // ascending by output; for source_offset()
};

class Template {
 public:
  // Never throws for a syntax error (see syntax_error()); throws Error(invalid) for a text over the limits.
  static Template parse(std::string_view text, OnSyntaxError on_error = OnSyntaxError::keep_whole,
                        const Limits& limits = {});

  const std::string& text() const;
  const std::optional<SyntaxError>& syntax_error() const;
  // False: evaluating gives the text back, whatever the variables.
  bool has_tokens() const;
  // Variables that the text itself names, in order of first use: collections included, loop variables excluded.
  std::vector<std::string> argument_names() const;

  // Throws Error(invalid) when variables refer to themselves (naming the chain) and when a limit is passed (naming it);
  // everything else is in the result.
  Evaluation evaluate(const VariableSet& variables, const EvaluateOptions& options = {}) const;

 private:
  std::shared_ptr<const ParsedTemplate> parsed_;
};

// parse() and evaluate() in one; a text without "#{" is returned as it is.
Evaluation evaluate(std::string_view text, const VariableSet& variables, const EvaluateOptions& options = {},
                    OnSyntaxError on_error = OnSyntaxError::keep_whole);
// Run conditions: no error, and the result neither "", "0", nor "no" or "false" in any case with white space around.
bool evaluate_truthy(std::string_view text, const VariableSet& variables, const EvaluateOptions& options = {});
bool is_truthy(std::string_view value);

// Typed reading of one variable, evaluated.
std::optional<std::string> get(const VariableSet& variables, std::string_view name,
                               const EvaluateOptions& options = {});
bool get_flag(const VariableSet& variables, std::string_view name, bool otherwise);
std::optional<std::int64_t> get_int(const VariableSet& variables, std::string_view name);
// Split, trimmed, empty parts dropped.
std::vector<std::string> get_strings(const VariableSet& variables, std::string_view name,
                                     std::string_view separators = ",");
// Throws Error(invalid) naming the variable when it is missing or empty.
std::string require(const VariableSet& variables, std::string_view name, const EvaluateOptions& options = {});

// Makes any text safe to stand in a template: "#{" becomes "##{".
std::string escape(std::string_view text);

}  // namespace fairlead::domain::octostache
