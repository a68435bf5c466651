// SPDX-License-Identifier: Apache-2.0
// libyaml gives events with positions; the composer below builds JSON from them and keeps every limit. One composer per
// text: its budgets count for all documents of the text together.
#include "kube/yaml.h"

#include <yaml.h>

#include <cctype>
#include <map>

#include "base/error.h"
#include "base/text.h"
#include "kube/yaml_scalar.h"

namespace fairlead::kube {

namespace {

struct Event {
  yaml_event_t raw{};
  Event() = default;
  Event(const Event&) = delete;
  Event& operator=(const Event&) = delete;
  ~Event() { yaml_event_delete(&raw); }
  int line() const { return static_cast<int>(raw.start_mark.line) + 1; }
};

std::string_view view(const yaml_char_t* text) {
  return text == nullptr ? std::string_view() : std::string_view(reinterpret_cast<const char*>(text));
}

YamlScalar scalar_of(const yaml_event_t& event) {
  YamlScalar scalar;
  scalar.text = {reinterpret_cast<const char*>(event.data.scalar.value), event.data.scalar.length};
  scalar.tag = view(event.data.scalar.tag);
  scalar.plain = event.data.scalar.style == YAML_PLAIN_SCALAR_STYLE;
  return scalar;
}

class Composer {
 public:
  Composer(std::string_view text, std::string_view source, const YamlLimits& limits)
      : text_(text), source_(source), limits_(limits) {
    if (text.size() > limits.bytes) {
      fail(1, text::format("the text has {} bytes, more than the limit of {}: split it", text.size(), limits.bytes));
    }
    if (yaml_parser_initialize(&parser_) == 0) throw std::bad_alloc();
    yaml_parser_set_input_string(&parser_, reinterpret_cast<const unsigned char*>(text.data()), text.size());
  }
  ~Composer() { yaml_parser_delete(&parser_); }
  Composer(const Composer&) = delete;
  Composer& operator=(const Composer&) = delete;

  // False at the end of the text.
  bool next_document(json::Value& root, int& line) {
    Event event;
    next(event);
    if (event.raw.type == YAML_STREAM_START_EVENT) {
      Event following;
      next(following);
      return document(following, root, line);
    }
    return document(event, root, line);
  }

  // Lines of the entries of the root's "items", for lists.
  const std::vector<int>& item_lines() const { return item_lines_; }

  [[noreturn]] void fail(int line, std::string text) const {
    throw invalid(text::format("{} is not valid YAML", source_))
        .at(text::format("{}:{}", source_, line), std::move(text));
  }

 private:
  struct Anchored {
    json::Value value;
    std::size_t nodes = 0;
    std::size_t bytes = 0;
    bool mapping = false;
  };

  bool document(const Event& start, json::Value& root, int& line) {
    if (start.raw.type == YAML_STREAM_END_EVENT) return false;
    anchors_.clear();
    item_lines_.clear();
    depth_ = 0;
    Event first;
    next(first);
    line = first.line();
    root = node(first, false);
    Event end;
    next(end);  // the document's end
    return true;
  }

  void next(Event& event) {
    if (yaml_parser_parse(&parser_, &event.raw) != 0) return;
    fail(problem_line(), problem_text());
  }

  int problem_line() const {
    if (parser_.error != YAML_READER_ERROR) return static_cast<int>(parser_.problem_mark.line) + 1;
    int line = 1;  // the reader knows only the offset
    for (std::size_t i = 0; i < parser_.problem_offset && i < text_.size(); ++i) line += text_[i] == '\n' ? 1 : 0;
    return line;
  }

  std::string problem_text() const {
    const std::string problem = parser_.problem == nullptr ? "unreadable text" : parser_.problem;
    if (problem.find("cannot start any token") != std::string::npos) {
      return "a tab or a reserved character (@ ` %) starts here: indent with spaces, quote the text";
    }
    if (problem.find("mapping values are not allowed") != std::string::npos) {
      return "a second ':' on one line, or wrong indentation: quote text that contains ': '";
    }
    if (parser_.error == YAML_READER_ERROR) return problem + ": save the file as UTF-8 text";
    const std::string context = parser_.context == nullptr ? "" : std::string(" ") + parser_.context;
    return text::format("{}{}: check indentation, quotes and brackets here and in the lines before", problem, context);
  }

  void spend(int line, std::size_t nodes, std::size_t bytes) {
    nodes_ += nodes;
    bytes_ += bytes;
    if (nodes_ > limits_.nodes) {
      fail(line, text::format("more than {} values (aliases expanded): split the text, write less with aliases",
                              limits_.nodes));
    }
    if (bytes_ > limits_.expanded_bytes) {
      fail(line, text::format("more than {} bytes once aliases are expanded: write less with aliases",
                              limits_.expanded_bytes));
    }
  }

