// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cmath>
#include <map>
#include <set>
#include <unordered_map>
#include <utility>

#include "base/error.h"
#include "domain/octostache/evaluator.h"
#include "domain/octostache/filters.h"
#include "domain/octostache/json_lookup.h"

namespace fairlead::domain::octostache {

namespace {

using Node = VariableSet::Node;

constexpr std::size_t kParsedValues = 500;  // values whose parsed form is kept during one evaluation

// A loop around what is evaluated: its variable stands before everything outside.
struct Frame {
  const Frame* outer = nullptr;
  std::string_view variable;
  const Node* item = nullptr;
  std::size_t index = 0;
  std::size_t count = 0;
};

struct Value {
  std::string text;
  bool literal = false;
  const Node* node = nullptr;  // whose value it is, or whose JSON it was found in
  std::string json_path;       // within that JSON
};

// What is being evaluated: a value found again in here would never end.
struct Active {
  const Node* node;
  std::string json_path;
  std::string name;  // as the symbol was written
};

struct Item {
  const Node* node = nullptr;
  std::unique_ptr<Node> owned;
};

void give(Node& node, std::string_view name, std::string_view value, bool literal) {
  node.name = name;
  node.has_value = true;
  node.value = Secret(std::string(value));
  node.literal = literal;
}

class Evaluator {
 public:
  Evaluator(const VariableSet& variables, const EvaluateOptions& options) : variables_(variables), options_(options) {}

  Evaluation run(const ParsedTemplate& parsed) {
    evaluate(parsed.tokens, nullptr, result_.text);
    result_.is_null = null_;
    if (null_) result_.text.clear();
    result_.sensitive_variables.assign(sensitive_.begin(), sensitive_.end());
    return std::move(result_);
  }

 private:
  void evaluate(const Tokens& tokens, const Frame* frame, std::string& out);
  void evaluate(const Token& token, const Frame* frame, std::string& out);
  void evaluate_conditional(const Token& token, const Frame* frame, std::string& out);
  void evaluate_repetition(const Token& token, const Frame* frame, std::string& out);
  std::optional<double> calculate(const Sum& sum, const Frame* frame);
  // nullopt: not known, or a filter failed; failure_ then says why.
  std::optional<std::string> evaluate(const Expression& expression, const Frame* frame);
  std::optional<std::string> filter(const Filter& filter, std::optional<std::string> input, const Frame* frame);
  // The evaluated value of a symbol.
  std::optional<std::string> evaluate(const Symbol& symbol, const Frame* frame);
  std::optional<std::string> evaluate(const Value& value, std::string name, const Frame* frame);

  std::optional<Value> find(const Symbol& symbol, const Frame* frame);
  // The symbol with every `[#{X}]` replaced by the value of X; nullopt when one is missing.
  std::optional<Symbol> direct(const Symbol& symbol, const Frame* frame);
  std::optional<Value> walk(const Node& root, const Symbol& symbol, std::size_t first, const Frame* frame);
  std::optional<Value> special(const Symbol& symbol, const Frame& frame) const;
  std::optional<std::string> whole_text(const Node& node, const Frame* frame);
  std::optional<std::vector<Item>> items(const Symbol& collection, const Frame* frame);
  std::vector<Item> split_items(const std::string& text, bool literal) const;

  bool operand(const Operand& operand, const Frame* frame, std::string& out);
  void miss(std::string token, std::string reason);
  void count_step(std::size_t steps = 1);
  void check_size(std::size_t size) const;
  void note_use(const Node& node) {
    if (node.sensitive) sensitive_.insert(node.name);
  }
  bool in_template() const { return active_.empty() && options_depth_ == 0; }
  std::shared_ptr<const ParsedTemplate> parsed(const Value& value);

