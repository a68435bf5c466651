// SPDX-License-Identifier: Apache-2.0
// The parsed form of a template and the parser that makes it. Private to this folder.
#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "domain/octostache/template.h"

namespace fairlead::domain::octostache {

using Symbol = std::vector<PathStep>;

struct Token;
using Tokens = std::vector<Token>;

struct Filter {
  std::string name;  // as written
  Tokens options;    // quoted text and bare words are text tokens
};

struct Expression {
  Symbol symbol;  // empty: a filter chain without input, `#{ | NowDate}`
  std::vector<Filter> filters;
};

// One side of a condition.
struct Operand {
  bool is_text = false;
  std::string text;
  Expression expression;
};

struct Condition {
  enum class Operator { truthy, equal, not_equal } op = Operator::truthy;
  Operand left, right;
};

// A calculation in prefix form.
struct Sum {
  enum class Kind { number, symbol, braced_symbol, parentheses, operation } kind = Kind::number;
  double number = 0;
  std::string number_text;
  Symbol symbol;
  char operation = '+';
  std::vector<Sum> operands;  // one for parentheses, two for an operation
};

struct Branch {
  Condition condition;
  Tokens body;
};

struct Token {
  enum class Kind { text, substitution, conditional, repetition, calculation } kind = Kind::text;
  std::size_t offset = 0;
  std::size_t length = 0;
  std::string text;  // Kind::text, escapes resolved
  Expression expression;
  // Conditional: the first branch is `if` or `unless`, further ones are `elseif`.
  bool is_unless = false;
  std::vector<Branch> branches;
  std::optional<Tokens> otherwise;
  // Repetition
  std::string variable;
  Symbol collection;
  Tokens body;
  // Calculation
  Sum sum;
};

struct ParsedTemplate {
  std::string text;
  Tokens tokens;
  bool has_tokens = false;
  std::optional<SyntaxError> error;
};

// See Template::parse.
std::shared_ptr<const ParsedTemplate> parse_template(std::string_view text, OnSyntaxError on_error,
                                                     const Limits& limits);

// The source form with white space normalised, as results show what could not be evaluated.
std::string print(const Symbol& symbol);
std::string print(const Expression& expression);  // without "#{" and "}"
std::string print(const Token& token);
std::string print(const Tokens& tokens);

// A code point at `at`, which is moved past it. Bytes that are not UTF-8 come back as U+FFFD, one by one.
char32_t next_code_point(std::string_view text, std::size_t& at);
void append_utf8(std::string& out, char32_t c);
bool is_letter_or_digit(char32_t c);
bool is_white_space(char32_t c);
// What names in templates consist of besides white space.
bool is_word_character(char32_t c);

// The identifier that begins at `at` (leading white space skipped), trimmed; empty and `at` unmoved when there is none.
std::string scan_identifier(std::string_view text, std::size_t& at);

}  // namespace fairlead::domain::octostache