  json::Value node(const Event& event, bool of_items) {
    const std::size_t nodes_before = nodes_;
    const std::size_t bytes_before = bytes_;
    std::string anchor;
    json::Value value;
    bool mapping = false;
    switch (event.raw.type) {
      case YAML_ALIAS_EVENT: return alias(event).value;
      case YAML_SCALAR_EVENT:
        anchor = view(event.raw.data.scalar.anchor);
        value = scalar(event);
        break;
      case YAML_SEQUENCE_START_EVENT:
        anchor = view(event.raw.data.sequence_start.anchor);
        value = sequence(event, of_items);
        break;
      case YAML_MAPPING_START_EVENT:
        anchor = view(event.raw.data.mapping_start.anchor);
        mapping = true;
        value = this->mapping(event);
        break;
      default: fail(event.line(), "unexpected end of the document");
    }
    if (!anchor.empty()) {
      Anchored kept{value, nodes_ - nodes_before, bytes_ - bytes_before, mapping};
      spend(event.line(), kept.nodes, kept.bytes);  // the copy costs as much as the original
      anchors_[anchor] = std::move(kept);
    }
    return value;
  }

  const Anchored& alias(const Event& event) {
    const std::string name(view(event.raw.data.alias.anchor));
    const auto found = anchors_.find(name);
    if (found == anchors_.end()) {
      fail(event.line(), text::format("alias *{} has no finished anchor &{} before it in this document", name, name));
    }
    spend(event.line(), found->second.nodes + 1, found->second.bytes);
    return found->second;
  }

  json::Value scalar(const Event& event) {
    const YamlScalar scalar = checked_scalar(event);
    try {
      return resolve_scalar(scalar);
    } catch (const std::string& reason) {
      fail(event.line(), reason);
    }
  }

  YamlScalar checked_scalar(const Event& event) {
    const YamlScalar scalar = scalar_of(event.raw);
    spend(event.line(), 1, scalar.text.size());
    if (scalar.text.size() > limits_.scalar_bytes) {
      fail(event.line(),
           text::format("one value has {} bytes, more than the limit of {}", scalar.text.size(), limits_.scalar_bytes));
    }
    return scalar;
  }

  void enter(const Event& event) {
    spend(event.line(), 1, 0);
    if (++depth_ > limits_.depth) fail(event.line(), text::format("nested deeper than {} levels", limits_.depth));
  }

  json::Value sequence(const Event& start, bool of_items) {
    enter(start);
    json::Array array;
    while (true) {
      Event event;
      next(event);
      if (event.raw.type == YAML_SEQUENCE_END_EVENT) break;
      if (of_items) item_lines_.push_back(event.line());
      array.push_back(node(event, false));
    }
    --depth_;
    return array;
  }

  json::Value mapping(const Event& start) {
    enter(start);
    json::Object object;
    std::map<std::string, int, std::less<>> lines;  // explicit keys only: merged ones may be written again
    while (true) {
      Event key_event;
      next(key_event);
      if (key_event.raw.type == YAML_MAPPING_END_EVENT) break;
      if (key_event.raw.type == YAML_SCALAR_EVENT && is_merge_key(scalar_of(key_event.raw))) {
        spend(key_event.line(), 1, 0);
        merge(object);
        continue;
      }
      std::string key = this->key(key_event);
      const auto [earlier, fresh] = lines.emplace(key, key_event.line());
      if (!fresh) {
        fail(key_event.line(), text::format("the key \"{}\" is written twice, first in line {}: keep one of them",
                                            text::shorten(key, 80), earlier->second));
      }
      Event value_event;
      next(value_event);
      object[key] = node(value_event, depth_ == 1 && key == "items");
    }
    --depth_;
    return object;
  }

  std::string key(const Event& event) {
    YamlScalar scalar;
    if (event.raw.type == YAML_ALIAS_EVENT) {
      const Anchored& anchored = alias(event);
      if (!anchored.value.is_string()) fail(event.line(), "an alias used as a key must stand for text");
      return std::string(json::view(anchored.value.get_string()));
    }
    if (event.raw.type != YAML_SCALAR_EVENT)
      fail(event.line(), "a key must be text: lists and mappings cannot be keys in JSON");
    scalar = checked_scalar(event);
    try {
      std::string key = resolve_key(scalar);
      const std::string anchor(view(event.raw.data.scalar.anchor));
      if (!anchor.empty()) {
        spend(event.line(), 1, key.size());
        anchors_[anchor] = Anchored{json::Value(key), 1, key.size(), false};
      }
      return key;
    } catch (const std::string& reason) {
      fail(event.line(), reason);
    }
  }

  // `<<: *a`, `<<: {..}` or a list of both. As in go-yaml v2 later text wins over earlier text, whether merged or
  // written, and in a list the earlier mapping wins.
  void merge(json::Object& into) {
    Event event;
    next(event);
    const bool is_mapping = event.raw.type == YAML_MAPPING_START_EVENT || event.raw.type == YAML_ALIAS_EVENT;
    if (!is_mapping && event.raw.type != YAML_SEQUENCE_START_EVENT)
      fail(event.line(), "<< needs a mapping or a list of mappings");
    const json::Value merged = node(event, false);
    if (merged.is_object()) {
      for (const auto& member : merged.get_object()) into[member.key()] = member.value();
      return;
    }
    if (!merged.is_array() || event.raw.type == YAML_ALIAS_EVENT)
      fail(event.line(), "<< needs a mapping or a list of mappings");
    const json::Array& list = merged.get_array();
    for (std::size_t i = list.size(); i-- > 0;) {
      if (!list[i].is_object()) fail(event.line(), "<< needs a mapping or a list of mappings");
      for (const auto& member : list[i].get_object()) into[member.key()] = member.value();
    }
  }