  const VariableSet& variables_;
  const EvaluateOptions& options_;
  Evaluation result_;
  std::set<std::string> sensitive_;
  std::vector<Active> active_;
  std::unordered_map<std::string, std::shared_ptr<const ParsedTemplate>> parsed_values_;
  std::string failure_;
  std::size_t steps_ = 0;
  std::size_t depth_ = 0;
  std::size_t options_depth_ = 0;  // evaluating an option of a filter
  std::size_t quiet_ = 0;          // missing tokens are of no interest: the text is only looked into
  bool null_ = false;
  // The template's own token under evaluation.
  std::size_t token_offset_ = 0;
  std::size_t token_length_ = 0;
  std::size_t token_output_ = 0;
};

void Evaluator::count_step(std::size_t steps) {
  steps_ += steps;
  if (steps_ <= options_.limits.steps) return;
  throw invalid(text::format("The template needs more than {} evaluation steps.", options_.limits.steps))
      .with_help("Reduce loops inside loops, or the number of items they run over.");
}

void Evaluator::check_size(std::size_t size) const {
  if (size <= options_.limits.output_bytes) return;
  throw invalid(text::format("The evaluated text is larger than {} bytes.", options_.limits.output_bytes))
      .with_help("Look for variables that repeat each other or a loop over too many items.");
}

void Evaluator::miss(std::string token, std::string reason) {
  if (quiet_ > 0) return;
  ++result_.missing_count;
  if (result_.missing.size() >= options_.limits.missing) return;
  Missing& missing = result_.missing.emplace_back();
  missing.token = std::move(token);
  missing.reason = std::move(reason);
  for (const Active& active : active_) missing.chain.push_back(active.name);
  missing.offset = token_offset_;
  missing.length = token_length_;
  missing.output_offset = token_output_;
}

void Evaluator::evaluate(const Tokens& tokens, const Frame* frame, std::string& out) {
  if (++depth_ > options_.limits.nesting + options_.limits.value_depth) {
    throw invalid("The template nests blocks and variables too deeply.")
        .with_help("Move inner blocks into variables of their own, or use fewer levels.");
  }
  for (const Token& token : tokens) {
    count_step();
    if (in_template()) {
      result_.pieces.push_back(
          {out.size(), token.offset, token.kind == Token::Kind::text && token.length == token.text.size()});
      token_offset_ = token.offset;
      token_length_ = token.length;
      token_output_ = out.size();
    }
    evaluate(token, frame, out);
    check_size(out.size());
  }
  --depth_;
}

void Evaluator::evaluate(const Token& token, const Frame* frame, std::string& out) {
  switch (token.kind) {
    case Token::Kind::text: out += token.text; return;
    case Token::Kind::substitution: {
      if (std::optional<std::string> value = evaluate(token.expression, frame)) {
        out += *value;
        return;
      }
      std::string echo = print(token);
      out += echo;
      miss(std::move(echo), failure_);
      return;
    }
    case Token::Kind::conditional: evaluate_conditional(token, frame, out); return;
    case Token::Kind::repetition: evaluate_repetition(token, frame, out); return;
    case Token::Kind::calculation:
      if (const std::optional<double> value = calculate(token.sum, frame)) {
        out += number_text(*value);
        return;
      }
      const std::string echo = print(token);
      out += echo;
      // The reference engine does not report this; strict callers must not apply such a text.
      if (options_.strict) miss(echo, "The calculation refers to something that is missing or no number.");
      return;
  }
}

std::optional<std::string> Evaluator::evaluate(const Expression& expression, const Frame* frame) {
  failure_.clear();
  std::optional<std::string> value;
  if (!expression.symbol.empty()) value = evaluate(expression.symbol, frame);
  for (std::size_t i = 0; i < expression.filters.size(); ++i) {
    const Filter& row = expression.filters[i];
    if (row.name == "null") {
      if (i + 1 == expression.filters.size()) {
        null_ = true;
        return "";
      }
      failure_ = "The filter \"null\" is followed by another filter.";
      value.reset();
      continue;
    }
    value = filter(row, std::move(value), frame);
    if (value) check_size(value->size());
  }
  return value;
}

std::optional<std::string> Evaluator::filter(const Filter& filter, std::optional<std::string> input,
                                             const Frame* frame) {
  const FilterRow* row = find_filter(filter.name);
  if (row == nullptr) {
    failure_ = text::format("There is no filter \"{}\".", filter.name);
    return std::nullopt;
  }
  if (!input && row->input == FilterRow::Input::required) {
    if (failure_.empty()) failure_ = text::format("The filter \"{}\" needs a value before it.", filter.name);
    return std::nullopt;
  }
  std::vector<std::string> options;
  ++options_depth_;
  for (const Token& option : filter.options) {
    count_step();
    evaluate(option, frame, options.emplace_back());
  }
  --options_depth_;
  count_step(1 + (input ? input->size() / 256 : 0));
  const FilterCall call{input ? std::optional<std::string_view>(*input) : std::nullopt, options, options_};
  std::optional<std::string> output = apply_filter(*row, call);
  failure_ = output ? "" : text::format("The filter \"{}\" cannot use this value or these options.", filter.name);
  return output;
}

std::optional<std::string> Evaluator::evaluate(const Symbol& symbol, const Frame* frame) {
  failure_.clear();
  const std::optional<Value> value = find(symbol, frame);
  if (!value) {
    const std::string name = print(symbol);
    failure_ = text::format("There is no variable \"{}\" in this scope.", name);
    if (text::starts_with_ignoring_case(name, "if ") || text::starts_with_ignoring_case(name, "unless ")) {
      failure_ += " If a block is meant, it is not closed.";
    }
    return std::nullopt;
  }
  std::optional<std::string> text = evaluate(*value, print(symbol), frame);
  if (!text) failure_ = text::format("The variable \"{}\" is null.", print(symbol));
  return text;
}

std::optional<std::string> Evaluator::evaluate(const Value& value, std::string name, const Frame* frame) {
  count_step(1 + value.text.size() / 1024);
  if (value.literal || value.text.find("#{") == std::string::npos) return value.text;
  const auto again = std::find_if(active_.begin(), active_.end(), [&](const Active& active) {
    return active.node == value.node && active.json_path == value.json_path;
  });
  if (again != active_.end()) {
    std::string chain;
    for (auto step = again; step != active_.end(); ++step) chain += step->name + " -> ";
    throw invalid(
        text::format("An attempt to parse the variable symbol \"{}\" appears to have resulted in a self "
                     "referencing loop ({}{}). Ensure that recursive loops do not exist in the variable values.",
                     name, chain, name));
  }
  if (active_.size() >= options_.limits.value_depth) {
    throw invalid(text::format("The variable \"{}\" refers to other variables more than {} levels deep.",
                               active_.front().name, options_.limits.value_depth));
  }
  const std::shared_ptr<const ParsedTemplate> inner = parsed(value);
  if (inner->error) return value.text;
  active_.push_back({value.node, value.json_path, std::move(name)});
  const bool outer_null = std::exchange(null_, false);
  std::string out;
  evaluate(inner->tokens, frame, out);
  const bool is_null = std::exchange(null_, outer_null);
  active_.pop_back();
  count_step(out.size() / 1024);
  if (is_null) return std::nullopt;
  return out;
}

std::shared_ptr<const ParsedTemplate> Evaluator::parsed(const Value& value) {
  if (parsed_values_.size() >= kParsedValues) parsed_values_.clear();
  std::shared_ptr<const ParsedTemplate>& slot = parsed_values_[value.text];
  if (!slot) slot = parse_template(value.text, OnSyntaxError::keep_whole, options_.limits);
  return slot;
}

std::optional<Symbol> Evaluator::direct(const Symbol& symbol, const Frame* frame) {
  Symbol out;
  for (const PathStep& step : symbol) {
    if (step.indirect.empty()) {
      out.push_back(step);
      continue;
    }
    std::optional<std::string> index = evaluate(step.indirect, frame);
    if (!index) return std::nullopt;
    out.push_back({std::move(*index), true, {}});
  }
  return out;
}

std::optional<Value> Evaluator::special(const Symbol& symbol, const Frame& frame) const {
  constexpr std::string_view kPath[] = {"Octopus", "Template", "Each"};
  if (symbol.size() != 4) return std::nullopt;
  for (std::size_t i = 0; i < 3; ++i) {
    if (symbol[i].is_index || !text::equals_ignoring_case(symbol[i].text, kPath[i])) return std::nullopt;
  }
  const std::string& last = symbol[3].text;
  Value value;
  value.literal = true;
  if (text::equals_ignoring_case(last, "Index")) {
    value.text = std::to_string(frame.index);
  } else if (text::equals_ignoring_case(last, "First")) {
    value.text = frame.index == 0 ? "True" : "False";
  } else if (text::equals_ignoring_case(last, "Last")) {
    value.text = frame.index + 1 == frame.count ? "True" : "False";
  } else {
    return std::nullopt;
  }
  return value;
}

std::optional<Value> Evaluator::find(const Symbol& written, const Frame* frame) {
  const std::optional<Symbol> symbol = direct(written, frame);
  if (!symbol) return std::nullopt;
  for (const Frame* inner = frame; inner != nullptr; inner = inner->outer) {
    if (auto value = special(*symbol, *inner)) return value;
    if (symbol->front().is_index || !text::equals_ignoring_case(symbol->front().text, inner->variable)) continue;
    if (auto value = walk(*inner->item, *symbol, 1, frame)) return value;
  }
  for (const VariableSet* set = &variables_; set != nullptr; set = set->base()) {
    if (auto value = walk(set->root(), *symbol, 0, frame)) return value;
  }
  return std::nullopt;
}

std::optional<Value> Evaluator::walk(const Node& root, const Symbol& symbol, std::size_t first, const Frame* frame) {
  const Node* node = &root;
  for (std::size_t i = first; i < symbol.size(); ++i) {
    const Node* next = symbol[i].is_index ? node->at(symbol[i].text) : node->child(symbol[i].text);
    if (next != nullptr) {
      node = next;
      continue;
    }
    if (!node->has_value) return std::nullopt;
    const std::optional<std::string> json = whole_text(*node, frame);
    if (!json) return std::nullopt;
    std::vector<std::string> steps;
    for (std::size_t k = i; k < symbol.size(); ++k) steps.push_back(symbol[k].text);
    count_step(1 + json->size() / 64);
    std::optional<std::string> found = json_lookup(*json, steps);
    if (!found) return std::nullopt;
    note_use(*node);
    return Value{std::move(*found), node->literal, node, text::join(steps, "\n")};
  }
  // An item of a loop over indexes is the text of the index unless it has a value of its own.
  if (first == 1 && symbol.size() == 1 && !node->has_value) return Value{node->index, true, node, {}};
  if (!node->has_value) return std::nullopt;
  note_use(*node);
  return Value{std::string(node->value.reveal()), node->literal, node, {}};
}

// The evaluated value of a node, to be looked into as JSON; nullopt where evaluating it would need itself.
std::optional<std::string> Evaluator::whole_text(const Node& node, const Frame* frame) {
  for (const Active& active : active_) {
    if (active.node == &node && active.json_path.empty()) return std::nullopt;
  }
  ++quiet_;
  std::optional<std::string> text =
      evaluate(Value{std::string(node.value.reveal()), node.literal, &node, {}}, node.name, frame);
  --quiet_;
  return text;
}

std::vector<Item> Evaluator::split_items(const std::string& text, bool literal) const {
  std::vector<Item> out;
  const auto add = [&](std::string_view value) -> Node& {
    Item& item = out.emplace_back();
    item.owned = std::make_unique<Node>();
    item.node = item.owned.get();
    give(*item.owned, {}, value, literal);
    return *item.owned;
  };
  if (const auto json = json_items(text)) {
    for (const JsonItem& item : *json) {
      Node& node = add(item.is_property ? item.name : item.value);
      if (!item.is_property) continue;
      give(*(node.children["Key"] = std::make_unique<Node>()), {}, item.name, literal);
      give(*(node.children["Value"] = std::make_unique<Node>()), {}, item.value, literal);
    }
    return out;
  }
  for (const std::string& part : text::split(text, ',')) add(options_.strict ? text::trim(part) : part);
  return out;
}

std::optional<std::vector<Item>> Evaluator::items(const Symbol& collection, const Frame* frame) {
  const std::optional<Symbol> symbol = direct(collection, frame);
  if (!symbol) return std::nullopt;
  const auto indexed = [&](const Node& root, std::size_t first) -> std::optional<std::vector<Item>> {
    const Node* node = &root;
    for (std::size_t i = first; node != nullptr && i < symbol->size(); ++i) {
      node = (*symbol)[i].is_index ? node->at((*symbol)[i].text) : node->child((*symbol)[i].text);
    }
    if (node == nullptr || node->has_value || node->index_order.empty()) return std::nullopt;
    std::vector<Item> out;
    for (const Node* item : node->index_order) out.push_back({item, nullptr});
    return out;
  };
  for (const Frame* inner = frame; inner != nullptr; inner = inner->outer) {
    if (!text::equals_ignoring_case(symbol->front().text, inner->variable)) continue;
    if (auto found = indexed(*inner->item, 1)) return found;
    if (walk(*inner->item, *symbol, 1, frame)) break;
  }
  for (const VariableSet* set = &variables_; set != nullptr; set = set->base()) {
    if (walk(set->root(), *symbol, 0, frame)) break;
    if (auto found = indexed(set->root(), 0)) return found;
  }
  const std::optional<Value> value = find(*symbol, frame);
  if (!value) return std::nullopt;
  const std::optional<std::string> text = evaluate(*value, print(collection), frame);
  if (!text) return std::nullopt;
  return split_items(*text, value->literal);
}

void Evaluator::evaluate_repetition(const Token& token, const Frame* frame, std::string& out) {
  const std::optional<std::vector<Item>> all = items(token.collection, frame);
  if (!all) return;
  count_step(all->size());
  Frame inner;
  inner.outer = frame;
  inner.variable = token.variable;
  inner.count = all->size();
  for (const Item& item : *all) {
    inner.item = item.node;
    evaluate(token.body, &inner, out);
    ++inner.index;
  }
}

// False when the side is a chain of filters that failed.
bool Evaluator::operand(const Operand& operand, const Frame* frame, std::string& out) {
  if (operand.is_text) {
    out = operand.text;
    return true;
  }
  const bool outer_null = std::exchange(null_, false);
  std::optional<std::string> value = evaluate(operand.expression, frame);
  null_ = outer_null;
  out = value.value_or("");
  if (value || operand.expression.filters.empty()) return true;
  miss(print(operand.expression), failure_);
  return false;
}

void Evaluator::evaluate_conditional(const Token& token, const Frame* frame, std::string& out) {
  for (const Branch& branch : token.branches) {
    std::string left;
    std::string right;
    const Condition& condition = branch.condition;
    const bool compares = condition.op != Condition::Operator::truthy;
    if (!operand(condition.left, frame, left) || (compares && !operand(condition.right, frame, right))) {
      out += print(token);
      return;
    }
    bool holds = compares ? (left == right) == (condition.op == Condition::Operator::equal) : is_truthy(left);
    if (token.is_unless) holds = !holds;
    if (holds) {
      evaluate(branch.body, frame, out);
      return;
    }
  }
  if (token.otherwise) evaluate(*token.otherwise, frame, out);
}

std::optional<double> Evaluator::calculate(const Sum& sum, const Frame* frame) {
  count_step();
  switch (sum.kind) {
    case Sum::Kind::number: return sum.number;
    case Sum::Kind::symbol:
    case Sum::Kind::braced_symbol: {
      const std::optional<std::string> text = evaluate(sum.symbol, frame);
      return text ? parse_number(*text) : std::nullopt;
    }
    case Sum::Kind::parentheses: return calculate(sum.operands[0], frame);
    case Sum::Kind::operation: break;
  }
  const std::optional<double> left = calculate(sum.operands[0], frame);
  const std::optional<double> right = calculate(sum.operands[1], frame);
  if (!left || !right) return std::nullopt;
  switch (sum.operation) {
    case '+': return *left + *right;
    case '-': return *left - *right;
    case '*': return *left * *right;
    default: return *left / *right;
  }
}

}  // namespace

Evaluation evaluate_parsed(const ParsedTemplate& parsed, const VariableSet& variables, const EvaluateOptions& options) {
  return Evaluator(variables, options).run(parsed);
}

}  // namespace fairlead::domain::octostache
