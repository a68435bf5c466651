// SPDX-License-Identifier: Apache-2.0
// Recursive descent with ordered choice. A block that has no end falls back to a plain substitution, as the reference
// engine does; remembering where that happened keeps the work in proportion to the text.
#include <charconv>
#include <unordered_set>

#include "base/error.h"
#include "domain/octostache/syntax.h"

namespace fairlead::domain::octostache {

namespace {

constexpr std::size_t kMaxUnclosedBlocks = 50;  // each one costs another pass over the rest of the text
constexpr std::size_t kMaxSymbolDepth = 20;     // `[#{...[#{...}]}]`

// Where a body ends besides a closing tag.
enum class Within { top, each_or_else, if_body, unless_body };

class Parser {
 public:
  Parser(std::string_view text, const Limits& limits) : text_(text), limits_(limits) {}

  Tokens parse_all(OnSyntaxError on_error, std::optional<SyntaxError>& error) {
    Tokens tokens;
    for (;;) {
      parse_tokens(tokens, Within::top, 0);
      if (at_ >= text_.size()) return tokens;
      if (on_error == OnSyntaxError::keep_whole) {
        error = syntax_error();
        return {};
      }
      // Only the opening stays as text; what follows it is looked at again.
      add_text(tokens, at_, at_ + 2, text_.substr(at_, 2));
      at_ += 2;
    }
  }

  Symbol parse_symbol(std::size_t depth = 0);

 private:
  void parse_tokens(Tokens& out, Within within, std::size_t depth);
  bool parse_text(Tokens& out);
  bool parse_markup(Tokens& out, std::size_t depth);
  bool parse_conditional(Token& token, std::size_t depth);
  bool parse_repetition(Token& token, std::size_t depth);
  bool parse_calculation(Token& token);
  bool parse_substitution(Token& token, std::size_t depth);
  bool parse_condition(Condition& condition, std::size_t depth);
  bool parse_operand(Operand& operand, std::size_t depth);
  bool parse_expression(Expression& expression, std::size_t depth);
  bool parse_option(Tokens& options, std::size_t depth);
  bool parse_index(Symbol& symbol, std::size_t depth);
  bool parse_sum(Sum& sum, std::size_t depth);
  bool parse_term(Sum& sum, std::size_t depth);
  bool parse_factor(Sum& sum, std::size_t depth);
  bool parse_number(Sum& sum);
  bool parse_quoted(std::string& out);

  bool looking_at(std::string_view what) const { return text_.substr(at_).starts_with(what); }
  bool at_else_if() const {
    constexpr std::string_view kOpening = "#{elseif";
    if (!looking_at(kOpening)) return false;
    std::size_t after = at_ + kOpening.size();
    return after < text_.size() && is_white_space(next_code_point(text_, after));
  }
  bool accept(std::string_view what) {
    if (!looking_at(what)) return fail("'" + std::string(what) + "'");
    at_ += what.size();
    return true;
  }
  bool accept_word(std::string_view word) {
    if (!text::starts_with_ignoring_case(text_.substr(at_), word)) return fail(word);
    at_ += word.size();
    return true;
  }
  // True when some was skipped.
  bool skip_space() {
    const std::size_t begin = at_;
    while (at_ < text_.size()) {
      std::size_t next = at_;
      if (!is_white_space(next_code_point(text_, next))) break;
      at_ = next;
    }
    return at_ > begin;
  }
  bool fail(std::string_view expected) {
    if (at_ >= furthest_) {
      furthest_ = at_;
      expected_ = expected;
    }
    return false;
  }
  void check_depth(std::size_t depth) const {
    if (depth <= limits_.nesting) return;
    const Position position = position_of(text_, at_);
    throw invalid(text::format("The template nests blocks deeper than {} levels at line {}, column {}.",
                               limits_.nesting, position.line, position.column))
        .with_help("Close every #{if}, #{unless} and #{each}, or move inner blocks into variables.");
  }
  static void add_text(Tokens& out, std::size_t begin, std::size_t end, std::string_view text) {
    Token token;
    token.offset = begin;
    token.length = end - begin;
    token.text = text;
    out.push_back(std::move(token));
  }
  SyntaxError syntax_error() const;

