// SPDX-License-Identifier: Apache-2.0
// YAML text to JSON values by the rules that kubectl applies (sigs.k8s.io/yaml: YAML 1.1 scalars as go-yaml v2 resolves
// them, JSON output), with what kubectl lacks: positions, duplicate keys refused, limits on everything a stranger
// controls. Syntax by libyaml; JSON is a subset and needs no switch. Pure functions, thread-safe.
//
// Scalars: plain y, n, yes, no, on, off, true, false in three spellings are booleans, ~/null/empty are null, integers
// in decimal, 0x, 0b and octal 0NNN / 0oNN with underscores, floats (1.0 is the integer 1, as Go's JSON writes it);
// dates stay text. `<<` merges as go-yaml v2 does: what comes later in the text wins.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "kube/object.h"

namespace fairlead::kube {

struct YamlLimits {
  std::size_t bytes = 16u << 20;           // of one text
  std::size_t documents = 10'000;          // of one text, list items included
  std::size_t depth = 100;                 // nested mappings and sequences
  std::size_t nodes = 1'000'000;           // per text, after aliases are expanded
  std::size_t scalar_bytes = 4u << 20;     // of one scalar
  std::size_t expanded_bytes = 64u << 20;  // text of all scalars after aliases are expanded
};

struct Document {
  Object object;
  std::string source;  // name of the text: "web.yaml"
  int line = 1;        // where the object begins, from 1
  int index = 1;       // number of the document in its text, from 1; items of a List share it
  // "web.yaml:12 (document 2)"
  std::string place() const;
};

// Every object of a text in order. Empty documents are skipped; `kind: List` and `*List` with items are flattened.
// Throws Error(invalid) with details "source:line" for broken syntax, duplicate keys, limits, and documents that are
// not mappings.
std::vector<Document> parse_documents(std::string_view text, std::string_view source_name,
                                      const YamlLimits& limits = {});

// One document of any shape (a values file, a kubeconfig); null for an empty text.
json::Value parse_yaml(std::string_view text, std::string_view source_name, const YamlLimits& limits = {});

}  // namespace fairlead::kube
