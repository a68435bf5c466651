// SPDX-License-Identifier: Apache-2.0
#include "json/diff.h"

#include "base/text.h"

namespace fairlead::json {

namespace {

class Walk {
 public:
  Walk(std::vector<Difference>& found, std::size_t limit) : found_(found), limit_(limit) {}

  void compare(const std::string& path, const Value* before, const Value* after) {
    if (found_.size() >= limit_ || (before != nullptr && after != nullptr && *before == *after)) return;
    if (before != nullptr && after != nullptr && before->is_object() && after->is_object()) {
      objects(path, before->get_object(), after->get_object());
    } else if (before != nullptr && after != nullptr && before->is_array() && after->is_array()) {
      arrays(path, before->get_array(), after->get_array());
    } else {
      found_.push_back({path, before == nullptr ? "" : text_of(*before), after == nullptr ? "" : text_of(*after)});
    }
  }

 private:
  static std::string below(const std::string& path, std::string_view key) {
    return path.empty() ? std::string(key) : path + "." + std::string(key);
  }

  void objects(const std::string& path, const Object& before, const Object& after) {
    for (const auto& member : before)
      compare(below(path, member.key()), &member.value(), after.if_contains(member.key()));
    for (const auto& member : after) {
      if (before.if_contains(member.key()) == nullptr) compare(below(path, member.key()), nullptr, &member.value());
    }
  }

  static const Value* partner(const Array& array, const Value& element, std::size_t index) {
    const std::optional<std::string_view> id = find_string(element, "Id");
    if (!id) return index < array.size() ? &array[index] : nullptr;
    for (const Value& other : array) {
      if (find_string(other, "Id") == id) return &other;
    }
    return nullptr;
  }

  void arrays(const std::string& path, const Array& before, const Array& after) {
    for (std::size_t i = 0; i < before.size(); ++i) {
      compare(text::format("{}[{}]", path, i), &before[i], partner(after, before[i], i));
    }
    for (std::size_t i = 0; i < after.size(); ++i) {
      if (partner(before, after[i], i) == nullptr) compare(text::format("{}[{}]", path, i), nullptr, &after[i]);
    }
  }

  std::vector<Difference>& found_;
  const std::size_t limit_;
};

}  // namespace

std::vector<Difference> diff(const Value& before, const Value& after, std::size_t limit) {
  std::vector<Difference> found;
  Walk(found, limit).compare("", &before, &after);
  return found;
}

}  // namespace fairlead::json