  const std::string_view text_;
  const std::string source_;
  const YamlLimits& limits_;
  yaml_parser_t parser_{};
  std::map<std::string, Anchored, std::less<>> anchors_;
  std::vector<int> item_lines_;
  std::size_t depth_ = 0;
  std::size_t nodes_ = 0;
  std::size_t bytes_ = 0;
};

// JSON writes characters beyond U+FFFF as two \u escapes, which YAML does not know: they become one \U escape. Other
// text is returned as it is, without a copy.
bool join_surrogates(std::string_view text, std::string& out) {
  const std::size_t first = text.find_first_not_of(" \t\r\n");
  if (first == std::string_view::npos || (text[first] != '{' && text[first] != '[')) return false;
  const auto unit = [&](std::size_t at) -> int {
    if (at + 6 > text.size() || text[at] != '\\' || text[at + 1] != 'u') return -1;
    int value = 0;
    for (std::size_t i = at + 2; i < at + 6; ++i) {
      if (std::isxdigit(static_cast<unsigned char>(text[i])) == 0) return -1;
      value = value * 16 + (text[i] <= '9' ? text[i] - '0' : (text[i] | 0x20) - 'a' + 10);
    }
    return value;
  };
  bool found = false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '\\') {
      out += text[i];
      continue;
    }
    const int high = unit(i);
    const int low = high >= 0xD800 && high < 0xDC00 ? unit(i + 6) : -1;
    if (low >= 0xDC00 && low < 0xE000) {
      out += text::format("\\U{:08X}", 0x10000 + ((high - 0xD800) << 10) + (low - 0xDC00));
      i += 11;
      found = true;
      continue;
    }
    out += text[i];
    if (i + 1 < text.size()) out += text[++i];  // the escaped character begins no escape of its own
  }
  return found;
}

class Collector {
 public:
  Collector(std::string_view source, const YamlLimits& limits, std::vector<Document>& out)
      : source_(source), limits_(limits), out_(out) {}

  void add(json::Value root, int line, int index, const std::vector<int>& item_lines, const Composer& composer) {
    if (!root.is_object()) {
      composer.fail(line, text::format("document {} is a {}, not an object: an object begins with apiVersion and kind",
                                       index, root.is_array() ? "list" : "single value"));
    }
    const Object object(std::move(root));
    if (!is_list(object)) return push(object, line, index, composer);
    const json::Array& items = object.value().get_object().at("items").get_array();
    for (std::size_t i = 0; i < items.size(); ++i) {
      const int item_line = i < item_lines.size() ? item_lines[i] : line;
      if (items[i].is_null()) continue;
      add(items[i], item_line, index, {}, composer);
    }
  }

 private:
  static bool is_list(const Object& object) {
    if (!object.kind().ends_with("List")) return false;
    const json::Value* items = json::find(object.value(), "items");
    return items != nullptr && items->is_array();
  }

  void push(Object object, int line, int index, const Composer& composer) {
    if (out_.size() >= limits_.documents) {
      composer.fail(line, text::format("more than {} objects in one text: split it", limits_.documents));
    }
    Document document;
    document.object = std::move(object);
    document.source = source_;
    document.line = line;
    document.index = index;
    out_.push_back(std::move(document));
  }

  const std::string source_;
  const YamlLimits& limits_;
  std::vector<Document>& out_;
};

}  // namespace

std::string Document::place() const { return text::format("{}:{} (document {})", source, line, index); }

std::vector<Document> parse_documents(std::string_view text, std::string_view source_name, const YamlLimits& limits) {
  std::string joined;
  if (text.size() <= limits.bytes && join_surrogates(text, joined)) text = joined;
  Composer composer(text, source_name, limits);
  std::vector<Document> documents;
  Collector collector(source_name, limits, documents);
  json::Value root;
  int line = 1;
  std::size_t count = 0;
  for (int index = 1; composer.next_document(root, line); ++index) {
    if (++count > limits.documents)
      composer.fail(line, text::format("more than {} documents in one text: split it", limits.documents));
    if (!root.is_null()) collector.add(std::move(root), line, index, composer.item_lines(), composer);
  }
  return documents;
}

json::Value parse_yaml(std::string_view text, std::string_view source_name, const YamlLimits& limits) {
  std::string joined;
  if (text.size() <= limits.bytes && join_surrogates(text, joined)) text = joined;
  Composer composer(text, source_name, limits);
  json::Value root;
  int line = 1;
  if (!composer.next_document(root, line)) return nullptr;
  json::Value second;
  if (composer.next_document(second, line)) composer.fail(line, "a second document begins here, only one is expected");
  return root;
}

}  // namespace fairlead::kube
