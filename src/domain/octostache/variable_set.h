// SPDX-License-Identifier: Apache-2.0
// The variables that a template can see: a tree, because `#{A.B[c].D}` walks names and indexes and `#{each x in A.B}`
// iterates over the indexes under a name. Names and indexes ignore ASCII case; indexes keep the order of insertion.
//
// Not synchronised: fill it in one thread, then any number of threads may read it.
#pragma once

#include <cstddef>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/secret.h"
#include "base/text.h"

namespace fairlead::domain::octostache {

// One step of a variable's path. `A.B[c]` is {A}, {B}, {c, index}.
struct PathStep {
  std::string text;
  bool is_index = false;
  // `[#{X}]`: the index is the value of X, resolved before the walk. Empty otherwise. Only in templates, not in names.
  std::vector<PathStep> indirect;

  bool operator==(const PathStep&) const = default;
};

class VariableSet {
 public:
  struct Node {
    std::string name;   // as first written
    std::string index;  // this node's own index text when it hangs under another node by `[index]`
    bool has_value = false;
    Secret value;  // wiped on destruction, as any value may be sensitive
    bool sensitive = false;
    bool literal = false;  // the value is text: `#{` in it means nothing

    const Node* child(std::string_view child_name) const;
    // Exact index, or the first one for "*"; null where there is none.
    const Node* at(std::string_view index_text) const;

    std::map<std::string, std::unique_ptr<Node>, text::LessIgnoringCase> children;
    std::map<std::string, std::unique_ptr<Node>, text::LessIgnoringCase> indexed;
    std::vector<const Node*> index_order;
  };

  static constexpr std::size_t kMaxNameBytes = 4096;

  // `base`, where given, answers every expression that finds nothing here; it must outlive this set. An expression is
  // asked as a whole: indexes under one name are never merged from two sets.
  explicit VariableSet(const VariableSet* base = nullptr) : base_(base) {}
  VariableSet(VariableSet&&) noexcept = default;
  VariableSet& operator=(VariableSet&&) noexcept = default;

  // A later set of the same name replaces the earlier one. A name is bound by its longest prefix that a template could
  // write ("a+x" is bound as "a"); `raw` finds it by its full name. Throws Error(invalid) for a name over
  // kMaxNameBytes.
  void set(std::string_view name, std::string_view value) { set_value(name, value, false, false); }
  // Takes part in results marked `sensitive`, and is never itself read as a template.
  void set_sensitive(std::string_view name, std::string_view value) { set_value(name, value, true, true); }
  void set_value(std::string_view name, std::string_view value, bool sensitive, bool literal);

  // The unevaluated value by its full name, from here or the base; nullopt when not set.
  std::optional<std::string> raw(std::string_view name) const;
  bool is_sensitive(std::string_view name) const;
  // Full names, sorted, of this set and its bases.
  std::vector<std::string> names() const;
  // Index texts under a collection, in order of insertion: ("Octopus.Action") gives the names inside `[ ]`.
  std::vector<std::string> indexes(std::string_view collection) const;

  const Node& root() const { return root_; }
  const VariableSet* base() const { return base_; }

 private:
  struct Raw {
    Secret value;
    bool sensitive = false;
  };

  const VariableSet* base_;
  Node root_;
  std::map<std::string, Raw, text::LessIgnoringCase> raw_;
};

// Longest prefix of `name` that is a symbol of the language; empty when not even the first character is.
std::vector<PathStep> parse_path(std::string_view name);
std::string path_text(const std::vector<PathStep>& path);

}  // namespace fairlead::domain::octostache
