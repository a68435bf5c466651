// SPDX-License-Identifier: Apache-2.0
#include "domain/octostache/syntax.h"

namespace fairlead::domain::octostache {

namespace {

struct Range {
  char32_t first, last;
};

// Blocks of punctuation, symbols and spaces in the Basic Multilingual Plane. Everything else above ASCII counts as a
// letter; an exact table would cost more than the rare symbol it would refuse.
constexpr Range kNotLetters[] = {
    {0x0080, 0x00A9}, {0x00AB, 0x00B4}, {0x00B6, 0x00B9}, {0x00BB, 0x00BF}, {0x00D7, 0x00D7}, {0x00F7, 0x00F7},
    {0x1680, 0x1680}, {0x2000, 0x2070}, {0x207A, 0x207E}, {0x208A, 0x208E}, {0x20A0, 0x20FF}, {0x2190, 0x2BFF},
    {0x2E00, 0x2E7F}, {0x3000, 0x3004}, {0x3008, 0x3020}, {0x3030, 0x3030}, {0xD800, 0xF8FF}, {0xFE10, 0xFE6F},
    {0xFF01, 0xFF0F}, {0xFF1A, 0xFF20}, {0xFF3B, 0xFF40}, {0xFF5B, 0xFF65}, {0xFFE0, 0xFFFF},
};

bool is_continuation(unsigned char c) { return (c & 0xC0) == 0x80; }

// What must follow white space so that it does not belong to a name: '|', '}', or one of the words and white space.
bool ends_identifier(std::string_view text, std::size_t at) {
  if (at >= text.size() || text[at] == '|' || text[at] == '}') return true;
  const std::string_view rest = text.substr(at);
  for (const std::string_view word : {"in", "==", "!="}) {
    if (!text::starts_with_ignoring_case(rest, word) || rest.size() == word.size()) continue;
    std::size_t after = word.size();
    if (is_white_space(next_code_point(rest, after))) return true;
  }
  return false;
}

}  // namespace

char32_t next_code_point(std::string_view text, std::size_t& at) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned char first = byte(at);
  const std::size_t length = first < 0x80 ? 1 : first >= 0xF0 ? 4 : first >= 0xE0 ? 3 : first >= 0xC2 ? 2 : 0;
  if (length == 1 || length == 0 || at + length > text.size() || first > 0xF4) {
    ++at;
    return first < 0x80 ? first : 0xFFFD;
  }
  char32_t value = first & (0xFF >> (length + 1));
  for (std::size_t i = 1; i < length; ++i) {
    if (!is_continuation(byte(at + i))) {
      ++at;
      return 0xFFFD;
    }
    value = (value << 6) | (byte(at + i) & 0x3F);
  }
  at += length;
  return value;
}

void append_utf8(std::string& out, char32_t c) {
  if (c < 0x80) {
    out += static_cast<char>(c);
    return;
  }
  const int more = c < 0x800 ? 1 : c < 0x10000 ? 2 : 3;
  constexpr unsigned kLead[] = {0, 0xC0, 0xE0, 0xF0};
  out += static_cast<char>(kLead[more] | (c >> (6 * more)));
  for (int i = more - 1; i >= 0; --i) out += static_cast<char>(0x80 | ((c >> (6 * i)) & 0x3F));
}

bool is_letter_or_digit(char32_t c) {
  if (c < 0x80) return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
  if (c >= 0x10000) return false;  // two UTF-16 units, neither of which .NET takes for a letter
  for (const Range& range : kNotLetters) {
    if (c >= range.first && c <= range.last) return false;
  }
  return true;
}

bool is_white_space(char32_t c) {
  return c == ' ' || (c >= 0x09 && c <= 0x0D) || c == 0x85 || c == 0xA0 || c == 0x1680 ||
         (c >= 0x2000 && c <= 0x200A) || c == 0x2028 || c == 0x2029 || c == 0x202F || c == 0x205F || c == 0x3000;
}

bool is_word_character(char32_t c) {
  switch (c) {
    case '_':
    case '-':
    case ':':
    case '/':
    case '~':
    case '(':
    case ')':
    case '@': return true;
    default: return is_letter_or_digit(c);
  }
}

std::string scan_identifier(std::string_view text, std::size_t& at) {
  std::size_t begin = std::string_view::npos;
  std::size_t end = at;  // after the last word character
  std::size_t position = at;
  while (position < text.size()) {
    const std::size_t start = position;
    const char32_t c = next_code_point(text, position);
    if (is_word_character(c)) {
      if (begin == std::string_view::npos) begin = start;
      end = position;
    } else if (!is_white_space(c) || (begin != std::string_view::npos && ends_identifier(text, position))) {
      break;
    }
  }
  if (begin == std::string_view::npos) return {};
  at = end;
  return std::string(text.substr(begin, end - begin));
}

}  // namespace fairlead::domain::octostache
