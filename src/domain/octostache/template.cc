// SPDX-License-Identifier: Apache-2.0
#include "domain/octostache/template.h"

#include <algorithm>
#include <charconv>

#include "base/error.h"
#include "domain/octostache/evaluator.h"

namespace fairlead::domain::octostache {

namespace {

// Collects the names a template refers to, in order, without loop variables.
class Names {
 public:
  std::vector<std::string> take() { return std::move(out_); }

  void visit(const Tokens& tokens) {
    for (const Token& token : tokens) visit(token);
  }

 private:
  void visit(const Token& token) {
    visit(token.expression);
    for (const Branch& branch : token.branches) {
      visit(branch.condition.left.expression);
      visit(branch.condition.right.expression);
      visit(branch.body);
    }
    if (token.otherwise) visit(*token.otherwise);
    visit(token.sum);
    if (token.kind != Token::Kind::repetition) return;
    visit(token.collection);
    locals_.push_back(token.variable);
    visit(token.body);
    locals_.pop_back();
  }
  void visit(const Expression& expression) {
    visit(expression.symbol);
    for (const Filter& filter : expression.filters) visit(filter.options);
  }
  void visit(const Sum& sum) {
    visit(sum.symbol);
    for (const Sum& operand : sum.operands) visit(operand);
  }
  void visit(const Symbol& symbol) {
    if (symbol.empty()) return;
    for (const PathStep& step : symbol) visit(step.indirect);
    const auto same = [](std::string_view a) {
      return [a](const std::string& b) { return text::equals_ignoring_case(a, b); };
    };
    if (std::any_of(locals_.begin(), locals_.end(), same(symbol.front().text))) return;
    const std::string name = print(symbol);
    if (!locals_.empty() && text::starts_with_ignoring_case(name, "Octopus.Template.Each.")) return;
    if (std::none_of(out_.begin(), out_.end(), same(name))) out_.push_back(name);
  }

  std::vector<std::string> out_;
  std::vector<std::string> locals_;
};

}  // namespace

Position position_of(std::string_view text, std::size_t offset) {
  const std::string_view before = text.substr(0, std::min(offset, text.size()));
  Position position;
  position.line += static_cast<std::size_t>(std::count(before.begin(), before.end(), '\n'));
  const std::size_t line_break = before.rfind('\n');
  position.column += line_break == std::string_view::npos ? before.size() : before.size() - line_break - 1;
  return position;
}

std::string Evaluation::error_text() const {
  if (syntax_error) return syntax_error->text;
  if (missing_count == 0) return {};
  std::vector<std::string> tokens;
  for (const Missing& one : missing) {
    const std::string quoted = "'" + one.token + "'";
    if (std::find(tokens.begin(), tokens.end(), quoted) == tokens.end()) tokens.push_back(quoted);
  }
  return "The following tokens were unable to be evaluated: " + text::join(tokens, ", ");
}

std::size_t Evaluation::source_offset(std::size_t output_offset) const {
  const auto after = std::upper_bound(pieces.begin(), pieces.end(), output_offset,
                                      [](std::size_t offset, const Piece& piece) { return offset < piece.output; });
  if (after == pieces.begin()) return output_offset;
  const Piece& piece = *std::prev(after);
  return piece.literal ? piece.source + (output_offset - piece.output) : piece.source;
}

Template Template::parse(std::string_view text, OnSyntaxError on_error, const Limits& limits) {
  Template result;
  result.parsed_ = parse_template(text, on_error, limits);
  return result;
}

const std::string& Template::text() const { return parsed_->text; }
const std::optional<SyntaxError>& Template::syntax_error() const { return parsed_->error; }
bool Template::has_tokens() const { return parsed_->has_tokens; }

std::vector<std::string> Template::argument_names() const {
  Names names;
  names.visit(parsed_->tokens);
  return names.take();
}

Evaluation Template::evaluate(const VariableSet& variables, const EvaluateOptions& options) const {
  if (parsed_->has_tokens) return evaluate_parsed(*parsed_, variables, options);
  Evaluation unchanged;
  unchanged.text = parsed_->text;
  unchanged.syntax_error = parsed_->error;
  return unchanged;
}

Evaluation evaluate(std::string_view text, const VariableSet& variables, const EvaluateOptions& options,
                    OnSyntaxError on_error) {
  return Template::parse(text, on_error, options.limits).evaluate(variables, options);
}

bool is_truthy(std::string_view value) {
  const std::string_view trimmed = text::trim(value);
  return !value.empty() && value != "0" && !text::equals_ignoring_case(trimmed, "no") &&
         !text::equals_ignoring_case(trimmed, "false");
}

bool evaluate_truthy(std::string_view text, const VariableSet& variables, const EvaluateOptions& options) {
  const Evaluation result = evaluate(text, variables, options);
  return result.ok() && !result.is_null && is_truthy(result.text);
}

std::optional<std::string> get(const VariableSet& variables, std::string_view name, const EvaluateOptions& options) {
  const std::optional<std::string> raw = variables.raw(name);
  if (!raw || variables.is_sensitive(name)) return raw;
  Evaluation result = evaluate(*raw, variables, options);
  if (result.is_null) return std::nullopt;
  return std::move(result.text);
}

bool get_flag(const VariableSet& variables, std::string_view name, bool otherwise) {
  const std::optional<std::string> value = get(variables, name);
  return value ? text::parse_bool(text::trim(*value)).value_or(otherwise) : otherwise;
}

std::optional<std::int64_t> get_int(const VariableSet& variables, std::string_view name) {
  const std::optional<std::string> value = get(variables, name);
  return value ? text::parse_int(text::trim(*value)) : std::nullopt;
}

std::vector<std::string> get_strings(const VariableSet& variables, std::string_view name, std::string_view separators) {
  const std::optional<std::string> value = get(variables, name);
  return value ? text::split_list(*value, separators) : std::vector<std::string>{};
}

std::string require(const VariableSet& variables, std::string_view name, const EvaluateOptions& options) {
  std::optional<std::string> value = get(variables, name, options);
  if (value && !value->empty()) return std::move(*value);
  throw invalid(text::format("The variable \"{}\" is {}.", name, value ? "empty" : "not set"))
      .with_help("Give it a value that applies to this environment, step and target.");
}

std::optional<double> parse_number(std::string_view text) {
  std::string digits;
  for (const char c : text::trim(text)) {
    if (c != ',') digits += c;
  }
  if (digits.starts_with('+')) digits.erase(0, 1);
  // from_chars would take "inf" and "nan".
  if (digits.find_first_not_of("-+.eE0123456789") != std::string::npos) return std::nullopt;
  double value = 0;
  const auto end = std::from_chars(digits.data(), digits.data() + digits.size(), value);
  if (digits.empty() || end.ec != std::errc{} || end.ptr != digits.data() + digits.size()) return std::nullopt;
  return value;
}

}  // namespace fairlead::domain::octostache
