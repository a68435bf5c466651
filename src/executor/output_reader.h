// SPDX-License-Identifier: Apache-2.0
// A script's output, bytes in, lines out: split, secrets hidden, service messages taken out and obeyed. No I/O.
// One thread at a time.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "executor/mask.h"
#include "link/commands.h"

namespace fairlead::executor {

inline constexpr std::size_t kMaxOutputLineBytes = 32 << 10;  // longer lines are shown in several
inline constexpr std::size_t kMaxOutputVariables = 10'000;
inline constexpr std::size_t kMaxOutputVariableBytes = 1 << 20;
inline constexpr std::size_t kMaxForwardedMessages = 1'000;

// Seals the value of a sensitive output variable for the server.
using SealOutput = std::function<link::Confidential(const Secret& value)>;

class OutputReader {
 public:
  OutputReader(const Clock& clock, Mask& mask, SealOutput seal) : clock_(clock), mask_(mask), seal_(std::move(seal)) {}

  enum Stream { out = 0, err = 1 };
  void feed(Stream stream, std::string_view bytes);
  // The output has ended: what is left is a line.
  void finish();
  // Lines ready for the log; empties the list.
  std::vector<link::LogLine> take_lines() { return std::exchange(lines_, {}); }

  // Gathered for the result: output variables (the last value of a name wins), messages to pass on, the number of
  // lines.
  std::vector<link::OutputVariable> outputs() const;
  const std::vector<link::ServiceMessage>& messages() const { return messages_; }
  std::int64_t line_count() const { return line_count_; }
  // What resultMessage said: the text of the step's failure.
  const std::string& result_message() const { return result_message_; }

 private:
  struct State {
    std::string partial;
    std::string category;  // empty: the stream's default
  };
  void line(Stream stream, std::string text);
  void show(Stream stream, std::string text);
  void obey(const link::ServiceMessage& message);
  void set_variable(const link::ServiceMessage& message);
  void note(std::string_view category, std::string text);

  const Clock& clock_;
  Mask& mask_;
  const SealOutput seal_;
  State states_[2];
  std::vector<link::LogLine> lines_;
  std::vector<std::pair<std::string, link::Confidential>> outputs_;
  std::vector<link::ServiceMessage> messages_;
  std::int64_t line_count_ = 0;
  std::string result_message_;
};

}  // namespace fairlead::executor
