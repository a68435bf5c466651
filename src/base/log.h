// SPDX-License-Identifier: Apache-2.0
// Structured log of the process: one JSON object a line on standard error (or readable text on a terminal).
// Thread-safe. Secrets have no text form, so they cannot be passed.
#pragma once

#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>

#include "base/text.h"

namespace fairlead::log {

enum class Level { debug, info, warning, error };
enum class Format { text, json };

struct Field {
  std::string_view name;
  std::string value;
  Field(std::string_view key, std::string text) : name(key), value(std::move(text)) {}
  Field(std::string_view key, std::string_view text) : name(key), value(text) {}
  Field(std::string_view key, const char* text) : name(key), value(text) {}
  template <class Number>
    requires std::is_arithmetic_v<Number>
  Field(std::string_view key, Number number) : name(key), value(text::format("{}", number)) {}
};

// Called once at the start of main; the default is text at level info.
void configure(Format format, Level least);
void write(Level level, std::string_view message, std::initializer_list<Field> fields);

inline void debug(std::string_view message, std::initializer_list<Field> fields = {}) {
  write(Level::debug, message, fields);
}
inline void info(std::string_view message, std::initializer_list<Field> fields = {}) {
  write(Level::info, message, fields);
}
inline void warning(std::string_view message, std::initializer_list<Field> fields = {}) {
  write(Level::warning, message, fields);
}
inline void error(std::string_view message, std::initializer_list<Field> fields = {}) {
  write(Level::error, message, fields);
}

}  // namespace fairlead::log
