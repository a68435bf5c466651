// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <utility>

#include "base/text.h"
#include "domain/octostache/dotnet_format.h"

namespace fairlead::domain::octostache {

namespace {

constexpr std::int64_t kMaxPrecision = 99;

struct Decimal {
  bool negative = false;
  std::string whole;     // no leading zeros, at least one digit
  std::string fraction;  // as many digits as there are
};

bool is_digit(char c) { return c >= '0' && c <= '9'; }

std::optional<Decimal> parse_decimal(std::string_view digits) {
  Decimal decimal;
  decimal.negative = digits.starts_with('-');
  if (decimal.negative) digits.remove_prefix(1);
  const std::size_t point = std::min(digits.find('.'), digits.size());
  decimal.whole = digits.substr(0, point);
  if (point < digits.size()) decimal.fraction = digits.substr(point + 1);
  if (!std::all_of(decimal.whole.begin(), decimal.whole.end(), is_digit)) return std::nullopt;
  if (!std::all_of(decimal.fraction.begin(), decimal.fraction.end(), is_digit)) return std::nullopt;
  const std::size_t first = decimal.whole.find_first_not_of('0');
  decimal.whole = first == std::string::npos ? "0" : decimal.whole.substr(first);
  return decimal;
}

void shift_left(Decimal& decimal, std::size_t places) {
  while (decimal.fraction.size() < places) decimal.fraction += '0';
  decimal.whole += decimal.fraction.substr(0, places);
  decimal.fraction.erase(0, places);
  const std::size_t first = decimal.whole.find_first_not_of('0');
  decimal.whole = first == std::string::npos ? "0" : decimal.whole.substr(first);
}

// Exactly `places` digits after the point.
void round_to(Decimal& decimal, std::size_t places) {
  const bool up = decimal.fraction.size() > places && decimal.fraction[places] >= '5';
  decimal.fraction.resize(places, '0');
  if (up) {
    std::string all = decimal.whole + decimal.fraction;
    std::size_t at = all.size();
    while (at > 0 && all[at - 1] == '9') all[--at] = '0';
    if (at > 0) {
      ++all[at - 1];
    } else {
      all.insert(0, "1");
    }
    decimal.fraction = all.substr(all.size() - places);
    decimal.whole = all.substr(0, all.size() - places);
  }
  const bool zero = (decimal.whole + decimal.fraction).find_first_not_of('0') == std::string::npos;
  if (zero) decimal.negative = false;
}

std::string grouped(const std::string& whole) {
  std::string out;
  for (std::size_t i = 0; i < whole.size(); ++i) {
    if (i > 0 && (whole.size() - i) % 3 == 0) out += ',';
    out += whole[i];
  }
  return out;
}

std::string plain(const Decimal& decimal, bool with_groups) {
  std::string out = decimal.negative ? "-" : "";
  out += with_groups ? grouped(decimal.whole) : decimal.whole;
  return decimal.fraction.empty() ? out : out + "." + decimal.fraction;
}

std::string hexadecimal(const Decimal& decimal, bool upper, std::size_t width) {
  std::uint64_t value = 0;
  for (const char c : decimal.whole) value = value * 10 + static_cast<std::uint64_t>(c - '0');
  if (decimal.negative) value = ~value + 1;
  // .NET formats a 32-bit integer here.
  if (decimal.negative) value &= 0xFFFFFFFF;
  std::string out = upper ? text::format("{:X}", value) : text::format("{:x}", value);
  return out.size() < width ? std::string(width - out.size(), '0') + out : out;
}

// 1.234568E+004: six digits unless asked otherwise, three of the exponent.
std::string scientific(Decimal decimal, char letter, std::size_t places) {
  std::string all = decimal.whole + decimal.fraction;
  const std::size_t first = all.find_first_not_of('0');
  std::int64_t exponent = 0;
  Decimal mantissa{decimal.negative, "0", ""};
  if (first != std::string::npos) {
    exponent = static_cast<std::int64_t>(decimal.whole.size()) - static_cast<std::int64_t>(first) - 1;
    mantissa.whole = all.substr(first, 1);
    mantissa.fraction = all.substr(first + 1);
  }
  round_to(mantissa, places);
  if (mantissa.whole == "10") {
    mantissa.whole = "1";
    ++exponent;
  }
  return text::format("{}{}{}{:03}", plain(mantissa, false), letter, exponent < 0 ? '-' : '+', std::abs(exponent));
}

std::optional<std::string> standard_number(Decimal decimal, char letter, std::optional<std::size_t> precision,
                                           bool is_integer) {
  switch (letter) {
    case 'N':
    case 'n':
    case 'F':
    case 'f': round_to(decimal, precision.value_or(2)); return plain(decimal, letter == 'N' || letter == 'n');
    case 'C':
    case 'c': {
      round_to(decimal, precision.value_or(2));
      const bool negative = std::exchange(decimal.negative, false);
      const std::string amount = "¤" + plain(decimal, true);
      return negative ? "(" + amount + ")" : amount;
    }
    case 'P':
    case 'p':
      shift_left(decimal, 2);
      round_to(decimal, precision.value_or(2));
      return plain(decimal, true) + " %";
    case 'D':
    case 'd': {
      if (!is_integer) return std::nullopt;
      const std::size_t width = precision.value_or(1);
      if (decimal.whole.size() < width) decimal.whole.insert(0, width - decimal.whole.size(), '0');
      return plain({decimal.negative, decimal.whole, ""}, false);
    }
    case 'X':
    case 'x':
      if (!is_integer || decimal.whole.size() > 18) return std::nullopt;
      return hexadecimal(decimal, letter == 'X', precision.value_or(1));
    case 'E':
    case 'e': return scientific(decimal, letter, precision.value_or(6));
    case 'G':
    case 'g':
    case 'R':
    case 'r': return plain(decimal, false);
    default: return std::nullopt;
  }
}

// The parts of a custom format before and after the point, and what else it asks for.
struct Custom {
  std::size_t whole_zeros = 0, fraction_zeros = 0, fraction_places = 0;
  bool groups = false;
  std::size_t percent = 0, thousands = 0;
};

// Positions of digits in a custom format, with literals passed over.
Custom analyse(std::string_view format) {
  Custom custom;
  bool after_point = false;
  bool seen_zero = false;
  std::size_t commas = 0;
  for (std::size_t at = 0; at < format.size(); ++at) {
    const char c = format[at];
    if (c == '\\') {
      ++at;
    } else if (c == '\'' || c == '"') {
      at = std::min(format.find(c, at + 1), format.size());
    } else if (c == '0' || c == '#') {
      if (commas > 0) custom.groups = true;
      commas = 0;
      if (after_point) {
        ++custom.fraction_places;
        if (c == '0') custom.fraction_zeros = custom.fraction_places;
      } else {
        seen_zero = seen_zero || c == '0';
        if (seen_zero) ++custom.whole_zeros;
      }
    } else if (c == '.' && !after_point) {
      custom.thousands += commas;
      commas = 0;
      after_point = true;
    } else if (c == ',' && !after_point) {
      ++commas;
    } else if (c == '%') {
      ++custom.percent;
    }
  }
  custom.thousands += commas;
  return custom;
}

std::string custom_number(Decimal decimal, std::string_view format) {
  const Custom asked = analyse(format);
  for (std::size_t i = 0; i < asked.percent; ++i) shift_left(decimal, 2);
  for (std::size_t i = 0; i < asked.thousands * 3; ++i) {
    decimal.fraction.insert(0, 1, decimal.whole.back());
    decimal.whole.pop_back();
    if (decimal.whole.empty()) decimal.whole = "0";
  }
  round_to(decimal, asked.fraction_places);
  while (decimal.fraction.size() > asked.fraction_zeros && decimal.fraction.ends_with('0')) decimal.fraction.pop_back();
  std::string whole = decimal.whole == "0" ? "" : decimal.whole;
  if (whole.size() < asked.whole_zeros) whole.insert(0, asked.whole_zeros - whole.size(), '0');
  if (asked.groups) whole = grouped(whole);

  std::string out = decimal.negative ? "-" : "";
  bool whole_written = false;
  bool point_seen = false;
  bool fraction_written = false;
  for (std::size_t at = 0; at < format.size(); ++at) {
    const char c = format[at];
    if (c == '\\' && at + 1 < format.size()) {
      out += format[++at];
    } else if (c == '\'' || c == '"') {
      const std::size_t end = std::min(format.find(c, at + 1), format.size());
      out += format.substr(at + 1, end - at - 1);
      at = end;
    } else if (c == '0' || c == '#') {
      if (!point_seen && !std::exchange(whole_written, true)) out += whole;
      if (point_seen && !std::exchange(fraction_written, true) && !decimal.fraction.empty()) out += decimal.fraction;
    } else if (c == '.' && !point_seen) {
      if (!std::exchange(whole_written, true)) out += whole;
      if (!decimal.fraction.empty()) out += '.';
      point_seen = true;
    } else if (c != ',') {
      out += c;
    }
  }
  return out;
}

}  // namespace

std::optional<std::string> format_number(std::string_view digits, std::string_view format, bool is_integer) {
  std::optional<Decimal> decimal = parse_decimal(digits);
  if (!decimal || format.size() > kMaxFormatBytes) return std::nullopt;
  if (format.empty()) return std::string(digits);
  const std::string_view rest = format.substr(1);
  const char letter = format[0];
  const bool is_letter = (letter >= 'a' && letter <= 'z') || (letter >= 'A' && letter <= 'Z');
  if (is_letter && std::all_of(rest.begin(), rest.end(), is_digit)) {
    const std::optional<std::int64_t> precision = text::parse_int(rest);
    if (!rest.empty() && (!precision || *precision > kMaxPrecision)) return std::nullopt;
    return standard_number(*decimal, letter,
                           precision ? std::optional(static_cast<std::size_t>(*precision)) : std::nullopt, is_integer);
  }
  // Sections: positive; negative; zero.
  const std::vector<std::string> sections = text::split(format, ';');
  const bool zero = (decimal->whole + decimal->fraction).find_first_not_of('0') == std::string::npos;
  if (zero && sections.size() > 2) return custom_number(*decimal, sections[2]);
  if (decimal->negative && sections.size() > 1 && !sections[1].empty()) {
    decimal->negative = false;
    return custom_number(*decimal, sections[1]);
  }
  return custom_number(*decimal, sections[0]);
}

}  // namespace fairlead::domain::octostache
