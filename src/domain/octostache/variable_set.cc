// SPDX-License-Identifier: Apache-2.0
#include "domain/octostache/variable_set.h"

#include <algorithm>
#include <set>

#include "base/error.h"

namespace fairlead::domain::octostache {

const VariableSet::Node* VariableSet::Node::child(std::string_view child_name) const {
  const auto found = children.find(child_name);
  return found == children.end() ? nullptr : found->second.get();
}

const VariableSet::Node* VariableSet::Node::at(std::string_view index_text) const {
  if (index_text == "*" && !index_order.empty()) return index_order.front();
  const auto found = indexed.find(index_text);
  return found == indexed.end() ? nullptr : found->second.get();
}

void VariableSet::set_value(std::string_view name, std::string_view value, bool sensitive, bool literal) {
  if (name.size() > kMaxNameBytes) {
    throw invalid(text::format("The variable name \"{}\" has {} bytes; at most {} are allowed.",
                               text::shorten(name, 60), name.size(), kMaxNameBytes));
  }
  Raw& raw = raw_[std::string(name)];
  raw.value = Secret(std::string(value));
  raw.sensitive = sensitive;
  Node* node = &root_;
  for (const PathStep& step : parse_path(name)) {
    auto& under = step.is_index ? node->indexed : node->children;
    const std::string key = step.indirect.empty() ? step.text : "#{" + path_text(step.indirect) + "}";
    auto& next = under[key];
    if (!next) {
      next = std::make_unique<Node>();
      if (step.is_index) {
        next->index = key;
        node->index_order.push_back(next.get());
      }
    }
    node = next.get();
  }
  if (node == &root_) return;
  node->name = name;
  node->has_value = true;
  node->value = raw.value;
  node->sensitive = sensitive;
  node->literal = literal;
}

std::optional<std::string> VariableSet::raw(std::string_view name) const {
  for (const VariableSet* set = this; set != nullptr; set = set->base_) {
    if (const auto found = set->raw_.find(name); found != set->raw_.end()) {
      return std::string(found->second.value.reveal());
    }
  }
  return std::nullopt;
}

bool VariableSet::is_sensitive(std::string_view name) const {
  for (const VariableSet* set = this; set != nullptr; set = set->base_) {
    if (const auto found = set->raw_.find(name); found != set->raw_.end()) return found->second.sensitive;
  }
  return false;
}

std::vector<std::string> VariableSet::names() const {
  std::set<std::string, text::LessIgnoringCase> all;
  for (const VariableSet* set = this; set != nullptr; set = set->base_) {
    for (const auto& [name, raw] : set->raw_) all.insert(name);
  }
  return {all.begin(), all.end()};
}

std::vector<std::string> VariableSet::indexes(std::string_view collection) const {
  const std::vector<PathStep> path = parse_path(collection);
  for (const VariableSet* set = this; set != nullptr; set = set->base_) {
    const Node* node = &set->root_;
    for (const PathStep& step : path) {
      node = step.is_index ? node->at(step.text) : node->child(step.text);
      if (node == nullptr) break;
    }
    if (node == nullptr || path.empty() || node->index_order.empty()) continue;
    std::vector<std::string> out;
    for (const Node* item : node->index_order) out.push_back(item->index);
    return out;
  }
  return {};
}

}  // namespace fairlead::domain::octostache