  std::string_view text_;
  const Limits& limits_;
  std::size_t at_ = 0;
  std::size_t furthest_ = 0;
  std::string expected_ = "a variable name";
  std::size_t unclosed_ = 0;
  // Offsets of "#{" where no block, or nothing at all, could be parsed: nothing is tried twice.
  std::unordered_set<std::size_t> not_blocks_;
  std::unordered_set<std::size_t> failed_;
};

SyntaxError Parser::syntax_error() const {
  const std::size_t offset = std::max(furthest_, at_);
  SyntaxError error;
  error.offset = offset;
  error.position = position_of(text_, offset);
  const std::string found =
      offset >= text_.size() ? "the end of the text" : "'" + text::shorten(text_.substr(offset), 20) + "'";
  error.text = text::format("Parsing failure: unexpected {}; expected {} (Line {}, Column {})", found, expected_,
                            error.position.line, error.position.column);
  return error;
}

void Parser::parse_tokens(Tokens& out, Within within, std::size_t depth) {
  check_depth(depth);
  while (at_ < text_.size()) {
    if (within == Within::if_body && (looking_at("#{else}") || at_else_if())) return;
    if (within == Within::unless_body && looking_at("#{else}")) return;
    if (!parse_text(out) && !parse_markup(out, depth)) return;
  }
}

bool Parser::parse_text(Tokens& out) {
  if (looking_at("#{")) return false;
  const std::size_t begin = at_;
  while (at_ < text_.size()) {
    const std::size_t hash = text_.find('#', at_);
    if (hash == std::string_view::npos || hash + 1 == text_.size()) {
      at_ = text_.size();
      break;
    }
    at_ = hash;
    if (looking_at("#{")) break;
    const bool doubled = looking_at("###{");
    if (doubled || looking_at("##{")) {
      if (at_ > begin) add_text(out, begin, at_, text_.substr(begin, at_ - begin));
      const std::size_t length = doubled ? 2 : 3;
      add_text(out, at_, at_ + length, doubled ? "#" : "#{");
      at_ += length;
      return true;
    }
    at_ += 2;  // '#' and whatever follows it, even another '#': this is why "####{X}" is "###{X}"
  }
  at_ = std::min(at_, text_.size());
  if (at_ > begin) add_text(out, begin, at_, text_.substr(begin, at_ - begin));
  return true;
}

bool Parser::parse_markup(Tokens& out, std::size_t depth) {
  const std::size_t begin = at_;
  if (!looking_at("#{")) return fail("\"#{\"");
  const auto done = [&](Token&& token) {
    token.offset = begin;
    token.length = at_ - begin;
    out.push_back(std::move(token));
    return true;
  };
  if (failed_.contains(begin)) return false;
  if (!not_blocks_.contains(begin)) {
    Token conditional;
    if (parse_conditional(conditional, depth)) return done(std::move(conditional));
    at_ = begin;
    Token calculation;
    if (parse_calculation(calculation)) return done(std::move(calculation));
    at_ = begin;
    Token repetition;
    if (parse_repetition(repetition, depth)) return done(std::move(repetition));
    at_ = begin;
    not_blocks_.insert(begin);
  }
  Token substitution;
  if (parse_substitution(substitution, depth)) return done(std::move(substitution));
  at_ = begin;
  failed_.insert(begin);
  return false;
}

bool Parser::parse_conditional(Token& token, std::size_t depth) {
  at_ += 2;
  skip_space();
  token.kind = Token::Kind::conditional;
  token.is_unless = text::starts_with_ignoring_case(text_.substr(at_), "unless");
  if (!accept_word(token.is_unless ? "unless" : "if")) return false;
  token.branches.emplace_back();
  if (!skip_space() || !parse_condition(token.branches.back().condition, depth)) return false;
  skip_space();
  if (!accept("}")) return false;
  const Within within = token.is_unless ? Within::unless_body : Within::if_body;
  const auto not_closed = [&] {
    if (++unclosed_ > kMaxUnclosedBlocks) {
      throw invalid(text::format("The template has more than {} blocks that are not closed.", kMaxUnclosedBlocks))
          .with_help("Close every #{if} with #{/if}, #{unless} with #{/unless} and #{each} with #{/each}.");
    }
    return false;
  };
  parse_tokens(token.branches.back().body, within, depth + 1);
  while (!token.is_unless && at_else_if()) {
    at_ += std::string_view("#{elseif").size();
    skip_space();
    token.branches.emplace_back();
    if (!parse_condition(token.branches.back().condition, depth)) return not_closed();
    skip_space();
    if (!accept("}")) return not_closed();
    parse_tokens(token.branches.back().body, within, depth + 1);
  }
  if (looking_at("#{else}")) {
    at_ += std::string_view("#{else}").size();
    token.otherwise.emplace();
    parse_tokens(*token.otherwise, Within::each_or_else, depth + 1);
  }
  return accept(token.is_unless ? "#{/unless}" : "#{/if}") || not_closed();
}

bool Parser::parse_repetition(Token& token, std::size_t depth) {
  at_ += 2;
  skip_space();
  token.kind = Token::Kind::repetition;
  if (!accept_word("each") || !skip_space()) return false;
  token.variable = scan_identifier(text_, at_);
  if (token.variable.empty()) return fail("the name of the loop variable");
  skip_space();
  if (!accept_word("in")) return false;
  token.collection = parse_symbol();
  if (token.collection.empty()) return fail("the name of a collection");
  skip_space();
  if (!accept("}")) return false;
  parse_tokens(token.body, Within::each_or_else, depth + 1);
  return accept("#{/each}");
}

bool Parser::parse_substitution(Token& token, std::size_t depth) {
  token.kind = Token::Kind::substitution;
  at_ += 2;
  if (looking_at("/")) {
    at_ -= 2;
    return fail("an opening for this closing tag");
  }
  skip_space();
  if (!parse_expression(token.expression, depth)) return false;
  skip_space();
  return accept("}");
}

bool Parser::parse_condition(Condition& condition, std::size_t depth) {
  if (!parse_operand(condition.left, depth)) return false;
  const std::size_t after_left = at_;
  skip_space();
  if (looking_at("==")) {
    condition.op = Condition::Operator::equal;
  } else if (looking_at("!=")) {
    condition.op = Condition::Operator::not_equal;
  } else {
    if (condition.left.is_text) return fail("\"==\" or \"!=\"");
    at_ = after_left;
    return true;
  }
  at_ += 2;
  skip_space();
  if (!parse_operand(condition.right, depth)) return false;
  // Two texts would be a constant; the language has no such condition.
  return !(condition.left.is_text && condition.right.is_text) || fail("a variable on one side");
}

bool Parser::parse_operand(Operand& operand, std::size_t depth) {
  if (looking_at("\"") || looking_at("\\\"")) {
    operand.is_text = true;
    return parse_quoted(operand.text);
  }
  return parse_expression(operand.expression, depth);
}

bool Parser::parse_quoted(std::string& out) {
  const bool escaped = looking_at("\\\"");
  const std::string_view quote = escaped ? "\\\"" : "\"";
  const std::size_t begin = at_ + quote.size();
  const std::size_t end = text_.find(quote, begin);
  const std::string_view inside = end == std::string_view::npos ? std::string_view{} : text_.substr(begin, end - begin);
  if (end == std::string_view::npos || (!escaped && inside.find('#') != std::string_view::npos)) {
    return fail("a quoted text without '#' and its closing quote");
  }
  out = inside;
  at_ = end + quote.size();
  return true;
}

bool Parser::parse_expression(Expression& expression, std::size_t depth) {
  check_depth(depth);
  expression.symbol = parse_symbol();
  std::size_t end = at_;
  skip_space();
  while (looking_at("|")) {
    ++at_;
    skip_space();
    const std::size_t begin = at_;
    while (at_ < text_.size()) {
      std::size_t next = at_;
      if (!is_word_character(next_code_point(text_, next))) break;
      at_ = next;
    }
    if (at_ == begin) return fail("the name of a filter");
    Filter& filter = expression.filters.emplace_back();
    filter.name = text_.substr(begin, at_ - begin);
    end = at_;
    bool after_token = false;
    while (skip_space() && parse_option(filter.options, depth)) {
      end = at_;
      after_token = filter.options.back().kind != Token::Kind::text;
    }
    if (after_token && at_ > end && looking_at("|")) return fail("no white space between \"}\" and \"|\"");
  }
  at_ = end;
  return !expression.symbol.empty() || !expression.filters.empty() || fail("a variable name");
}

bool Parser::parse_option(Tokens& options, std::size_t depth) {
  const std::size_t begin = at_;
  if (looking_at("#{")) return parse_markup(options, depth + 1);
  std::string value;
  if (looking_at("\"") || looking_at("\\\"")) {
    if (!parse_quoted(value)) return false;
  } else {
    while (at_ < text_.size()) {
      std::size_t next = at_;
      if (!is_word_character(next_code_point(text_, next))) break;
      at_ = next;
    }
    if (at_ == begin) return fail("an option, \"|\" or \"}\"");
    value = text_.substr(begin, at_ - begin);
  }
  add_text(options, begin, at_, value);
  return true;
}

Symbol Parser::parse_symbol(std::size_t depth) {
  Symbol symbol;
  std::string name = scan_identifier(text_, at_);
  if (name.empty()) {
    fail("a variable name");
    return symbol;
  }
  symbol.push_back({std::move(name), false, {}});
  for (;;) {
    const std::size_t before = at_;
    skip_space();
    if (looking_at(".")) {
      ++at_;
      name = scan_identifier(text_, at_);
      if (name.empty()) {
        fail("a name after '.'");
        at_ = before;
        return symbol;
      }
      symbol.push_back({std::move(name), false, {}});
    } else if (!looking_at("[") || !parse_index(symbol, depth)) {
      at_ = before;
      return symbol;
    }
  }
}

bool Parser::parse_index(Symbol& symbol, std::size_t depth) {
  const std::size_t begin = at_++;
  skip_space();
  if (looking_at("#{") && depth < kMaxSymbolDepth) {
    at_ += 2;
    Symbol inner = parse_symbol(depth + 1);
    skip_space();
    if (!inner.empty() && accept("}")) {
      skip_space();
      if (accept("]")) {
        symbol.push_back({{}, true, std::move(inner)});
        return true;
      }
    }
  }
  at_ = begin + 1;
  for (std::size_t open = 1; at_ < text_.size(); ++at_) {
    if (text_[at_] == '[') {
      if (++open > limits_.nesting) break;
    }
    if (text_[at_] == ']' && --open == 0) {
      symbol.push_back({std::string(text_.substr(begin + 1, at_ - begin - 1)), true, {}});
      ++at_;
      return true;
    }
  }
  fail("\"]\"");
  at_ = begin;
  return false;
}

bool Parser::parse_calculation(Token& token) {
  at_ += 2;
  skip_space();
  token.kind = Token::Kind::calculation;
  if (!accept_word("calc") || !skip_space() || !parse_sum(token.sum, 0)) return false;
  skip_space();
  return accept("}");
}

Sum operation(char op, Sum left, Sum right) {
  Sum sum;
  sum.kind = Sum::Kind::operation;
  sum.operation = op;
  sum.operands.push_back(std::move(left));
  sum.operands.push_back(std::move(right));
  return sum;
}

bool Parser::parse_sum(Sum& sum, std::size_t depth) {
  if (!parse_term(sum, depth)) return false;
  for (;;) {
    const std::size_t before = at_;
    skip_space();
    if (!looking_at("+") && !looking_at("-")) {
      at_ = before;
      return true;
    }
    check_depth(++depth);
    const char op = text_[at_++];
    Sum right;
    if (!parse_term(right, depth)) return false;
    sum = operation(op, std::move(sum), std::move(right));
  }
}

bool Parser::parse_term(Sum& sum, std::size_t depth) {
  if (!parse_factor(sum, depth)) return false;
  for (;;) {
    const std::size_t before = at_;
    skip_space();
    if (!looking_at("*") && !looking_at("/")) {
      at_ = before;
      return true;
    }
    check_depth(++depth);
    const char op = text_[at_++];
    Sum right;
    if (!parse_factor(right, depth)) return false;
    sum = operation(op, std::move(sum), std::move(right));
  }
}

bool Parser::parse_factor(Sum& sum, std::size_t depth) {
  skip_space();
  const std::size_t begin = at_;
  if (looking_at("(") && depth < limits_.nesting) {
    ++at_;
    Sum inner;
    if (parse_sum(inner, depth + 1)) {
      skip_space();
      if (accept(")")) {
        sum.kind = Sum::Kind::parentheses;
        sum.operands.push_back(std::move(inner));
        return true;
      }
    }
    at_ = begin;
  }
  if (parse_number(sum)) return true;
  const bool braced = looking_at("{");
  if (braced) ++at_;
  sum.kind = braced ? Sum::Kind::braced_symbol : Sum::Kind::symbol;
  sum.symbol = parse_symbol();
  if (sum.symbol.empty()) return false;
  if (!braced) return true;
  skip_space();
  return accept("}");
}

bool Parser::parse_number(Sum& sum) {
  const std::size_t begin = at_;
  const auto digits = [&] {
    const std::size_t first = at_;
    while (at_ < text_.size() && text_[at_] >= '0' && text_[at_] <= '9') ++at_;
    return at_ > first;
  };
  const bool whole = digits();
  const std::size_t after_whole = at_;
  if (looking_at(".")) {
    ++at_;
    if (!digits()) at_ = after_whole;
  }
  if (!whole && at_ == begin) return false;
  sum.kind = Sum::Kind::number;
  sum.number_text = text_.substr(begin, at_ - begin);
  std::from_chars(sum.number_text.data(), sum.number_text.data() + sum.number_text.size(), sum.number);
  return true;
}

}  // namespace

std::shared_ptr<const ParsedTemplate> parse_template(std::string_view text, OnSyntaxError on_error,
                                                     const Limits& limits) {
  if (text.size() > limits.template_bytes) {
    throw invalid(
        text::format("The template has {} bytes; at most {} are allowed.", text.size(), limits.template_bytes))
        .with_help("Split the file into several ones.");
  }
  auto parsed = std::make_shared<ParsedTemplate>();
  parsed->text = text;
  if (text.find("#{") == std::string_view::npos) return parsed;
  Parser parser(text, limits);
  parsed->tokens = parser.parse_all(on_error, parsed->error);
  parsed->has_tokens = !parsed->error.has_value();
  return parsed;
}

std::vector<PathStep> parse_path(std::string_view name) {
  const Limits limits;
  return Parser(name, limits).parse_symbol();
}

}  // namespace fairlead::domain::octostache
