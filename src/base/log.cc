// SPDX-License-Identifier: Apache-2.0
#include "base/log.h"

#include <unistd.h>

#include <atomic>

#include "base/clock.h"

namespace fairlead::log {

namespace {

std::atomic<Format> format_of_output{Format::text};
std::atomic<Level> least_level{Level::info};

std::string_view name_of(Level level) {
  switch (level) {
    case Level::debug: return "debug";
    case Level::info: return "info";
    case Level::warning: return "warning";
    case Level::error: return "error";
  }
  return "error";
}

void append_quoted(std::string& out, std::string_view value) {
  out += '"';
  for (const char c : value) {
    if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else if (c == '\n') {
      out += "\\n";
    } else if (static_cast<unsigned char>(c) < 0x20) {
      out += fairlead::text::format("\\u{:04x}", static_cast<unsigned>(static_cast<unsigned char>(c)));
    } else {
      out += c;
    }
  }
  out += '"';
}

void write_whole(std::string_view line) {
  while (!line.empty()) {
    const ssize_t count = ::write(STDERR_FILENO, line.data(), line.size());
    if (count <= 0) return;  // nowhere left to complain to
    line.remove_prefix(static_cast<std::size_t>(count));
  }
}

}  // namespace

void configure(Format format, Level least) {
  format_of_output = format;
  least_level = least;
}

void write(Level level, std::string_view message, std::initializer_list<Field> fields) {
  if (level < least_level.load(std::memory_order_relaxed)) return;
  const std::string now = iso8601(system_clock().now());
  std::string line;
  if (format_of_output == Format::json) {
    line = fairlead::text::format("{{\"time\":\"{}\",\"level\":\"{}\",\"message\":", now, name_of(level));
    append_quoted(line, message);
    for (const Field& field : fields) {
      line += ',';
      append_quoted(line, field.name);
      line += ':';
      append_quoted(line, field.value);
    }
    line += "}\n";
  } else {
    line = fairlead::text::format("{} {:<7} {}", now, name_of(level), message);
    for (const Field& field : fields) {
      line += fairlead::text::format(" {}=", field.name);
      append_quoted(line, field.value);
    }
    line += '\n';
  }
  write_whole(line);  // one write per line, so that lines of two threads never mix
}

}  // namespace fairlead::log
