// SPDX-License-Identifier: Apache-2.0
#include "domain/octostache/syntax.h"

namespace fairlead::domain::octostache {

namespace {

std::string print(const Operand& operand) {
  return operand.is_text ? "\"" + operand.text + "\"" : octostache::print(operand.expression);
}

std::string print(const Condition& condition) {
  std::string out = print(condition.left);
  if (condition.op == Condition::Operator::truthy) return out;
  out += condition.op == Condition::Operator::equal ? " == " : " != ";
  return out + print(condition.right);
}

std::string print(const Sum& sum) {
  switch (sum.kind) {
    case Sum::Kind::number: return sum.number_text;
    case Sum::Kind::symbol: return octostache::print(sum.symbol);
    case Sum::Kind::braced_symbol: return "{" + octostache::print(sum.symbol) + "}";
    case Sum::Kind::parentheses: return "(" + print(sum.operands[0]) + ")";
    case Sum::Kind::operation: break;
  }
  return print(sum.operands[0]) + sum.operation + print(sum.operands[1]);
}

std::string print_conditional(const Token& token) {
  std::string out;
  for (const Branch& branch : token.branches) {
    const std::string_view word = out.empty() ? (token.is_unless ? "unless" : "if") : "elseif";
    out += text::format("#{{{} {}}}", word, print(branch.condition)) + octostache::print(branch.body);
  }
  if (token.otherwise) out += "#{else}" + octostache::print(*token.otherwise);
  return out + (token.is_unless ? "#{/unless}" : "#{/if}");
}

}  // namespace

std::string print(const Symbol& symbol) {
  std::string out;
  for (const PathStep& step : symbol) {
    if (!step.is_index) {
      if (!out.empty()) out += '.';
      out += step.text;
    } else if (!step.indirect.empty()) {
      out += "[#{" + print(step.indirect) + "}]";
    } else {
      out += "[" + step.text + "]";
    }
  }
  return out;
}

std::string print(const Expression& expression) {
  std::string out = print(expression.symbol);
  for (const Filter& filter : expression.filters) {
    out += " | " + filter.name;
    for (const Token& option : filter.options) {
      out += " \"" + (option.kind == Token::Kind::text ? option.text : print(option)) + "\"";
    }
  }
  return out;
}

std::string print(const Token& token) {
  switch (token.kind) {
    case Token::Kind::text: return escape(token.text);
    case Token::Kind::substitution: return "#{" + print(token.expression) + "}";
    case Token::Kind::conditional: return print_conditional(token);
    case Token::Kind::repetition:
      return "#{each " + token.variable + " in " + print(token.collection) + "}" + print(token.body) + "#{/each}";
    case Token::Kind::calculation: break;
  }
  return "#{" + print(token.sum) + "}";
}

std::string print(const Tokens& tokens) {
  std::string out;
  for (const Token& token : tokens) out += print(token);
  return out;
}

std::string path_text(const std::vector<PathStep>& path) { return print(path); }

std::string escape(std::string_view text) { return text::replace_all(std::string(text), "#{", "##{"); }

}  // namespace fairlead::domain::octostache
