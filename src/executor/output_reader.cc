// SPDX-License-Identifier: Apache-2.0
#include "executor/output_reader.h"

#include <algorithm>
#include <variant>

#include "base/text.h"
#include "executor/service_message.h"

namespace fairlead::executor {
namespace {

// A service message is never split: it may be far longer than a line that people read.
constexpr std::size_t kMaxPartialBytes = std::size_t{4} << 20;

std::string attribute(const link::ServiceMessage& message, const std::string& name) {
  const auto found = message.attributes.find(name);
  return found == message.attributes.end() ? std::string() : found->second;
}

struct CategorySwitch {
  std::string_view message;
  OutputReader::Stream stream;
  std::string_view category;  // empty: the default; "-": lines are dropped
};
constexpr CategorySwitch kSwitches[] = {
    {"stdout-default", OutputReader::out, ""},        {"stdout-verbose", OutputReader::out, "Verbose"},
    {"stdout-warning", OutputReader::out, "Warning"}, {"stdout-error", OutputReader::out, "Error"},
    {"stdout-wait", OutputReader::out, "Wait"},       {"stdout-highlight", OutputReader::out, "Highlight"},
    {"stdout-ignore", OutputReader::out, "-"},        {"stderr-default", OutputReader::err, ""},
    {"stderr-error", OutputReader::err, "Error"},     {"stderr-progress", OutputReader::err, "Verbose"},
    {"stderr-ignore", OutputReader::err, "-"},
};

}  // namespace

void OutputReader::feed(Stream stream, std::string_view bytes) {
  State& state = states_[stream];
  while (!bytes.empty()) {
    const std::size_t end = bytes.find('\n');
    state.partial += bytes.substr(0, end);
    if (end == std::string_view::npos) break;
    bytes.remove_prefix(end + 1);
    line(stream, std::exchange(state.partial, {}));
  }
  const bool may_be_message = state.partial.find("##octopus[") != std::string::npos;
  if (state.partial.size() <= (may_be_message ? kMaxPartialBytes : kMaxOutputLineBytes * 2)) return;
  // Hide what is complete, then keep back as much as a secret that is only half there could fill.
  std::string hidden = mask_.apply(std::exchange(state.partial, {}));
  const std::size_t keep = mask_.longest();
  if (hidden.size() <= keep + kMaxOutputLineBytes) {
    state.partial = std::move(hidden);
    if (state.partial.size() < kMaxPartialBytes) return;
    hidden = std::exchange(state.partial, {});
  }
  const std::size_t shown = hidden.size() > keep ? hidden.size() - keep : hidden.size();
  state.partial = hidden.substr(shown);
  hidden.resize(shown);
  show(stream, std::move(hidden));
}

void OutputReader::finish() {
  for (const Stream stream : {out, err}) {
    if (!states_[stream].partial.empty()) line(stream, std::exchange(states_[stream].partial, {}));
  }
}

void OutputReader::line(Stream stream, std::string text) {
  if (!text.empty() && text.back() == '\r') text.pop_back();
  ++line_count_;
  for (LinePart& part : split_line(text)) {
    if (const auto* message = std::get_if<link::ServiceMessage>(&part)) {
      obey(*message);
    } else {
      show(stream, mask_.apply(std::move(std::get<std::string>(part))));
    }
  }
}

// `text` has its secrets hidden.
void OutputReader::show(Stream stream, std::string text) {
  const std::string& category = states_[stream].category;
  if (category == "-") return;
  std::replace(text.begin(), text.end(), '\0', ' ');
  std::string_view rest = text;
  do {
    std::size_t size = std::min(rest.size(), kMaxOutputLineBytes);
    // Not in the middle of a UTF-8 sequence, where the text is one.
    for (int back = 0;
         back < 3 && size < rest.size() && size > 1 && (static_cast<unsigned char>(rest[size]) & 0xc0) == 0x80; ++back)
      --size;
    note(category.empty() ? (stream == out ? "Info" : "Error") : std::string_view(category),
         std::string(rest.substr(0, size)));
    rest.remove_prefix(size);
  } while (!rest.empty());
}

void OutputReader::note(std::string_view category, std::string text) {
  link::LogLine added;
  added.time = clock_.now();
  added.category = category;
  added.text = std::move(text);
  lines_.push_back(std::move(added));
}

void OutputReader::obey(const link::ServiceMessage& message) {
  for (const CategorySwitch& entry : kSwitches) {
    if (message.name == entry.message) {
      states_[entry.stream].category = entry.category;
      return;
    }
  }
  if (message.name == "setVariable") {
    set_variable(message);
  } else if (message.name == "mask") {
    for (const auto& [name, value] : message.attributes) mask_.add(Secret(value));
  } else if (message.name == "progress") {
    link::LogLine added;
    added.time = clock_.now();
    added.category = "Verbose";
    added.text = mask_.apply(attribute(message, "message"));
    const std::int64_t percent = text::parse_int(attribute(message, "percentage")).value_or(0);
    added.progress = static_cast<int>(std::clamp<std::int64_t>(percent, 0, 100));
    lines_.push_back(std::move(added));
  } else if (message.name == "resultMessage") {
    result_message_ = mask_.apply(attribute(message, "message"));
  } else if (messages_.size() < kMaxForwardedMessages) {
    link::ServiceMessage kept = message;
    for (auto& [name, value] : kept.attributes) value = mask_.apply(std::move(value));
    messages_.push_back(std::move(kept));
  }
}

void OutputReader::set_variable(const link::ServiceMessage& message) {
  const std::string name = attribute(message, "name");
  const std::string value = attribute(message, "value");
  if (name.empty()) {
    note("Warning", "an output variable without a name was ignored");
    return;
  }
  if (value.size() > kMaxOutputVariableBytes || outputs_.size() >= kMaxOutputVariables) {
    note("Warning", text::format("output variable \"{}\" was ignored: at most {} variables of {} MiB each are kept",
                                 name, kMaxOutputVariables, kMaxOutputVariableBytes >> 20));
    return;
  }
  link::Confidential kept = link::Confidential::of(value);
  // A value that contains a secret is one, whatever the script says: results are kept and shown in plain text.
  if (text::parse_bool(attribute(message, "sensitive")).value_or(false) || mask_.apply(value) != value) {
    const Secret secret(value);
    mask_.add(secret);
    kept = seal_(secret);
  }
  const auto known =
      std::find_if(outputs_.begin(), outputs_.end(), [&](const auto& output) { return output.first == name; });
  if (known == outputs_.end()) {
    outputs_.emplace_back(name, std::move(kept));
  } else {
    known->second = std::move(kept);
  }
}

std::vector<link::OutputVariable> OutputReader::outputs() const {
  std::vector<link::OutputVariable> out;
  for (const auto& [name, value] : outputs_) out.push_back({name, value});
  return out;
}

}  // namespace fairlead::executor
