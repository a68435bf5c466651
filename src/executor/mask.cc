// SPDX-License-Identifier: Apache-2.0
#include "executor/mask.h"

#include <algorithm>

#include "base/bytes.h"
#include "base/text.h"

namespace fairlead::executor {

void Mask::add(const Secret& value) {
  const std::lock_guard lock(mutex_);
  const std::string_view text = value.reveal();
  if (text.size() < kMinimumBytes) return;
  add_value(text);
  add_value(base64(text));
  if (text.find('\n') != std::string_view::npos) {
    for (const std::string& line : text::split(text, '\n')) add_value(text::trim(line));
  }
}

void Mask::add_value(std::string_view value) {
  if (value.size() < kMinimumBytes || values_.size() >= kMaxValues) return;
  const auto same = [&](const Secret& known) { return known.reveal() == value; };
  if (std::any_of(values_.begin(), values_.end(), same)) return;
  const auto at = std::find_if(values_.begin(), values_.end(),
                               [&](const Secret& known) { return known.reveal().size() < value.size(); });
  values_.insert(at, Secret(std::string(value)));
  longest_ = std::max(longest_, value.size());
}

std::string Mask::apply(std::string text) const {
  const std::lock_guard lock(mutex_);
  for (const Secret& value : values_) {
    if (text.find(value.reveal()) != std::string::npos)
      text = text::replace_all(std::move(text), value.reveal(), "********");
  }
  return text;
}

std::size_t Mask::longest() const {
  const std::lock_guard lock(mutex_);
  return longest_;
}

bool Mask::empty() const {
  const std::lock_guard lock(mutex_);
  return values_.empty();
}

}  // namespace fairlead::executor
